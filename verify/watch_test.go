package verify_test

import (
	"context"
	"errors"
	"runtime"
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

// TestWatchesReturnTheirMemory: maps never shrink by themselves.
func TestWatchesReturnTheirMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		v := open(t, w.config())
		defer v.Close()
		used := func() int64 {
			synctest.Wait()
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return int64(m.HeapAlloc)
		}
		const n = 5_000
		c := accept(t, v, w.token(t, "a"))
		before := used()
		stops := make([]func(), n)
		for i := range stops {
			_, stops[i] = v.Watch(t.Context(), c)
		}
		full := used()
		for _, stop := range stops {
			stop()
		}
		stops = nil
		after := used()
		t.Logf("%d watches: %d bytes each, %d bytes in all are left", n, (full-before)/n, after-before)
		if after-before > (full-before)/5 {
			t.Errorf("%d of %d bytes are not given back", after-before, full-before)
		}
	})
}
