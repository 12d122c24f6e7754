package feed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/problem"
)

// Errors of a follower that may not follow.
var (
	// ErrLease reports a lease that is longer than the issuer allows.
	ErrLease = errors.New("feed: lease is too long")
	// ErrUnknown reports a log that is not known yet.
	ErrUnknown = errors.New("feed: the log is not known yet")

	errGone = errors.New("feed: the follower may not go on")
)

// LeaseTooLong is the answer to a lease that is longer than the issuer allows.
func LeaseTooLong(err error) problem.Row {
	return problem.Row{Err: err, Status: http.StatusUnprocessableEntity, Code: "staleness_too_great",
		Title: "The staleness of the verifier is too great.", Detail: "Lower its staleness. The setting revocation_max_staleness is the limit."}
}

// problems are the answers of a relay. They are those of the issuer.
func problems() problem.Table {
	return problem.Join([]problem.Row{LeaseTooLong(ErrLease)})
}

// unavailable is the answer to every other error: the follower tries again.
func unavailable() problem.Row {
	return problem.Row{Status: http.StatusServiceUnavailable, Code: "feed_unavailable", Title: "The revocation feed cannot be followed now.",
		Detail: "Try again after the time in Retry-After."}
}

// Server serves a [Log] to followers, for a relay and for the issuer of a test. It
// protects nothing by itself.
type Server struct {
	// Log returns the log, nil while it is not known.
	Log func() *Log
	// AsOf is the moment as of which the log is known; false when it is not.
	AsOf func() (time.Time, bool)
	// IssuedBy is an upper bound of the "iat" that any process of the issuer wrote
	// up to a moment; false when none is proved. Nil proves none.
	IssuedBy func(asOf time.Time) (time.Time, bool)
	// Rules are all live rules, with those at least that are in Log.
	Rules func() iter.Seq[api.FeedRule]
	Now   func() time.Time
	// Join is called before a follower is sent anything; an error rejects it. Stays
	// reports whether it may go on, and Acked takes its acks. Nil for none.
	Join  func(context.Context, api.FollowerAck) error
	Stays func(api.FollowerAck) bool
	Acked func(api.Ack) error
	// Draining is closed when this server stops: followers are asked to reconnect,
	// spread over half their lease. Nil for never.
	Draining <-chan struct{}
	// Seats bounds the followers; nil for no bound.
	Seats *Seats
}

// ServeHTTP serves the feed, the snapshot, polls and acks, by the last segment of
// the path.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	accepted := s.Now()
	serve := map[string]func(http.ResponseWriter, *http.Request, *Service[*Part], time.Time) error{
		"GET feed": s.stream, "GET snapshot": s.snapshot, "POST poll": s.poll, "POST ack": s.ack,
	}[r.Method+" "+path.Base(r.URL.Path)]
	if serve == nil {
		answer(w, problem.NotFound())
		return
	}
	log := s.Log()
	if log == nil {
		answer(w, ErrUnknown)
		return
	}
	if err := serve(w, r, &Service[*Part]{Source: &relaySource{log, s}, Now: s.Now, Stopping: s.stopping}, accepted); err != nil {
		answer(w, err)
	}
}

func (s *Server) stopping(context.Context) (<-chan struct{}, time.Duration) {
	return s.Draining, MaxLease
}

// answer writes the problem of an error.
func answer(w http.ResponseWriter, err error) {
	a := problems().Of(err)
	if a.Problem.Status == http.StatusInternalServerError {
		a = unavailable().Answer(nil)
		a.RetryAfter = time.Second
	}
	w.Header().Set("Cache-Control", "no-store")
	a.Write(w)
}

func (s *Server) stream(w http.ResponseWriter, r *http.Request, service *Service[*Part], accepted time.Time) error {
	who, err := ParseFollower(r, accepted)
	if err != nil {
		return err
	}
	m, leave, err := s.join(r.Context(), who)
	if err != nil {
		return err
	}
	defer leave()
	_ = service.Stream(w, r, who, m) // the follower has gone
	return nil
}

func (s *Server) poll(w http.ResponseWriter, r *http.Request, service *Service[*Part], accepted time.Time) error {
	var in api.Poll
	if err := decode(w, r, &in); err != nil {
		return err
	}
	if err := checkPoll(in); err != nil {
		return err
	}
	if in.Ack != nil {
		if err := s.acked(*in.Ack); err != nil {
			return err
		}
	}
	who := OfPoll(in, "", accepted)
	m, leave, err := s.join(r.Context(), who)
	if err != nil {
		return err
	}
	defer leave()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(service.Poll(r.Context(), who, time.Duration(in.Wait)*time.Second, m))
	return nil
}

func (s *Server) snapshot(w http.ResponseWriter, r *http.Request, service *Service[*Part], accepted time.Time) error {
	return service.Snapshot(w, r, accepted, func(int64) {})
}

func (s *Server) ack(w http.ResponseWriter, r *http.Request, _ *Service[*Part], _ time.Time) error {
	var in api.Ack
	if err := decode(w, r, &in); err != nil {
		return err
	}
	if err := checkAck(in); err != nil {
		return err
	}
	if err := s.acked(in); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) acked(in api.Ack) error {
	if s.Acked == nil {
		return nil
	}
	return s.Acked(in)
}

// decode reads a body of JSON within [api.MaxBody].
func decode(w http.ResponseWriter, r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, api.MaxBody))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return problem.BodyTooLarge(api.MaxBody)
	case err != nil:
		return problem.BrokenJSON(1, int(d.InputOffset())+1, "expected one object with the documented members")
	}
	return nil
}

// join takes a seat for a follower and has it join.
func (s *Server) join(ctx context.Context, who Follower) (m *member, leave func(), err error) {
	leave = func() {}
	if s.Seats != nil {
		if leave, err = s.Seats.Take(who.Client); err != nil {
			return nil, nil, err
		}
	}
	m = &member{s, api.FollowerAck{Verifier: who.Name, Seq: who.After, Staleness: who.Lease.Milliseconds(), WhenStale: who.WhenStale}}
	if s.Join != nil {
		if err := s.Join(ctx, m.who); err != nil {
			leave()
			return nil, nil, err
		}
	}
	return m, leave, nil
}

// member is a follower of a Server.
type member struct {
	server *Server
	who    api.FollowerAck
}

func (*member) Sends(*Part)       {}
func (*member) Sent(int64, int64) {}

func (*member) Recheck(context.Context) error { return nil }

func (m *member) Stays() error {
	if m.server.Stays != nil && !m.server.Stays(m.who) {
		return errGone
	}
	return nil
}

// relaySource is the log of a Server as a [Source].
type relaySource struct {
	*Log
	server *Server
}

func (s *relaySource) AsOf() (time.Time, bool) { return s.server.AsOf() }
func (s *relaySource) Proof(int64) string      { return "" }

// Wall is IssuedBy in milliseconds, rounded up.
func (s *relaySource) Wall(asOf time.Time) int64 {
	if s.server.IssuedBy == nil {
		return 0
	}
	latest, known := s.server.IssuedBy(asOf)
	if !known {
		return 0
	}
	return latest.UnixMilli() + 1
}

// Snapshot returns all live rules: a base that is made once for all followers, and
// the parts of the log after it.
func (s *relaySource) Snapshot() (Snapshot, bool) {
	asOf, known := s.AsOf() // before the log
	if !known {
		return Snapshot{}, false
	}
	base := &s.Log.base
	base.mu.Lock()
	defer base.mu.Unlock()
	now := s.Log.now()
	if !base.serves(now, asOf) {
		// The rules are read after the head, so that they are not older.
		base.head, base.made, base.members = now.hello.Head, asOf, squeezed(s.server.Rules())
	}
	members := slices.Clone(base.members)
	for _, part := range now.After(base.head) {
		members = append(members, part.lines())
	}
	return Snapshot{Hello: now.hello, AsOf: asOf, Members: members}, true
}

// baseFor bounds how long one base is used, because it keeps expired rules.
const baseFor = time.Minute

// snapshotBase is the rules up to a position, compressed once for all followers.
type snapshotBase struct {
	mu      sync.Mutex
	head    int64
	made    time.Time // zero for none
	members [][]byte
}

// serves reports whether the base is young and the log continues from it. The lock
// is held.
func (b *snapshotBase) serves(now logAt, at time.Time) bool {
	return !b.made.IsZero() && at.Sub(b.made) < baseFor && now.Resumes(b.head)
}

// memberSize is how much text one member of a snapshot has, in bytes.
const memberSize = 64 << 10

// squeezed returns rules as members of a gzip file.
func squeezed(rules iter.Seq[api.FeedRule]) (members [][]byte) {
	var text bytes.Buffer
	write := json.NewEncoder(&text)
	for rule := range rules {
		_ = write.Encode(rule) // numbers and plain texts, to memory
		if text.Len() >= memberSize {
			members = append(members, Squeeze(text.Bytes()))
			text.Reset()
		}
	}
	if text.Len() > 0 {
		members = append(members, Squeeze(text.Bytes()))
	}
	return members
}
