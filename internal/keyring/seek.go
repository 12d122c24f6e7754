package keyring

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrTooManySeeks reports that the store was not read for an unknown kid, because too many
// tokens with unknown kids arrived. Try again in a second.
var ErrTooManySeeks = errors.New("key ring: too many tokens with unknown kids")

// Strangers choose the kids in their tokens, so only a limited number of them causes a
// reload.
const (
	maxSeeks  = 20          // at once
	seekEvery = time.Second // each, afterwards
)

// budget counts the reloads that are left. The zero value has all of them.
type budget struct {
	mu    sync.Mutex
	used  int
	since time.Time // when used was last reduced
}

// take reports whether another reload is allowed, and counts it.
func (b *budget) take(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if regained := int(now.Sub(b.since) / seekEvery); regained > 0 {
		b.used = max(0, b.used-regained)
		b.since = now
	}
	if b.used == maxSeeks {
		return false
	}
	b.used++
	return true
}

// Seek reads the store if it knows no signing key with this kid in any state. Call it
// before rejecting a token for its kid: another process may have just created the key. It
// returns whether the key is known now. Errors are those of the store, or ErrTooManySeeks.
func (r *Ring) Seek(ctx context.Context, kid string) (bool, error) {
	if kid == "" || r.signs(kid) {
		return kid != "", nil
	}
	if !r.seeks.take(time.Now()) {
		return false, ErrTooManySeeks
	}
	if err := r.Reload(ctx); err != nil {
		return false, fmt.Errorf("seek key: %w", err)
	}
	return r.signs(kid), nil
}

func (r *Ring) signs(kid string) bool {
	k, ok := r.now.Load().byKid[kid]
	return ok && k.record.Purpose == Signing
}
