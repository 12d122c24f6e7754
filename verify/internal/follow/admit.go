package follow

import (
	"context"
	"errors"
	"time"

	"github.com/portaria/portaria/verify/internal/refusal"
	"github.com/portaria/portaria/verify/internal/view"
)

// Request is a token whose signature and claims are good, and what it came with.
type Request struct {
	Token view.Token
	Text  string // as it was sent
	Now   time.Time
	// Open accepts the token when it cannot be decided about.
	Open bool
}

// Admit decides about a token. It rejects what is known to be revoked, and accepts
// what nobody can have revoked since. For the others it asks the issuer, or waits
// a little for the feed.
func (f *Follower) Admit(ctx context.Context, q Request) error {
	if f.absent.Load() {
		return nil
	}
	if decided, err := f.view.Decide(q.Token, q.Now); decided {
		return err
	}
	return f.admitStale(ctx, q)
}

// admitStale decides while the view is too old. Without introspection it waits a
// little for the follower: requests that come back at once would take the
// processor from it.
func (f *Follower) admitStale(ctx context.Context, q Request) error {
	err := error(refusal.ErrStale)
	if f.config.Introspect {
		if err = f.questions.introspect(ctx, q); err == nil || errors.Is(err, refusal.ErrInvalid) {
			return err
		}
	}
	if q.Open {
		f.questions.opened.Add(1)
		return nil
	}
	if introspected := !errors.Is(err, errNotAsked) && err != refusal.ErrStale; introspected {
		return err // it has waited for the answer
	}
	if f.view.Wait(ctx) {
		q.Now = f.config.Now()
		if decided, verdict := f.view.Decide(q.Token, q.Now); decided {
			return verdict
		}
	}
	return err
}
