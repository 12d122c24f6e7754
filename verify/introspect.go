package verify

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
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
	// maxNo bounds the tokens that the issuer said no to while the feed was
	// stale. With so many, it is asked about no more.
	maxNo = 1 << 16
)

var (
	errSaidNo   = fmt.Errorf("%w: says introspection", ErrRevoked)
	errNotAsked = fmt.Errorf("%w: and introspection is not available", ErrStale)
)

// introspector asks the issuer about tokens (RFC 7662), once for all who have
// the same.
type introspector struct {
	mu    sync.Mutex
	asked map[string]*answered
	rest  int64 // until when nobody asks; see follower.mono
	// no has the tokens that the issuer said no to, and when. It stands until
	// the feed is current again: then there is a rule, if there must be one.
	no   map[[sha256.Size]byte]int64
	noes atomic.Int64 // len(no), for those who need no lock then
}

type answered struct {
	done chan struct{}
	err  error
}

// introspect returns nil if the issuer said within the bound that the token
// stands, ErrRevoked if it said that it does not, and ErrStale otherwise.
func (f *follower) introspect(ctx context.Context, r *record, q request) error {
	now := f.moment(q.now)
	if at := r.proved.Load(); at != nil && at.mono > f.doubted.Load() && f.recent(*at, q.now) {
		return nil
	}
	a, err := f.asking.join(q.token, now.mono, func(a *answered) { f.question(a, r, q, now) })
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
	if len(i.asked) >= maxAsking || len(i.no) >= maxNo || now < i.rest {
		return nil, errNotAsked
	}
	a := &answered{done: make(chan struct{})}
	i.asked[strings.Clone(token)] = a
	go begin(a)
	return a, nil
}

// question asks, and lets all who wait know.
func (f *follower) question(a *answered, r *record, q request, now moments) {
	f.v.counts.introspected.Add(1)
	var active bool
	err := f.v.counts.panics.Error(f.ctx, "introspect", func() (err error) {
		active, err = f.introspection(q.token)
		return err
	})
	i := &f.asking
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case err != nil:
		f.v.counts.unanswered.Add(1)
		i.rest = f.mono(f.v.now()) + restAfterFailure.Milliseconds()
		a.err = fmt.Errorf("%w: introspect: %w", ErrStale, err)
	case !active:
		i.no[r.identity()] = f.mono(f.v.now())
		i.noes.Store(int64(len(i.no)))
		a.err = errSaidNo
	default:
		r.proved.Store(&now)
	}
	delete(i.asked, q.token)
	close(a.done)
}

// refused reports whether the issuer said no to a token, and the view is not
// newer than that. A view that is newer has the rule.
func (i *introspector) refused(r *record, at *asOf) bool {
	if i.noes.Load() == 0 {
		return false
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	said, ok := i.no[r.identity()]
	return ok && (at == nil || at.doubted || at.mono <= said)
}

// current forgets what was said before the view was as of this moment.
func (i *introspector) current(asOf int64) {
	if i.noes.Load() == 0 {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	maps.DeleteFunc(i.no, func(_ [sha256.Size]byte, said int64) bool { return said < asOf })
	i.noes.Store(int64(len(i.no)))
}

// identity tells tokens apart by all that they say: one may be written in
// several ways.
func (r *record) identity() [sha256.Size]byte {
	b := fmt.Appendf([]byte(r.texts), "\x00%v %d", r.dates, r.revision)
	return sha256.Sum256(b)
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
