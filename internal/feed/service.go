package feed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/portaria/portaria/api"
)

// writeTimeout ends the stream of a follower that does not read. It reconnects and
// goes on from its position.
const writeTimeout = 10 * time.Second

// Source is a revocation log that is served. B is a part of the log, which is
// encoded once for all followers.
type Source[B any] interface {
	// AsOf returns the moment as of which the log is known; false when it is not.
	// The service reads it before the log, so that the log is never older.
	AsOf() (time.Time, bool)
	// Subscribe returns the log and the parts that come after it. The channel is
	// closed when the follower must reconnect. Call unsubscribe in the end.
	Subscribe() (log View[B], parts <-chan B, unsubscribe func())
	// Event returns a part as an event (see [Append]), and the position that it
	// leads to.
	Event(B) (event []byte, to int64)
	// KeySet returns the published key set and a tag that names it. A set that is
	// not JSON is not sent.
	KeySet() (tag string, set []byte)
	// Changed returns a channel that is closed when streams must send a key set or
	// a heartbeat at once.
	Changed() <-chan struct{}
	// Proof returns what a follower shows when it reconnects; empty for none.
	Proof(position int64) string
	// Wall returns an upper bound of the "iat" that the issuer wrote up to a
	// moment, in milliseconds since 1970; 0 when none is proved.
	Wall(asOf time.Time) int64
	// Snapshot returns all live rules; false while they are not known.
	Snapshot() (Snapshot, bool)
}

// View is a log at one moment.
type View[B any] interface {
	Hello() api.FeedHello
	// Resumes reports whether After can continue from a position. Otherwise the
	// follower needs a snapshot.
	Resumes(after int64) bool
	// After returns the parts from a position to the head.
	After(position int64) []B
}

// Member is one follower in the accounts of the source.
type Member[B any] interface {
	// Sends is called before a part is written.
	Sends(B)
	// Sent is called before the log from one position to another is flushed: after
	// that the follower may have applied it.
	Sent(from, to int64)
	// Stays is called before anything more is written, and returns an error when the
	// follower may not go on. It must be fast.
	Stays() error
	// Recheck is called after a flush, and does what Stays has no time for.
	Recheck(context.Context) error
}

// errReconnect ends the stream of a follower that has to reconnect.
var errReconnect = errors.New("feed: the follower must reconnect")

// Service serves a log as a stream, by polls and as a snapshot. It is the one
// implementation of issuer and relay.
type Service[B any] struct {
	Source Source[B]
	Now    func() time.Time
	// Stopping returns a channel that is closed when the server of a request takes no
	// new ones, and how long it may take to stop: streams and waiting polls end then,
	// spread over half the lease of their followers. Nil for never.
	Stopping func(context.Context) (begun <-chan struct{}, grace time.Duration)

	Seats Seats
	keys  atomic.Pointer[keyFrame]
}

// keyFrame is the key set as an event, made once for each set.
type keyFrame struct {
	tag   string
	event []byte
}

// keyFrame returns the key set as an event, an empty one for a set that is not
// JSON.
func (s *Service[B]) keyFrame() *keyFrame {
	tag, set := s.Source.KeySet()
	if known := s.keys.Load(); known != nil && known.tag == tag {
		return known
	}
	made := &keyFrame{tag: tag}
	var line bytes.Buffer // an event has its data in one line
	if json.Compact(&line, set) == nil {
		made.event = Append(nil, api.FrameKeySet, 0, line.Bytes())
	}
	s.keys.Store(made)
	return made
}

func (s *Service[B]) stopping(ctx context.Context) (begun <-chan struct{}, grace time.Duration) {
	if s.Stopping == nil {
		return nil, 0
	}
	return s.Stopping(ctx)
}

// event encodes a frame of the service's own types.
func event(name string, value any) []byte {
	data, err := json.Marshal(value)
	if err != nil {
		panic(err) // structs of numbers and texts
	}
	return Append(nil, name, 0, data)
}

// heartbeat returns the event that says as of when everything up to head was sent.
func (s *Service[B]) heartbeat(head int64, asOf, accepted time.Time) []byte {
	return event(api.FrameHeartbeat, api.FeedHeartbeat{Head: head, Proof: s.Source.Proof(head), Age: Milliseconds(asOf.Sub(accepted)), Wall: s.Source.Wall(asOf)})
}

// Milliseconds rounds down: a view must never look younger than it is.
func Milliseconds(d time.Duration) int64 {
	ms := d.Milliseconds()
	if time.Duration(ms)*time.Millisecond > d {
		ms--
	}
	return ms
}

// stream is one follower of a stream.
type stream[B any] struct {
	*Service[B]
	who     Follower
	member  Member[B]
	parts   <-chan B
	out     [][]byte // what the next flush sends; parts are those of all followers, not copies
	control *http.ResponseController
	w       http.ResponseWriter
	// from and to bound the part of the log that the follower was sent.
	from, to int64
	keyTag   string
}

// Stream serves events (text/event-stream) until the follower goes, may not stay,
// or does not read. What it promises is in its heartbeats: as of when the follower
// knows everything. Its error says why it ended.
func (s *Service[B]) Stream(w http.ResponseWriter, r *http.Request, who Follower, m Member[B]) error {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	one := &stream[B]{Service: s, who: who, member: m, control: http.NewResponseController(w), w: w}
	// Without this, the server takes the silence of the follower for the end of
	// its connection. Not every writer has deadlines.
	_ = one.control.SetReadDeadline(time.Time{})
	changed := s.Source.Changed()
	asOf, known := s.Source.AsOf() // before the log: then the log has it all
	log, parts, unsubscribe := s.Source.Subscribe()
	defer unsubscribe()
	one.parts = parts
	one.begin(log)
	if err := one.finish(asOf, known); err != nil {
		return err
	}
	return one.run(r.Context(), changed)
}

// begin says where the log is, and catches up.
func (s *stream[B]) begin(log View[B]) {
	hello := log.Hello()
	s.write(event(api.FrameHello, hello))
	s.addKeys()
	s.from, s.to = s.who.After, hello.Head
	if !log.Resumes(s.who.After) {
		s.from = hello.Head // the follower fetches the snapshot by itself
		s.write(event(api.FrameReset, hello))
		return
	}
	for _, part := range log.After(s.who.After) {
		text, _ := s.Source.Event(part)
		s.write(text)
	}
}

func (s *stream[B]) run(ctx context.Context, changed <-chan struct{}) error {
	ticker := time.NewTicker(BeatEvery(s.who.Lease))
	defer ticker.Stop()
	stopping, grace := s.stopping(ctx)
	var leave <-chan time.Time
	for {
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-stopping:
			stopping, leave = nil, time.After(DrainAfter(s.who.Lease, grace))
			continue
		case <-leave:
			s.write(Append(nil, api.FrameDrain, 0, []byte("{}")))
			return s.flush()
		case <-changed:
			changed = s.Source.Changed() // before the beat reads what has changed
			err = s.beat()
		case part, ok := <-s.parts:
			if !ok {
				return errReconnect
			}
			s.add(part)
			if err = s.drain(); err == nil {
				err = s.flush()
			}
		case <-ticker.C:
			err = s.beat()
		}
		if err == nil {
			err = s.member.Recheck(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// write has the next flush send an event.
func (s *stream[B]) write(event []byte) {
	if len(event) > 0 {
		s.out = append(s.out, event)
	}
}

func (s *stream[B]) add(part B) {
	s.member.Sends(part)
	text, to := s.Source.Event(part)
	s.write(text)
	s.to = to
}

// drain adds the parts that are waiting.
func (s *stream[B]) drain() error {
	for {
		select {
		case part, ok := <-s.parts:
			if !ok {
				return errReconnect
			}
			s.add(part)
		default:
			return nil
		}
	}
}

// beat reads the time before it drains, so that nothing up to that time is left
// out.
func (s *stream[B]) beat() error {
	asOf, known := s.Source.AsOf()
	if err := s.drain(); err != nil {
		return err
	}
	s.addKeys()
	return s.finish(asOf, known)
}

// addKeys adds the key set when it is another one than before.
func (s *stream[B]) addKeys() {
	if set := s.keyFrame(); set.tag != s.keyTag {
		s.keyTag = set.tag
		s.write(set.event)
	}
}

func (s *stream[B]) finish(asOf time.Time, known bool) error {
	if known {
		s.write(s.heartbeat(s.to, asOf, s.who.Accepted))
	}
	return s.flush()
}

func (s *stream[B]) flush() error {
	if len(s.out) == 0 {
		return nil
	}
	if err := s.member.Stays(); err != nil {
		return err
	}
	s.member.Sent(s.from, s.to)
	_ = s.control.SetWriteDeadline(time.Now().Add(writeTimeout))
	for _, text := range s.out {
		if _, err := s.w.Write(text); err != nil {
			return err
		}
	}
	if err := s.control.Flush(); err != nil {
		return err
	}
	_ = s.control.SetWriteDeadline(time.Time{})
	clear(s.out) // a large part must not stay in memory for each follower
	s.out = s.out[:0]
	return nil
}

// Poll returns what a stream would send: at once when there is news, and otherwise
// after wait.
func (s *Service[B]) Poll(ctx context.Context, who Follower, wait time.Duration, m Member[B]) api.Frames {
	changed := s.Source.Changed()
	asOf, known := s.Source.AsOf()
	log, parts, unsubscribe := s.Source.Subscribe()
	if wait > 0 && log.Hello().Head == who.After {
		s.await(ctx, who.Lease, parts, changed, wait)
		unsubscribe()
		asOf, known = s.Source.AsOf()
		log, _, unsubscribe = s.Source.Subscribe()
	}
	unsubscribe()
	return s.frames(log, who, asOf, known, m)
}

// await returns when there is news, or after some time. When the server stops, that
// time is spread as for streams.
func (s *Service[B]) await(ctx context.Context, lease time.Duration, parts <-chan B, changed <-chan struct{}, most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	stopping, grace := s.stopping(ctx)
	var leave <-chan time.Time
	for {
		select {
		case <-stopping:
			stopping, leave = nil, time.After(DrainAfter(lease, grace))
			continue
		case <-leave:
		case <-parts:
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
		}
		return
	}
}

func (s *Service[B]) frames(log View[B], who Follower, asOf time.Time, known bool, m Member[B]) api.Frames {
	out := api.Frames{Frames: []api.Frame{}}
	add := func(kind string, event []byte) {
		if len(event) > 0 {
			out.Frames = append(out.Frames, api.Frame{Type: kind, Data: dataOf(event)})
		}
	}
	hello := log.Hello()
	if log.Resumes(who.After) {
		add(api.FrameHello, event(api.FrameHello, hello))
		for _, part := range log.After(who.After) {
			m.Sends(part)
			text, _ := s.Source.Event(part)
			add(api.FrameRules, text)
		}
		m.Sent(who.After, hello.Head)
	} else {
		add(api.FrameReset, event(api.FrameReset, hello))
	}
	add(api.FrameKeySet, s.keyFrame().event)
	if known {
		add(api.FrameHeartbeat, s.heartbeat(hello.Head, asOf, who.Accepted))
	}
	return out
}

// dataOf returns the data of an event made by [Append]: one line.
func dataOf(event []byte) json.RawMessage {
	_, data, _ := bytes.Cut(event, []byte("\ndata: "))
	return slices.Clip(data[:len(data)-len("\n\n")])
}

// Snapshot is all live rules at one moment.
type Snapshot struct {
	Hello api.FeedHello
	AsOf  time.Time
	// Members are members of a gzip file (RFC 1952, section 2.2) with a rule on
	// each line. They are made once for all followers.
	Members [][]byte
}

// Snapshot serves every live rule (application/x-ndjson), compressed where the
// follower accepts it. sent is called with the head before anything is written.
func (s *Service[B]) Snapshot(w http.ResponseWriter, r *http.Request, accepted time.Time, sent func(head int64)) error {
	all, known := s.Source.Snapshot()
	if !known {
		return ErrUnknown
	}
	h := w.Header()
	etag := strconv.Quote(strconv.FormatInt(all.Hello.Head, 10))
	h.Set("Content-Type", "application/x-ndjson")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Encoding")
	h.Set("ETag", etag)
	if matches(r.Header.Get("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	_, set := s.Source.KeySet()
	head, err := json.Marshal(api.Snapshot{FeedHello: all.Hello, Proof: s.Source.Proof(all.Hello.Head), Age: -Milliseconds(all.AsOf.Sub(accepted)),
		Wall: s.Source.Wall(all.AsOf), KeySet: set})
	if err != nil {
		return err
	}
	sent(all.Hello.Head)
	send(w, append([][]byte{Squeeze(append(head, '\n'))}, all.Members...), acceptsGzip(r.Header))
	return nil
}
