package main

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestMemoryIsReturnedOnceAfterABurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var collected, released atomic.Int64
		m := memory{
			collections: collected.Load,
			release:     func() { released.Add(1); collected.Add(1) },
		}
		go m.tidy(t.Context())
		after := func(d time.Duration, want int64) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if got := released.Load(); got != want {
				t.Fatalf("released %d times, want %d", got, want)
			}
		}
		after(time.Second, 0)
		for range 3 { // a burst: something is collected between every two looks
			collected.Add(1)
			after(quiet, 0)
		}
		after(quiet, 1)
		after(10*quiet, 1) // nothing new to return
		collected.Add(1)
		after(quiet, 1)
		after(quiet, 2)
	})
}

func TestMemoryIsLeftAloneAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		m := memory{
			collections: func() int64 { return 1 },
			release:     func() { t.Error("released") },
		}
		go m.tidy(ctx)
		end()
		time.Sleep(10 * quiet)
	})
}
