package verify_test

import (
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/verify"
)

// skewed is a clock that is apart from the true one.
func skewed(by *atomic.Int64) func() time.Time {
	return func() time.Time { return time.Now().Add(time.Duration(by.Load())) }
}

// minted is a token that is as young as the issuer's clock says.
func (w *wire) minted(t testing.TB, sid string, at time.Time) string {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	iat := at.Unix()
	return sign(t, w.key, claims(m{"sid": sid, "rvs": w.head, "iat": iat, "nbf": iat - 60, "exp": iat + 360_000}), nil)
}

// lastAccepted asks four times a second, and returns after what time a token was
// accepted last; negative for never.
func lastAccepted(t *testing.T, v *verify.Verifier, token string, within time.Duration) time.Duration {
	t.Helper()
	last, began := time.Duration(-1), time.Now()
	for time.Since(began) < within {
		now := time.Now()
		if _, err := v.Verify(t.Context(), token); err == nil {
			last = now.Sub(began)
		} else if !errors.Is(err, verify.ErrUnavailable) && !errors.Is(err, verify.ErrNotYet) {
			t.Fatal(err)
		}
		<-time.After(250 * time.Millisecond)
	}
	return last
}

// TestYoungTokensOnClocksApart: the feed is cut, and a token that is made and
// revoked afterwards proves its age by the clock of another machine. However far
// the clocks are apart, it is accepted for a while, and never for longer than
// the bound: also when the verifier's clock is set while the feed is cut.
func TestYoungTokensOnClocksApart(t *testing.T) {
	const bound = 10 * time.Second
	for _, issuer := range []time.Duration{-9 * time.Second, 0, 9 * time.Second} {
		for _, verifier := range []time.Duration{-9 * time.Second, 0, 9 * time.Second} {
			for _, step := range []time.Duration{0, 9 * time.Second} {
				t.Run(fmt.Sprint("issuer ", issuer, ", verifier ", verifier, ", then ", step), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						w := newWire(t)
						w.ahead.Store(int64(issuer))
						var off atomic.Int64
						off.Store(int64(verifier))
						config := w.config()
						config.Leeway = time.Minute
						config.Now = skewed(&off)
						v := open(t, config)
						defer v.Close()
						time.Sleep(3 * time.Second)
						w.partition(true)
						time.Sleep(bound + time.Second)
						off.Add(int64(step))
						token := w.minted(t, "a", time.Now().Add(issuer))
						w.revoke("a")
						last := lastAccepted(t, v, token, 40*time.Second)
						if last > bound {
							t.Errorf("accepted %v after it was revoked", last)
						}
						if step == 0 && last < bound/2 {
							t.Errorf("accepted for %v only: its age was proved", last)
						}
					})
				})
			}
		}
	}
}

// TestUnprovedClocks: without a proof of how far the issuer is ahead, no token is
// young; nor is one when the issuer was ahead a moment ago.
func TestUnprovedClocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		prove := w.serve.IssuedBy
		w.serve.IssuedBy = nil // an issuer of an older version
		v := open(t, w.config())
		defer v.Close()
		stale := func(wait time.Duration) {
			w.partition(true)
			time.Sleep(wait)
		}
		stale(11 * time.Second)
		refuse(t, v, w.minted(t, "a", time.Now()), verify.ErrStale)
		w.serve.IssuedBy = prove
		w.partition(false)
		time.Sleep(3 * time.Second)
		stale(11 * time.Second)
		accept(t, v, w.minted(t, "a", time.Now()))
		// A process of the older version takes over: what another one proved says
		// nothing about its clock.
		w.serve.IssuedBy = nil
		w.partition(false)
		time.Sleep(3 * time.Second)
		stale(11 * time.Second)
		refuse(t, v, w.minted(t, "b", time.Now()), verify.ErrStale)
		w.serve.IssuedBy = prove
		// The issuer's clock is a minute ahead, mints, and is set right.
		w.partition(false)
		time.Sleep(3 * time.Second)
		w.ahead.Store(int64(time.Minute))
		time.Sleep(3 * time.Second)
		early := w.minted(t, "early", time.Now().Add(time.Minute))
		w.ahead.Store(0)
		time.Sleep(3 * time.Second)
		stale(0)
		w.revoke("early")
		for range 80 {
			time.Sleep(time.Second)
			if _, err := v.Verify(t.Context(), early); err == nil {
				t.Fatal("accepted, though its date was a minute ahead")
			}
		}
	})
}

// TestAbsurdWall: what is no time proves nothing, and takes the feed along.
func TestAbsurdWall(t *testing.T) {
	for wall, young := range map[int64]bool{0: false, -1: false, 1 << 54: false, 1 << 52: false} {
		synctest.Test(t, func(t *testing.T) {
			w := newWire(t)
			w.bad["feed"] = says(event(api.FrameHello, w.hello()), event(api.FrameHeartbeat, api.FeedHeartbeat{Head: w.head, Wall: wall}))
			v := open(t, w.config())
			defer v.Close()
			w.misbehave("feed", http.NotFound)
			time.Sleep(11 * time.Second)
			if _, err := v.Verify(t.Context(), w.minted(t, "a", time.Now())); (err == nil) != young {
				t.Errorf("w = %d: %v", wall, err)
			}
		})
	}
}

// TestRelayPassesTheProofOn: behind a relay the issuer's clock is bounded as
// well, and by no less than the relay has proved itself.
func TestRelayPassesTheProofOn(t *testing.T) {
	for _, relay := range []time.Duration{-9 * time.Second, 9 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			w := newWire(t)
			w.ahead.Store(int64(9 * time.Second))
			var off atomic.Int64
			off.Store(int64(relay))
			config := w.config()
			config.Now, config.Leeway = skewed(&off), time.Minute
			near := open(t, config)
			defer near.Close()
			behind := behindRelay(t, w, near)
			config = behind.config()
			config.Leeway = time.Minute
			far := open(t, config)
			defer far.Close()
			time.Sleep(3 * time.Second)
			w.partition(true)
			behind.partition(true)
			time.Sleep(11 * time.Second)
			last := lastAccepted(t, far, w.minted(t, "a", time.Now().Add(9*time.Second)), 40*time.Second)
			if last > 10*time.Second || last < 5*time.Second {
				t.Errorf("relay %v: accepted for %v", relay, last)
			}
		})
	}
}

// TestPausedMachine: both clocks of a virtual machine stand still. When a
// heartbeat shows it, nothing is trusted that was known before.
func TestPausedMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		var paused atomic.Int64
		w.bad["poll"] = http.NotFound
		config := w.config()
		config.Now = func() time.Time { return time.Now().Add(-time.Duration(paused.Load())) }
		v := open(t, config)
		defer v.Close()
		token := w.token(t, "a")
		time.Sleep(2500 * time.Millisecond)
		accept(t, v, token)
		paused.Store(int64(5 * time.Second)) // they stood still for so long
		time.Sleep(501 * time.Millisecond)   // the stream lives, and tells
		w.misbehave("feed", http.NotFound)   // nothing renews the view
		refuse(t, v, token, verify.ErrStale)
		refuse(t, v, w.minted(t, "b", time.Now()), verify.ErrStale)
		w.misbehave("feed", nil)
		time.Sleep(2 * time.Second)
		accept(t, v, token)
	})
}
