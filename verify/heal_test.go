package verify_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portaria/portaria/verify"
)

// TestHealUnderLoad: a verifier was cut off while a token was revoked, and the
// feed comes back while many requests are in the middle of a decision. The view
// and its age are read one after the other; between the two the follower may
// merge rules and renew the age. No request takes the new age for that of the
// old rules.
func TestHealUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		config := w.config()
		config.Staleness = 2 * time.Second
		v := open(t, config)
		v.Between(func() { time.Sleep(3 * time.Millisecond) })
		defer v.Close()
		for i := range 30 {
			sid := fmt.Sprint(i)
			token := w.token(t, sid)
			time.Sleep(2 * time.Second)
			accept(t, v, token)
			w.partition(true)
			w.revoke(sid)
			time.Sleep(config.Staleness + 700*time.Millisecond)
			var requests sync.WaitGroup
			for n := range 10 {
				requests.Go(func() {
					time.Sleep(time.Duration(n) * 311 * time.Microsecond)
					for {
						switch _, err := v.Verify(t.Context(), token); {
						case err == nil:
							t.Errorf("heal %d: accepted %v after it was revoked", i, config.Staleness+700*time.Millisecond)
							return
						case errors.Is(err, verify.ErrRevoked):
							return
						}
					}
				})
			}
			time.Sleep(50 * time.Millisecond)
			w.partition(false)
			requests.Wait()
		}
	})
}

// TestRequestsWaitForTheFollower: requests that do nothing but come back would
// take the processor from the follower, and no view would ever be renewed. In
// the time of this test no time passes while they do so. Each waits a little,
// all of them together, and goes on when the view is renewed.
func TestRequestsWaitForTheFollower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		config := w.config()
		config.Staleness = 2 * time.Second
		v := open(t, config)
		defer v.Close()
		token := w.token(t, "a")
		w.partition(true)
		time.Sleep(config.Staleness + time.Millisecond)
		began := time.Now()
		refuse(t, v, token, verify.ErrStale)
		if took := time.Since(began); took == 0 || took > 250*time.Millisecond {
			t.Errorf("the first request waited %v", took)
		}
		began = time.Now()
		all(64, func() { refuse(t, v, token, verify.ErrStale) })
		if took := time.Since(began); took == 0 || took > 20*time.Millisecond {
			t.Errorf("those during an outage waited %v", took)
		}
		w.partition(false)
		const most = 100
		all(64, func() {
			for range most {
				if _, err := v.Verify(t.Context(), token); err == nil {
					return
				}
			}
			t.Errorf("refused %d times although the feed is back", most)
		})
	})
}

func all(n int, do func()) {
	var requests sync.WaitGroup
	for range n {
		requests.Go(do)
	}
	requests.Wait()
}

// TestWaitEndsWithTheRequest, and with the view that it waits for.
func TestWaitEndsWithTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		config := w.config()
		config.Staleness = 2 * time.Second
		v := open(t, config)
		defer v.Close()
		token := w.token(t, "a")
		time.Sleep(500 * time.Millisecond)
		w.behind.Store(int64(3 * time.Second))
		time.Sleep(config.Staleness + 10*time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		began := time.Now()
		if _, err := v.Verify(ctx, token); !errors.Is(err, verify.ErrStale) || time.Since(began) != 10*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		w.behind.Store(0)
		began = time.Now()
		time.AfterFunc(15*time.Millisecond, w.log.Beat)
		accept(t, v, token)
		if took := time.Since(began); took != 15*time.Millisecond {
			t.Errorf("accepted after %v, want as soon as the view is renewed", took)
		}
	})
}
