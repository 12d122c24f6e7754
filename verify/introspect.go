package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	// maxAsking bounds the tokens that are asked about at once. An issuer that
	// has trouble with its feed does not need all requests on top.
	maxAsking        = 64
	introspectFor    = 2 * time.Second
	maxIntrospection = 64 << 10
	// restAfterFailure is how long nobody asks after an issuer did not answer.
	restAfterFailure = time.Second
)

// introspector asks the issuer about tokens (RFC 7662), once for all who have
// the same.
type introspector struct {
	mu    sync.Mutex
	asked map[string]*answered
	rest  int64 // until when nobody asks; see follower.mono
}

type answered struct {
	done chan struct{}
	err  error
}

// introspect returns nil if the issuer said within the bound that the token
// stands, ErrRevoked if it said that it does not, and ErrStale otherwise.
func (f *follower) introspect(ctx context.Context, r *record, q request) error {
	now := f.mono(q.now)
	if at := r.proved.Load(); at != 0 && now-at <= f.config.Staleness.Milliseconds() {
		return nil
	}
	a, err := f.asking.join(q.token, now, func(a *answered) { f.question(a, r, q, now) })
	if err != nil {
		return err
	}
	select {
	case <-a.done:
		return a.err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrStale, ctx.Err())
	}
}

// join returns the question about a token that is under way, or begins one.
func (i *introspector) join(token string, now int64, begin func(*answered)) (*answered, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if a, ok := i.asked[token]; ok {
		return a, nil
	}
	if len(i.asked) >= maxAsking || now < i.rest {
		return nil, fmt.Errorf("%w: and introspection is not to be had", ErrStale)
	}
	a := &answered{done: make(chan struct{})}
	i.asked[strings.Clone(token)] = a
	go begin(a)
	return a, nil
}

// question asks, and lets all who wait know.
func (f *follower) question(a *answered, r *record, q request, now int64) {
	f.v.counts.introspected.Add(1)
	active, err := f.introspection(q.token)
	i := &f.asking
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case err != nil:
		f.v.counts.unanswered.Add(1)
		i.rest = f.mono(f.v.now()) + restAfterFailure.Milliseconds()
		a.err = fmt.Errorf("%w: introspect: %w", ErrStale, err)
	case !active:
		a.err = fmt.Errorf("%w: says introspection", ErrRevoked)
	default:
		r.proved.Store(now)
	}
	delete(i.asked, q.token)
	close(a.done)
}

func (f *follower) introspection(token string) (active bool, err error) {
	p := f.places.Load()
	if p == nil || p.introspection == "" {
		return false, errNoFeed
	}
	if token, err = f.v.decrypt(token); err != nil { // only this service can
		return false, err
	}
	ctx, cancel := context.WithTimeout(f.ctx, introspectFor)
	defer cancel()
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.introspection, strings.NewReader(form.Encode()))
	if err != nil {
		return false, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := f.send(r, "application/json")
	if err != nil {
		return false, err
	}
	defer func() { _ = answer.Body.Close() }()
	var said struct {
		Active *bool `json:"active"`
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxIntrospection)).Decode(&said); err != nil {
		return false, err
	}
	if said.Active == nil {
		return false, errFeedReply
	}
	return *said.Active, nil
}

func isInvalid(err error) bool { return errors.Is(err, ErrInvalid) }
