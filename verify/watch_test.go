package verify_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portaria/portaria/verify"
)

// TestWatchGivesBack: a watch ends with its token, its context or by stop, and
// nothing of it is left.
func TestWatchGivesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		v := open(t, w.config())
		defer v.Close()
		gone := func(when string) {
			t.Helper()
			synctest.Wait()
			if connections, keys := v.Watched(); connections != 0 || keys != 0 {
				t.Errorf("%s: %d connections under %d keys are left", when, connections, keys)
			}
		}
		watch := func(ctx context.Context, sid string) (context.Context, func()) {
			return v.Watch(ctx, accept(t, v, w.token(t, sid)))
		}
		ctx, cancel := context.WithCancel(t.Context())
		of, _ := watch(ctx, "a")
		also, stop := watch(t.Context(), "a")
		if n, keys := v.Watched(); n != 2 || keys == 0 {
			t.Fatalf("%d watched", n)
		}
		cancel()
		synctest.Wait()
		if n, _ := v.Watched(); n != 1 || of.Err() == nil || also.Err() != nil {
			t.Errorf("after the cancel of one: %d watched, %v, %v", n, of.Err(), also.Err())
		}
		stop()
		stop()
		gone("stopped")

		first, _ := watch(t.Context(), "b")
		second, _ := watch(t.Context(), "b")
		other, stopLast := watch(t.Context(), "c")
		w.revoke("b")
		time.Sleep(time.Second)
		if !errors.Is(context.Cause(first), verify.ErrRevoked) || !errors.Is(context.Cause(second), verify.ErrRevoked) || other.Err() != nil {
			t.Errorf("%v, %v, %v", context.Cause(first), context.Cause(second), other.Err())
		}
		if n, _ := v.Watched(); n != 1 {
			t.Errorf("%d watched after the rule", n)
		}
		stopLast()
		gone("all stopped")
		now := time.Now().Unix()
		short := accept(t, v, sign(t, w.key, claims(m{"iat": now, "nbf": now, "exp": now + 5}), nil))
		expiring, _ := v.Watch(t.Context(), short)
		time.Sleep(20 * time.Second)
		if !errors.Is(context.Cause(expiring), verify.ErrExpired) {
			t.Errorf("%v", context.Cause(expiring))
		}
		gone("expired")
		ended, end := context.WithCancel(t.Context())
		end()
		_, _ = watch(ended, "d")
		gone("begun too late")
	})
}

// TestWatchesReturnTheirMemory: Go's maps never shrink, so that they are made
// anew when few of many watches are left. Those still end by their rules.
func TestWatchesReturnTheirMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		v := open(t, w.config())
		defer v.Close()
		const n = 5_000
		c, last := accept(t, v, w.token(t, "a")), accept(t, v, w.token(t, "b"))
		kept, _ := v.Watch(t.Context(), last)
		stops := make([]func(), n)
		for i := range stops {
			_, stops[i] = v.Watch(t.Context(), c)
		}
		if v.RoomForWatches() < n {
			t.Errorf("room for %d", v.RoomForWatches())
		}
		for _, stop := range stops {
			stop()
		}
		if room := v.RoomForWatches(); room > n/4 {
			t.Errorf("room for %d is left", room)
		}
		w.revoke("b")
		time.Sleep(time.Second)
		if !errors.Is(context.Cause(kept), verify.ErrRevoked) {
			t.Errorf("the last one: %v", context.Cause(kept))
		}
	})
}
