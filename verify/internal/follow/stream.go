package follow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/feed"
	"github.com/portaria/portaria/verify/internal/upstream"
	"github.com/portaria/portaria/verify/internal/view"
)

const (
	leastBackoff = 20 * time.Millisecond
	mostBackoff  = time.Second
	// pollFor is how long polls replace a stream that did not begin.
	pollFor = 5 * time.Minute
	// leastPoll is between two polls when there is news all the time.
	leastPoll = 20 * time.Millisecond
	// streamFor bounds the life of a stream, because its age is measured by two clocks:
	// in an hour they move apart by less than half a second.
	streamFor      = time.Hour
	maxPoll        = 8 << 20
	silenceDivisor = 2 // of Staleness, after which a stream that says nothing is left
	dialDivisor    = 4 // of Staleness, after which a connection that is not made is left
	// leastSilence leaves room for one heartbeat of an issuer that sends one each
	// second, whatever the lease.
	leastSilence = 1250 * time.Millisecond
)

var (
	errSilent   = errors.New("the feed sends nothing new")
	errBuffered = errors.New("the feed does not begin")
	errDial     = errors.New("cannot connect to the feed")
	errLifetime = errors.New("the stream is old")
	errLonger   = errors.New("a verifier downstream has a longer lease")
)

// stream is what the goroutine that follows owns. Others read the atomic fields.
type stream struct {
	*Follower
	trouble trouble
	polls   time.Time     // until when streams are not tried
	swept   time.Time     // when expired rules were last dropped
	stated  time.Duration // the lease that was sent to the issuer when it was dialled
	pause   snapshotPause

	hasKeys atomic.Bool           // the key set came with the live stream
	failure atomic.Pointer[error] // why the newest attempt ended
}

// run follows until the verifier is closed.
func (s *stream) run() {
	for {
		if s.addresses.Load() == nil {
			select {
			case <-s.found:
				continue
			case <-s.ctx.Done():
				return
			}
		}
		// After a panic it backs off and reconnects, as after a lost stream.
		err := s.config.Panics.Error(s.ctx, "follow", s.follow)
		if s.ctx.Err() != nil {
			return
		}
		s.view.CheckClocks()
		switch {
		case errors.Is(err, errLonger):
			continue // it is known to be there
		case errors.Is(err, upstream.ErrLease):
			s.downstream.notAllowed(s.stated)
			s.failed(err)
		case !errors.Is(err, errLifetime) && !errors.Is(err, errDrained):
			s.failed(err)
		}
		select {
		case <-time.After(leastBackoff + rand.N(s.backoff()-leastBackoff)):
		case <-s.ctx.Done():
			return
		}
	}
}

// follow follows in one way until that fails.
func (s *stream) follow() error {
	if s.config.Now().Before(s.polls) {
		defer s.hasKeys.Store(false)
		err := s.poll()
		s.polls = time.Time{}
		return err
	}
	err := s.connect()
	if errors.Is(err, errBuffered) {
		s.polls = s.config.Now().Add(pollFor)
	}
	return err
}

// backoff is the longest wait before another attempt: a short lease leaves less
// time to renew the view while it is still trusted.
func (s *stream) backoff() time.Duration {
	return min(s.config.Staleness/dialDivisor, mostBackoff)
}

// silence is how long the feed may say nothing new.
func (s *stream) silence() time.Duration {
	return max(s.config.Staleness/silenceDivisor, leastSilence)
}

// connect follows the stream of events. It ends a stream that does not begin in
// time, is too slow, or sends nothing new.
func (s *stream) connect() error {
	ctx, cancel := context.WithCancelCause(s.ctx)
	defer cancel(nil)
	var greeted atomic.Bool
	dog := s.config.Panics.After(s.silence(), "end silent stream", func() {
		if greeted.Load() {
			cancel(errSilent)
		}
		cancel(errBuffered)
	})
	defer dog.Stop()
	end := s.config.Panics.After(streamFor-rand.N(streamFor/8), "end old stream", func() { cancel(errLifetime) })
	defer end.Stop()
	t0 := s.view.Mono(s.config.Now())
	// Who follows, and for how long it trusts what it hears: receipts count on
	// that before the first word.
	lease := s.downstream.lease()
	s.stated = lease
	s.downstream.streaming(cancel)
	defer s.downstream.streaming(nil)
	query := url.Values{"after": {strconv.FormatInt(s.view.Position(), 10)}, "verifier": {s.upstream.Name()},
		"lease_ms": {strconv.FormatInt(lease.Milliseconds(), 10)}, "when_stale": {s.whenStale()}}
	answer, err := s.upstream.Get(s.dialling(ctx, cancel), s.addresses.Load().feed+"?"+query.Encode(), "text/event-stream")
	if err != nil {
		return because(ctx, err)
	}
	defer func() { _ = answer.Body.Close() }()
	defer s.hasKeys.Store(false)
	for events := feed.NewReader(answer.Body); ; {
		e, err := events.Next()
		if err != nil {
			return because(ctx, err)
		}
		if e.Name == api.FrameReset {
			dog.Stop() // the snapshot has a limit of its own
		}
		renewed, err := s.Take(ctx, t0, e.Name, e.Data)
		if err != nil {
			return because(ctx, err)
		}
		if !greeted.Swap(true) || renewed || e.Name == api.FrameRules || e.Name == api.FrameReset {
			dog.Reset(s.silence())
		}
		if renewed {
			s.renewed()
			s.sweep()
		}
	}
}

// dialling leaves a connection that cannot be made while there is still time to
// try again: packets to a machine that has gone are answered by nobody. It says
// nothing of an answer that is slow.
func (s *stream) dialling(ctx context.Context, cancel context.CancelCauseFunc) context.Context {
	var began atomic.Pointer[time.Timer]
	stop := func() {
		if t := began.Swap(nil); t != nil {
			t.Stop()
		}
	}
	s.config.Panics.AfterDone(ctx, "stop dial timer", stop)
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) {
			stop()
			began.Store(s.config.Panics.After(s.config.Staleness/dialDivisor, "end dialling", func() { cancel(errDial) }))
		},
		GotConn: func(httptrace.GotConnInfo) { stop() },
	})
}

// because prefers the reason for which a context was ended.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// sweep forgets rules now and then that refuse nothing any more.
func (s *stream) sweep() {
	now := s.config.Now()
	if now.Sub(s.swept) >= time.Minute || now.Before(s.swept) {
		s.swept = now
		s.view.Sweep(now)
	}
}

// poll follows by polls, through proxies that hold streams back.
func (s *stream) poll() error {
	until := s.config.Now().Add(pollFor)
	wait := time.Duration(0) // the first is to know at once where things stand
	for s.config.Now().Before(until) {
		began := time.Now()
		if err := s.pollOnce(wait); err != nil {
			return err
		}
		wait = max(s.config.Staleness/4, time.Second).Truncate(time.Second)
		s.renewed()
		s.sweep()
		select {
		case <-time.After(leastPoll - time.Since(began)):
		case <-s.ctx.Done():
			return s.ctx.Err()
		}
	}
	return errLifetime
}

func (s *stream) pollOnce(wait time.Duration) error {
	ctx, cancel := context.WithTimeout(s.ctx, wait+s.silence())
	defer cancel()
	t0 := s.view.Mono(s.config.Now())
	s.stated = s.downstream.lease()
	answer, err := s.upstream.Post(ctx, s.addresses.Load().poll, api.Poll{After: s.view.Position(), Wait: int(wait.Seconds()),
		Verifier: s.upstream.Name(), Lease: s.stated.Milliseconds(), WhenStale: s.whenStale()}, "application/json")
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	var frames api.Frames
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxPoll)).Decode(&frames); err != nil {
		return fmt.Errorf("%w: %w", view.ErrFrame, err)
	}
	current := false
	for _, frame := range frames.Frames {
		renewed, err := s.Take(ctx, t0, frame.Type, frame.Data)
		if err != nil {
			return err
		}
		current = current || renewed
	}
	if !current {
		return errSilent
	}
	return nil
}
