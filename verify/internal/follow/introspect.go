package follow

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/portaria/portaria/verify/internal/refusal"
	"github.com/portaria/portaria/verify/internal/upstream"
	"github.com/portaria/portaria/verify/internal/view"
)

const (
	// MaxQuestions bounds the tokens that the issuer is asked about at once. An
	// issuer whose feed is in trouble cannot answer all requests as well.
	MaxQuestions     = 64
	introspectFor    = 2 * time.Second
	maxIntrospection = 64 << 10
	// restAfterFailure is how long nothing is asked after a question without an
	// answer.
	restAfterFailure = time.Second
)

var errNotAsked = fmt.Errorf("%w: and introspection is not available", refusal.ErrStale)

// questions asks the issuer about tokens (RFC 7662), once for all requests with
// the same token.
type questions struct {
	*Follower
	opened, asked, unanswered atomic.Int64

	mu   sync.Mutex
	open map[string]*question
	rest int64 // until when nothing is asked, see [view.View.Mono]
}

type question struct {
	done chan struct{}
	err  error // final when done is closed; until then it rejects the token
}

// introspect returns nil if the issuer said within the bound that the token is
// active. It returns an error that wraps [refusal.ErrRevoked] if the issuer said that
// it is not, and [refusal.ErrStale] otherwise.
func (i *questions) introspect(ctx context.Context, q Request) error {
	if i.view.Proved(q.Token.Mark(), q.Now) {
		return nil
	}
	asked, err := i.join(q)
	if err != nil {
		return err
	}
	select {
	case <-asked.done:
		return asked.err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", refusal.ErrStale, ctx.Err())
	}
}

// join returns the open question about a token, or begins one.
func (i *questions) join(q Request) (*question, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if asked, ok := i.open[q.Text]; ok {
		return asked, nil
	}
	if len(i.open) >= MaxQuestions || i.view.Denied() >= view.MaxDenied || i.view.Mono(q.Now) < i.rest {
		return nil, errNotAsked
	}
	if i.open == nil {
		i.open = map[string]*question{}
	}
	asked := &question{done: make(chan struct{}), err: errNotAsked}
	q.Text = strings.Clone(q.Text) // the request's buffer may be used again
	i.open[q.Text] = asked
	go i.config.Panics.Try(i.ctx, "introspect", func() { i.ask(asked, q) })
	return asked, nil
}

// ask asks, and passes the answer to all requests that wait.
func (i *questions) ask(asked *question, q Request) {
	i.asked.Add(1)
	var active bool
	err := i.config.Panics.Error(i.ctx, "introspect", func() (err error) {
		active, err = i.active(q.Text)
		return err
	})
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.open, q.Text)
	defer close(asked.done) // even after a panic: requests wait for it
	switch {
	case err != nil:
		i.unanswered.Add(1)
		i.rest = i.view.Mono(i.config.Now()) + restAfterFailure.Milliseconds()
		asked.err = fmt.Errorf("%w: introspect: %w", refusal.ErrStale, err)
	case !active:
		i.view.Deny(q.Token)
		asked.err = view.ErrDenied
	default:
		q.Token.Mark().Prove(i.view.Moment(q.Now))
		asked.err = nil
	}
}

// active asks the issuer about a token.
func (i *questions) active(token string) (bool, error) {
	a := i.addresses.Load()
	if a == nil || a.introspection == "" {
		return false, errNotReached
	}
	token, err := i.host.Decrypt(token) // the issuer cannot
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(i.ctx, introspectFor)
	defer cancel()
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.introspection, strings.NewReader(form.Encode()))
	if err != nil {
		return false, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := i.upstream.Send(r, "application/json")
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
		return false, fmt.Errorf("%w: no member active", upstream.ErrReply)
	}
	return *said.Active, nil
}
