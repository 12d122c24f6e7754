package keyring

import (
	"context"
	"fmt"
	"time"
)

// look is the time of one reload by two clocks, because either can hide how long ago it
// was: the wall clock may be set, and the monotonic clock may stop while the machine is
// suspended.
type look struct {
	wall time.Time // as the caller passed it
	mono time.Time // with a monotonic reading
}

// attempt is the last reload that a caller of Ready made.
type attempt struct {
	began time.Time
	err   error
}

// saw records that the store was read at now.
func (r *Ring) saw(now time.Time) {
	r.looked.Store(&look{wall: now.Round(0), mono: time.Now()})
}

// stale reports whether the last reload of a maintained ring is too old to sign. Requests
// and the readiness check both use it. A wall clock that was set back by more than
// staleAfter also makes the ring stale.
func (r *Ring) stale(now time.Time) bool {
	seen := r.looked.Load()
	if seen == nil {
		return false
	}
	// Round drops the monotonic reading of now, because only some callers pass one and all
	// must get the same result.
	wall := now.Round(0).Sub(seen.wall)
	return wall > staleAfter || wall < -staleAfter || time.Since(seen.mono) > staleAfter
}

// Ready returns the key that signs at now, like [Ring.Active]. If the ring is stale, for
// example after a database outage, it reads the store first. Call it before a step that
// spends something for a token. It wraps errors of the store in ErrStale.
func (r *Ring) Ready(ctx context.Context, now time.Time) (Key, error) {
	if r.stale(now) {
		if err := r.readAgain(ctx, now); err != nil {
			return Key{}, fmt.Errorf("%w: %w", ErrStale, err)
		}
	}
	return r.now.Load().active(now)
}

// readAgain reads the store. Callers that wait at the same time share one reading and its
// error, so that an outage costs one timeout. The reading continues if the caller that
// started it leaves.
func (r *Ring) readAgain(ctx context.Context, now time.Time) error {
	called := time.Now()
	select {
	case r.reading <- struct{}{}:
		defer func() { <-r.reading }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if !r.stale(now) {
		return nil
	}
	if r.last.began.After(called) {
		return r.last.err
	}
	r.last = attempt{began: time.Now()}
	// The others wait for this reading, also when this caller leaves.
	if r.last.err = r.Reload(context.WithoutCancel(ctx)); r.last.err == nil {
		r.saw(now)
	}
	return r.last.err
}
