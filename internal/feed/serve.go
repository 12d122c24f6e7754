package feed

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/portaria/portaria/api"
)

const (
	// writeTimeout ends the stream of somebody who does not read. He comes back
	// and goes on from where he was.
	writeTimeout = 5 * time.Second
	maxBody      = 4 << 10
	maxAck       = 64 << 10 // with those who follow a relay
)

// ErrLease reports somebody who would trust what he hears for longer than is
// allowed.
var ErrLease = errors.New("feed: lease is too long")

// Server serves a log to those who follow it.
type Server struct {
	// Log returns the log, nil while there is none to serve.
	Log func() *Log
	// AsOf is the moment of which the log is; false when that is not known.
	// Whoever follows gets to see how old it is, not how lately it was sent.
	AsOf func() (time.Time, bool)
	// IssuedBy is an upper bound of the "iat" that any process of the issuer
	// wrote up to a moment; false when none is proved. Nil proves none.
	IssuedBy func(asOf time.Time) (time.Time, bool)
	// Rules are all live rules, with those at least that are in Log.
	Rules func() iter.Seq[api.FeedRule]
	Now   func() time.Time
	// Join hears who begins to follow, before he is told anything; an error
	// refuses him. Stays tells whether he may go on, and Acked hears how far he
	// has come. Nil for nobody who cares.
	Join  func(context.Context, api.FollowerAck) error
	Stays func(api.FollowerAck) bool
	Acked func(api.Ack) error
	// Draining is closed when this server stops: followers are asked to reconnect,
	// spread over half their lease. Nil: never.
	Draining <-chan struct{}
}

// ServeHTTP serves the feed, the snapshot, polls and acks, by the last segment
// of the path.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	accepted := s.Now()
	serve := map[string]func(http.ResponseWriter, *http.Request, *session){
		"GET feed": s.stream, "GET snapshot": s.snapshot, "POST poll": s.poll, "POST ack": s.ack,
	}[r.Method+" "+path.Base(r.URL.Path)]
	log := s.Log()
	switch {
	case serve == nil:
		http.NotFound(w, r)
	case log == nil:
		w.Header().Set("Retry-After", "1")
		http.Error(w, "the feed is not known yet", http.StatusServiceUnavailable)
	default:
		w.Header().Set("Cache-Control", "no-store")
		serve(w, r, &session{Server: s, log: log, accepted: accepted})
	}
}

// session is one who follows: where he is, and since when.
type session struct {
	*Server
	log      *Log
	accepted time.Time
	at       int64
	greeted  bool
	keySet   []byte
}

// frame is a frame, and the place in the log that it leads to.
type frame struct {
	api.Frame
	id int64
}

// frames are what he has not seen yet, and how old it is.
func (s *session) frames() ([]frame, <-chan struct{}) {
	asOf, known := s.AsOf() // before the log is read: never younger than it
	n := s.log.since(s.at)
	var out []frame
	add := func(name string, value any, id int64) {
		data, err := json.Marshal(value)
		if err != nil {
			panic(err) // structs of our own
		}
		out = append(out, frame{api.Frame{Type: name, Data: data}, id})
	}
	if !s.greeted && !n.reset {
		add(api.FrameHello, n.hello, 0)
	}
	if n.reset {
		add(api.FrameReset, n.hello, 0)
		s.at = n.hello.Head
	}
	s.greeted = true
	if len(n.keySet) > 0 && !bytes.Equal(s.keySet, n.keySet) {
		add(api.FrameKeySet, n.keySet, 0)
		s.keySet = n.keySet
	}
	for _, part := range n.parts {
		add(api.FrameRules, part, part.To)
		s.at = part.To
	}
	if known {
		add(api.FrameHeartbeat, api.FeedHeartbeat{Head: s.at, Age: floor(asOf.Sub(s.accepted)), Wall: s.wall(asOf)}, 0)
	}
	return out, n.changed
}

// wall is IssuedBy in milliseconds, rounded up; 0 when it is not known.
func (s *Server) wall(asOf time.Time) int64 {
	if s.IssuedBy == nil {
		return 0
	}
	latest, known := s.IssuedBy(asOf)
	if !known {
		return 0
	}
	return latest.UnixMilli() + 1
}

// floor is in milliseconds, rounded to the older side.
func floor(d time.Duration) int64 {
	return int64(math.Floor(float64(d) / float64(time.Millisecond)))
}

// stream serves events until the caller goes, or does not read.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, to *session) {
	text := r.URL.Query().Get("after")
	if text == "" {
		text = r.Header.Get("Last-Event-ID")
	}
	after, err := strconv.ParseInt(text, 10, 64)
	if text != "" && (err != nil || after < 0) {
		http.Error(w, "after is no place of the log", http.StatusBadRequest)
		return
	}
	to.at = after
	who, ok := follower(r.URL.Query(), after)
	if !ok {
		http.Error(w, "not a follower's name, lease_ms or when_stale", http.StatusBadRequest)
		return
	}
	if !s.joins(w, r, who) {
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	control := http.NewResponseController(w)
	beat := time.NewTicker(BeatEvery(time.Duration(who.Staleness) * time.Millisecond))
	defer beat.Stop()
	draining, leave := s.Draining, (<-chan time.Time)(nil)
	for {
		frames, changed := to.frames()
		var b []byte
		for _, f := range frames {
			b = Append(b, f.Type, f.id, f.Data)
		}
		_ = control.SetWriteDeadline(time.Now().Add(writeTimeout)) // not every writer has one
		if _, err := w.Write(b); err != nil || control.Flush() != nil {
			return
		}
		select {
		case <-changed:
		case <-beat.C:
		case <-draining:
			lease := time.Duration(who.Staleness) * time.Millisecond
			draining, leave = nil, time.After(DrainAfter(lease, lease))
		case <-leave:
			_, _ = w.Write(Append(nil, api.FrameDrain, 0, []byte("{}")))
			_ = control.Flush()
			return
		case <-r.Context().Done():
			return
		}
		if s.Stays != nil && !s.Stays(who) {
			return
		}
	}
}

// follower is what a query says of who follows.
func follower(query url.Values, after int64) (api.FollowerAck, bool) {
	lease, err := strconv.ParseInt(cmp.Or(query.Get("lease_ms"), strconv.FormatInt(api.DefaultStaleness.Milliseconds(), 10)), 10, 64)
	who := api.FollowerAck{Verifier: query.Get("verifier"), Seq: after, Staleness: lease, WhenStale: cmp.Or(query.Get("when_stale"), "refuse")}
	return who, err == nil && (who.Verifier == "" || Valid(who)) && lease > 0 && lease <= maxLease
}

// maxLease is a year, in milliseconds.
const maxLease = 365 * 24 * 3600 * 1000

// maxSeq is the greatest position in the log.
const maxSeq = api.MaxPosition

// Valid tells whether an ack can be handed on: whoever gets it refuses all of
// them for the sake of one that is not as it should be.
func Valid(a api.FollowerAck) bool {
	clean := func(s string, most int) bool {
		return len(s) <= most && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar })
	}
	return a.Verifier != "" && clean(a.Verifier, api.MaxVerifierName) && clean(a.KeySet, api.MaxKeySetTag) && clean(a.Audience, api.MaxText) &&
		a.Seq >= 0 && a.Seq <= maxSeq && a.Staleness > 0 && a.Staleness <= maxLease && slices.Contains([]string{"refuse", "introspect", "open"}, a.WhenStale)
}

// joins lets somebody follow, or answers why not.
func (s *Server) joins(w http.ResponseWriter, r *http.Request, who api.FollowerAck) bool {
	if s.Join == nil {
		return true
	}
	return said(w, s.Join(r.Context(), who))
}

// said answers an error, and tells whether there was none.
func said(w http.ResponseWriter, err error) bool {
	switch {
	case errors.Is(err, ErrLease):
		http.Error(w, "the issuer does not allow a lease this long", http.StatusUnprocessableEntity)
	case err != nil:
		w.Header().Set("Retry-After", "1")
		http.Error(w, "cannot be followed now", http.StatusServiceUnavailable)
	}
	return err == nil
}

// poll answers at once when there is news, and otherwise after a while.
func (s *Server) poll(w http.ResponseWriter, r *http.Request, to *session) {
	var in api.Poll
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&in); err != nil || in.After < 0 {
		http.Error(w, "not a poll", http.StatusBadRequest)
		return
	}
	who := api.FollowerAck{Verifier: in.Verifier, Seq: in.After, Staleness: cmp.Or(in.Lease, api.DefaultStaleness.Milliseconds()), WhenStale: cmp.Or(in.WhenStale, "refuse")}
	if in.Verifier != "" && !Valid(who) {
		http.Error(w, "not a poll", http.StatusBadRequest)
		return
	}
	if !s.joins(w, r, who) || in.Ack != nil && !s.heard(w, *in.Ack) {
		return
	}
	if n := to.log.since(in.After); !n.reset && len(n.parts) == 0 && in.Wait > 0 {
		select {
		case <-n.changed:
		case <-time.After(time.Duration(min(in.Wait, api.MaxPollWait)) * time.Second):
		case <-r.Context().Done():
			return
		}
	}
	to.at = in.After
	frames, _ := to.frames()
	out := api.Frames{Frames: make([]api.Frame, len(frames))}
	for i, f := range frames {
		out.Frames[i] = f.Frame
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(out)
}

func (s *Server) ack(w http.ResponseWriter, r *http.Request, _ *session) {
	var in api.Ack
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAck)).Decode(&in); err != nil {
		http.Error(w, "not an ack", http.StatusBadRequest)
		return
	}
	if s.heard(w, in) {
		w.WriteHeader(http.StatusNoContent)
	}
}

// heard takes an ack, or answers why not.
func (s *Server) heard(w http.ResponseWriter, in api.Ack) bool {
	own := api.FollowerAck{Verifier: in.Verifier, Seq: in.Seq, Staleness: in.Staleness, WhenStale: in.WhenStale, KeySet: in.KeySet, Audience: in.Audience}
	if !Valid(own) || slices.ContainsFunc(in.Followers, func(a api.FollowerAck) bool { return !Valid(a) }) {
		http.Error(w, "not an ack", http.StatusBadRequest)
		return false
	}
	return s.Acked == nil || said(w, s.Acked(in))
}

// snapshot serves every rule. The head is read first: the rules are not older.
func (s *Server) snapshot(w http.ResponseWriter, r *http.Request, to *session) {
	asOf, known := s.AsOf()
	if !known {
		http.Error(w, "the feed is not known yet", http.StatusServiceUnavailable)
		return
	}
	n := to.log.since(0)
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("ETag", fmt.Sprintf(`"%d"`, n.hello.Head))
	write := json.NewEncoder(w)
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // a level that exists
		defer func() { _ = z.Close() }()
		write = json.NewEncoder(z)
	}
	head := api.Snapshot{FeedHello: n.hello, Age: -floor(asOf.Sub(to.accepted)), Wall: s.wall(asOf), KeySet: n.keySet}
	if err := write.Encode(head); err != nil {
		return
	}
	for rule := range s.Rules() {
		if err := write.Encode(rule); err != nil {
			return
		}
	}
}
