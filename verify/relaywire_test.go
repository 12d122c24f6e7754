package verify_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/verify"
)

// behindRelay is a wire on which a verifier is in the place of the issuer's
// feed.
func behindRelay(t *testing.T, w *wire, near *verify.Verifier) *wire {
	far := newWire(t)
	far.key = w.key
	for _, path := range []string{"feed", "snapshot", "poll", "ack"} {
		far.bad[path] = near.Feed().ServeHTTP
	}
	return far
}

// TestRelayIsAsOldAsItsView: a relay that hears nothing says so to those who
// follow it, however lively it is itself.
func TestRelayIsAsOldAsItsView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		near := open(t, w.config())
		defer near.Close()
		far := open(t, behindRelay(t, w, near).config())
		defer far.Close()
		token := w.token(t, "a")
		accept(t, far, token)
		w.partition(true)
		w.revoke("a")
		time.Sleep(10*time.Second + time.Millisecond)
		for range 10 {
			refuse(t, far, token, verify.ErrStale)
			time.Sleep(time.Second)
		}
		w.partition(false)
		time.Sleep(3 * time.Second)
		refuse(t, far, token, verify.ErrRevoked)
		accept(t, far, w.token(t, "b"))
	})
}

// TestRelayWithoutView serves nothing before it has all of the log: whoever came
// then would take a part for the whole.
func TestRelayWithoutView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		w.bad["feed"] = says(event(api.FrameHello, w.hello()))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		v, err := verify.New(ctx, w.config())
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		for _, path := range []string{"feed", "snapshot"} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			answer := httptest.NewRecorder()
			v.Feed().ServeHTTP(answer, httptest.NewRequestWithContext(ctx, http.MethodGet, "/rev/v1/"+path, nil))
			if answer.Code != http.StatusServiceUnavailable {
				t.Errorf("%s: %d %q", path, answer.Code, answer.Body)
			}
		}
	})
}

// TestRelayTellsLeasesFirst: one who trusts what he hears for longer than the
// issuer counts on hears nothing before the issuer has heard of it and gone on.
func TestRelayTellsLeasesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		told, agreed := make(chan struct{}), make(chan struct{})
		var once sync.Once
		w.serve.Join = func(_ context.Context, who api.FollowerAck) error {
			if who.Staleness == 45_000 {
				once.Do(func() { close(told) })
				<-agreed
			}
			return nil
		}
		near := open(t, w.config())
		defer near.Close()
		behind := behindRelay(t, w, near)
		follow := func() *verify.Verifier {
			config := behind.config()
			config.Staleness = 45 * time.Second
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			v, err := verify.New(ctx, config)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		far, another := follow(), follow() // the other one has the same lease, and nobody has agreed
		defer far.Close()
		defer another.Close()
		select {
		case <-told:
		default:
			t.Error("the issuer was not told")
		}
		for _, v := range []*verify.Verifier{far, another} {
			if place := v.Stats().Position; place != 0 || v.Health() == nil {
				t.Errorf("at place %d before the issuer counts on the lease", place)
			}
		}
		close(agreed)
		time.Sleep(3 * time.Second)
		if err := errors.Join(far.Health(), another.Health()); err != nil {
			t.Error(err)
		}
	})
}
