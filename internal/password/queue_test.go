package password_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portaria/portaria/internal/password"
)

// waiters starts n hashes that cannot get a turn yet, in order, and returns
// their outcomes.
func waiters(t *testing.T, ctx context.Context, h *password.Hasher, n int) chan error {
	plain := typed(t, "correct horse")
	out := make(chan error, n)
	for range n {
		go func() {
			_, err := h.Hash(ctx, plain)
			out <- err
		}()
		synctest.Wait()
	}
	return out
}

func TestFullQueueIsBusyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(t, cheap(), password.Options{})
		release := h.Take()
		waiting := waiters(t, t.Context(), h, 4)

		start := time.Now()
		_, err := h.Hash(t.Context(), typed(t, "one too many"))
		var busy *password.BusyError
		if !errors.Is(err, password.ErrBusy) || !errors.As(err, &busy) || busy.After != time.Minute {
			t.Errorf("fifth in a queue of four: %v", err)
		}
		if err := h.Decoy(t.Context(), typed(t, "one too many")); !errors.Is(err, password.ErrBusy) {
			t.Errorf("decoy in a full queue: %v", err)
		}
		if time.Since(start) != 0 {
			t.Errorf("refused after %v", time.Since(start))
		}

		release()
		for range 4 {
			if err := <-waiting; err != nil {
				t.Errorf("waiting: %v", err)
			}
		}
	})
}

func TestWaitEndsAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := cheap()
		p.QueueDeadline = 1500 * time.Millisecond
		h := newHasher(t, p, password.Options{})
		defer h.Take()()

		start := time.Now()
		_, err := h.Hash(t.Context(), typed(t, "correct horse"))
		var busy *password.BusyError
		if !errors.As(err, &busy) || busy.After != 2*time.Second {
			t.Errorf("want busy, retry after whole seconds: %v", err)
		}
		if waited := time.Since(start); waited != p.QueueDeadline {
			t.Errorf("waited %v", waited)
		}
	})
}

func TestCancelledWaitGivesItsPlaceBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(t, cheap(), password.Options{})
		release := h.Take()
		ctx, cancel := context.WithCancel(t.Context())
		gone := waiters(t, ctx, h, 4)
		cancel()
		for range 4 {
			if err := <-gone; !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled: %v", err)
			}
		}

		waiting := waiters(t, t.Context(), h, 4)
		release()
		for range 4 {
			if err := <-waiting; err != nil {
				t.Errorf("after the others left: %v", err)
			}
		}
	})
}

func TestCancelledBeforeDoesNoWork(t *testing.T) {
	h := newHasher(t, cheap(), password.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 {
		if _, err := h.Hash(ctx, typed(t, "correct horse")); !errors.Is(err, context.Canceled) {
			t.Fatalf("cancelled before: %v", err)
		}
	}
}

func TestCloseSendsTheQueueAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(t, cheap(), password.Options{})
		release := h.Take()
		waiting := waiters(t, t.Context(), h, 4)
		closed := make(chan error)
		go func() { closed <- h.Close() }()
		for range 4 {
			if err := <-waiting; !errors.Is(err, password.ErrClosed) {
				t.Errorf("waiting at close: %v", err)
			}
		}
		synctest.Wait()
		select {
		case <-closed:
			t.Error("Close did not wait for the hash under way")
		default:
		}
		release()
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if _, err := h.Hash(t.Context(), typed(t, "correct horse")); !errors.Is(err, password.ErrClosed) {
			t.Errorf("after close: %v", err)
		}
		if err := h.Close(); err != nil {
			t.Errorf("second close: %v", err)
		}
	})
}

func TestConcurrentHashesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := cheap()
		p.Concurrent = 3
		h := newHasher(t, p, password.Options{})
		a, b := h.Take(), h.Take()
		if err := <-waiters(t, t.Context(), h, 1); err != nil {
			t.Errorf("third of three: %v", err)
		}
		c := h.Take()
		waiting := waiters(t, t.Context(), h, 1)
		select {
		case err := <-waiting:
			t.Errorf("fourth of three ran: %v", err)
		default:
		}
		a()
		b()
		c()
		if err := <-waiting; err != nil {
			t.Error(err)
		}
	})
}
