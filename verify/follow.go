package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/feed"
)

const (
	leastBackoff = 20 * time.Millisecond
	mostBackoff  = time.Second
	// pollFor is how long polls take the place of a stream that did not begin.
	pollFor = 5 * time.Minute
	// leastPoll is between two polls when there is news all the time.
	leastPoll = 20 * time.Millisecond
	// streamFor bounds the life of a stream, because its age is told by two
	// clocks: in an hour they move apart by less than half a second.
	streamFor      = time.Hour
	maxPoll        = 8 << 20
	silenceDivisor = 2 // of Staleness, after which a stream that says nothing is left
	dialDivisor    = 4 // of Staleness, after which a connection that is not made is left
	// leastSilence leaves room for one heartbeat of an issuer that sends them
	// once a second, whatever the lease.
	leastSilence = 1250 * time.Millisecond
)

// run follows until the verifier is closed.
func (f *follower) run() {
	for {
		if f.places.Load() == nil {
			select {
			case <-f.found:
				continue
			case <-f.ctx.Done():
				return
			}
		}
		// After a panic it backs off and reconnects, as after a lost stream.
		err := f.v.counts.panics.Error(f.ctx, "follow", f.follow)
		if f.ctx.Err() != nil {
			return
		}
		f.suspect()
		switch {
		case errors.Is(err, errLonger):
			continue // it is known to be there
		case errors.Is(err, errLease):
			f.notAllowed(f.saying)
			f.failed(err)
		case !errors.Is(err, errLifetime):
			f.failed(err)
		}
		select {
		case <-time.After(leastBackoff + rand.N(f.backoff()-leastBackoff)):
		case <-f.ctx.Done():
			return
		}
	}
}

// maxCauses bounds how many different causes are logged while the feed is lost.
const maxCauses = 8

// failed records why an attempt ended. It logs the first failure, and then each
// other cause once: two causes that take turns must not fill the log.
func (f *follower) failed(err error) {
	f.failure.Store(&err)
	switch cause := causeOf(err); {
	case errors.Is(err, errSalt):
		if !f.foreign {
			f.config.Log.Error("revocation feed belongs to a different database; restore the database, or restart this service to follow the new one",
				"error", err, "position", f.applied.Load())
		}
		f.foreign = true
	case slices.Contains(f.logged, cause) || len(f.logged) == maxCauses:
	default:
		message := "revocation feed lost"
		if len(f.logged) > 0 {
			message = "revocation feed still lost"
		}
		f.logged = append(f.logged, cause)
		f.config.Log.Warn(message, "error", err, "position", f.applied.Load())
	}
	f.ended()
}

// causeOf returns the text of an error without the address of the request, so
// that a read and a dial that fail in the same way are one cause.
func causeOf(err error) string {
	if request, ok := errors.AsType[*url.Error](err); ok {
		return request.Err.Error()
	}
	return err.Error()
}

// renewed records that the view is current.
func (f *follower) renewed() {
	f.foreign, f.logged = false, nil
	if f.failure.Swap(nil) != nil {
		f.config.Log.Info("revocation feed followed again", "position", f.applied.Load())
	}
	f.ended()
}

// follow follows in one way until that fails.
func (f *follower) follow() error {
	if f.v.now().Before(f.polls) {
		defer f.hasKeys.Store(false)
		err := f.poll()
		f.polls = time.Time{}
		return err
	}
	err := f.stream()
	if errors.Is(err, errBuffered) {
		f.polls = f.v.now().Add(pollFor)
	}
	return err
}

// backoff is the longest wait before another attempt: a short lease leaves less
// time to renew the view while it is still trusted.
func (f *follower) backoff() time.Duration {
	return min(f.config.Staleness/dialDivisor, mostBackoff)
}

// silence is how long the feed may say nothing new.
func (f *follower) silence() time.Duration {
	return max(f.config.Staleness/silenceDivisor, leastSilence)
}

// stream follows the stream of events. Whatever does not begin in time, is too
// slow, or says nothing is left.
func (f *follower) stream() error {
	ctx, cancel := context.WithCancelCause(f.ctx)
	defer cancel(nil)
	var greeted atomic.Bool
	dog := time.AfterFunc(f.silence(), func() {
		if greeted.Load() {
			cancel(errSilent)
		}
		cancel(errBuffered)
	})
	defer dog.Stop()
	end := time.AfterFunc(streamFor-rand.N(streamFor/8), func() { cancel(errLifetime) })
	defer end.Stop()
	t0 := f.mono(f.v.now())
	// Who follows, and for how long it trusts what it hears: receipts count on
	// that before the first word.
	lease := f.lease()
	f.saying = lease
	f.streaming(cancel)
	defer f.streaming(nil)
	query := url.Values{"after": {strconv.FormatInt(f.applied.Load(), 10)}, "verifier": {f.name},
		"lease_ms": {strconv.FormatInt(lease.Milliseconds(), 10)}, "when_stale": {f.policy()}}
	answer, err := f.ask(f.dialling(ctx, cancel), http.MethodGet, f.places.Load().feed+"?"+query.Encode(), nil, "text/event-stream")
	if err != nil {
		return because(ctx, err)
	}
	defer func() { _ = answer.Body.Close() }()
	defer f.hasKeys.Store(false)
	for events := feed.NewReader(answer.Body); ; {
		e, err := events.Next()
		if err != nil {
			return because(ctx, err)
		}
		if e.Name == api.FrameReset {
			dog.Stop() // the snapshot has a limit of its own
		}
		renewed, err := f.frame(ctx, t0, e.Name, e.Data)
		if err != nil {
			return because(ctx, err)
		}
		if !greeted.Swap(true) || renewed || e.Name == api.FrameRules || e.Name == api.FrameReset {
			dog.Reset(f.silence())
		}
		if renewed {
			f.renewed()
			f.sweep()
		}
	}
}

// dialling leaves a connection that cannot be made while there is still time to
// try again: packets to a machine that has gone are answered by nobody. It says
// nothing of an answer that is slow.
func (f *follower) dialling(ctx context.Context, cancel context.CancelCauseFunc) context.Context {
	var began atomic.Pointer[time.Timer]
	stop := func() {
		if t := began.Swap(nil); t != nil {
			t.Stop()
		}
	}
	context.AfterFunc(ctx, stop)
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) {
			stop()
			began.Store(time.AfterFunc(f.config.Staleness/dialDivisor, func() { cancel(errDial) }))
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
func (f *follower) sweep() {
	now := f.v.now()
	if now.Sub(f.swept) >= time.Minute || now.Before(f.swept) {
		f.swept = now
		f.rules.Sweep(now.Unix())
		f.measure()
	}
}

// poll follows by polls, through proxies that hold streams back.
func (f *follower) poll() error {
	until := f.v.now().Add(pollFor)
	wait := time.Duration(0) // the first is to know at once where things stand
	for f.v.now().Before(until) {
		began := time.Now()
		if err := f.pollOnce(wait); err != nil {
			return err
		}
		wait = max(f.config.Staleness/4, time.Second).Truncate(time.Second)
		f.renewed()
		f.sweep()
		select {
		case <-time.After(leastPoll - time.Since(began)):
		case <-f.ctx.Done():
			return f.ctx.Err()
		}
	}
	return errLifetime
}

func (f *follower) pollOnce(wait time.Duration) error {
	ctx, cancel := context.WithTimeout(f.ctx, wait+f.silence())
	defer cancel()
	t0 := f.mono(f.v.now())
	f.saying = f.lease()
	answer, err := f.ask(ctx, http.MethodPost, f.places.Load().poll, api.Poll{After: f.applied.Load(), Wait: int(wait.Seconds()),
		Verifier: f.name, Lease: f.saying.Milliseconds(), WhenStale: f.policy()}, "application/json")
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	var frames api.Frames
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxPoll)).Decode(&frames); err != nil {
		return fmt.Errorf("%w: %w", errFrame, err)
	}
	current := false
	for _, frame := range frames.Frames {
		renewed, err := f.frame(ctx, t0, frame.Type, frame.Data)
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

// ask sends a request with the credentials of this service, and accepts one
// kind of answer; any that says yes when none is named.
func (f *follower) ask(ctx context.Context, method, address string, body any, kind string) (*http.Response, error) {
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return f.send(r, kind)
}

func (f *follower) send(r *http.Request, kind string) (*http.Response, error) {
	// RFC 6749, section 2.3.1: both are encoded like a form first.
	r.SetBasicAuth(url.QueryEscape(f.config.ClientID), url.QueryEscape(string(f.config.ClientSecret)))
	if kind != "" {
		r.Header.Set("Accept", kind)
	}
	if proof := f.proof.Load(); proof != nil {
		r.Header.Set(api.PlaceHeader, *proof)
	}
	if r.Header.Get("Accept-Encoding") == "" {
		r.Header.Set("Accept-Encoding", "identity")
	}
	answer, err := f.client.Do(r)
	if err != nil {
		return nil, err
	}
	got, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	packed := answer.Header.Get("Content-Encoding")
	switch {
	case answer.StatusCode == http.StatusUnprocessableEntity:
		err = errLease
	case answer.StatusCode == http.StatusUnauthorized:
		err = errCredentials
	case answer.StatusCode == http.StatusForbidden:
		err = errScope
	case kind == "" && answer.StatusCode/100 == 2:
		return answer, nil
	case answer.StatusCode != http.StatusOK:
		err = fmt.Errorf("%w: status %d", errFeedReply, answer.StatusCode)
	case err != nil || got != kind:
		err = fmt.Errorf("%w: not %s", errFeedReply, kind)
	case packed != "" && packed != r.Header.Get("Accept-Encoding"):
		err = fmt.Errorf("%w: encoded as %.20q", errFeedReply, packed)
	}
	if err != nil {
		_ = answer.Body.Close()
		return nil, err
	}
	return answer, nil
}
