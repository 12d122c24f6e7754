package verify_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/verify"
)

// TestSlept: when a machine wakes, its own clock says that no time has passed.
// The one on the wall knows better, and the view is not trusted before the
// issuer has spoken again.
func TestSlept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		v := open(t, w.config())
		defer v.Close()
		token := w.token(t, "a")
		v.Slept(9 * time.Second)
		accept(t, v, token)
		v.Slept(2 * time.Second)
		refuse(t, v, token, verify.ErrStale)
		time.Sleep(2 * time.Second)
		accept(t, v, token)
	})
}

// TestViewNeverAges by what somebody says who has seen less: what is known of a
// moment stays known.
func TestViewNeverAges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		v := open(t, w.config())
		defer v.Close()
		w.behind.Store(int64(8 * time.Second))
		for second := range 6 {
			time.Sleep(time.Second)
			if age := v.Stats().Age; age > time.Duration(second+2)*time.Second {
				t.Fatalf("after %d seconds the view is %v old", second+1, age)
			}
		}
		time.Sleep(10 * time.Second)
		if age := v.Stats().Age; age > 10*time.Second || v.Health() != nil {
			t.Errorf("age %v, %v: the issuer's view is 8 seconds old", age, v.Health())
		}
	})
}

// TestFeedIsLeftOut: an issuer, or somebody who can change its metadata, cannot
// turn the check off by leaving the feed out of them once it was there.
func TestFeedIsLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		without := fmt.Sprintf(`{"issuer":%q,"jwks_uri":"%[1]s/jwks"}`, issuer)
		v := open(t, w.config())
		defer v.Close()
		token, gone := w.token(t, "a"), w.token(t, "gone")
		w.revoke("gone")
		synctest.Wait()
		w.mu.Lock()
		w.metadata = without
		w.mu.Unlock()
		w.misbehave("feed", http.NotFound)
		if err := v.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		refuse(t, v, gone, verify.ErrRevoked)
		time.Sleep(10*time.Second + time.Millisecond)
		refuse(t, v, token, verify.ErrStale)
		refuse(t, v, gone, verify.ErrRevoked)
		if err := v.Health(); !errors.Is(err, verify.ErrStale) {
			t.Errorf("health: %v", err)
		}
		w.misbehave("feed", nil) // it is looked for where it was
		time.Sleep(time.Second + 50*time.Millisecond)
		accept(t, v, token)
	})
}

// TestFirstPoll asks where things stand and does not wait for news: until it is
// answered nothing is trusted. Those after it wait.
func TestFirstPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		w.bad["feed"] = says() // everything stays in a proxy
		var mu sync.Mutex
		var waits []int
		config := w.config()
		config.HTTPClient.Transport = asking(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/rev/v1/poll" {
				body, err := r.GetBody()
				if err != nil {
					t.Error(err)
					return nil, err
				}
				var poll api.Poll
				if err := json.NewDecoder(body).Decode(&poll); err != nil {
					t.Error(err)
				}
				mu.Lock()
				waits = append(waits, poll.Wait)
				mu.Unlock()
			}
			return w.RoundTrip(r)
		})
		v := open(t, config)
		defer v.Close()
		time.Sleep(10 * time.Second)
		accept(t, v, w.token(t, "a"))
		mu.Lock()
		defer mu.Unlock()
		if len(waits) < 2 || waits[0] != 0 || waits[1] != 2 {
			t.Errorf("polls waited %v seconds, want none first, then 2", waits)
		}
	})
}

// asking carries requests.
type asking func(*http.Request) (*http.Response, error)

func (f asking) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestWatchBeforeTheLog: connections that began before anything was heard of the
// log end with their token like all others.
func TestWatchBeforeTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		w.misbehave("feed", http.NotFound)
		v := open(t, w.config())
		defer v.Close()
		watch := func(sid string) context.Context {
			var c verify.Claims
			v.RequireFunc(func(_ http.ResponseWriter, r *http.Request) { c, _ = verify.FromContext(r.Context()) }, verify.Open()).
				ServeHTTP(httptest.NewRecorder(), bearer(w.token(t, sid)))
			watched, stop := v.Watch(t.Context(), c)
			t.Cleanup(stop)
			return watched
		}
		early, other := watch("early"), watch("other")
		w.misbehave("feed", nil)
		time.Sleep(2 * time.Second)
		late := watch("late")
		w.revoke("early")
		synctest.Wait()
		if err := context.Cause(early); !errors.Is(err, verify.ErrRevoked) {
			t.Errorf("watched before the log was known: %v", err)
		}
		if other.Err() != nil || late.Err() != nil {
			t.Error("others have ended")
		}
	})
}

// TestBadSnapshots: a snapshot that is of no use is large all the same. It is
// fetched again, ever more seldom, and the first good one counts.
func TestBadSnapshots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		v := open(t, w.config())
		defer v.Close()
		token := w.token(t, "a")
		bad := answer("application/x-ndjson", "garbage\n")
		for epoch := int64(2); epoch < 4; epoch++ {
			before := w.count("snapshot")
			w.misbehave("snapshot", bad)
			w.reset(epoch, nil)
			time.Sleep(5 * time.Second)
			if n := w.count("snapshot") - before; n < 2 || n > 4 { // after 0, 1 and 3 seconds, or up to a second more each
				t.Errorf("%d snapshots in 5 seconds", n)
			}
			time.Sleep(295 * time.Second)
			if n := w.count("snapshot") - before; n < 7 || n > 11 {
				t.Errorf("%d snapshots in 5 minutes", n)
			}
			refuse(t, v, token, verify.ErrStale)
			if err := v.Health(); err == nil || !strings.Contains(err.Error(), "snapshot") {
				t.Errorf("health: %v", err)
			}
			w.misbehave("snapshot", nil)
			time.Sleep(62 * time.Second)
			accept(t, v, token)
		}
	})
}

// TestAnotherSalt: hashes of another salt say nothing about what is known. It is
// kept, nothing is trusted, and that is said once, however often it is seen.
func TestAnotherSalt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		var log strings.Builder
		config := w.config()
		config.Log = slog.New(slog.NewTextHandler(&log, nil))
		v := open(t, config)
		defer v.Close()
		token, gone := w.token(t, "a"), w.token(t, "gone")
		w.revoke("gone")
		synctest.Wait()
		other := w.hello()
		other.Salt = "b3RoZXI"
		foreign := says(event(api.FrameHello, other))
		for _, path := range []func(http.ResponseWriter, *http.Request){foreign, http.NotFound, foreign} {
			w.misbehave("feed", path)
			time.Sleep(11 * time.Second)
			refuse(t, v, token, verify.ErrStale)
			refuse(t, v, gone, verify.ErrRevoked)
		}
		if n := strings.Count(log.String(), "belongs to a different database"); n != 1 {
			t.Errorf("said %d times:\n%s", n, log.String())
		}
		w.misbehave("feed", nil)
		time.Sleep(time.Second + 50*time.Millisecond)
		accept(t, v, token)
		refuse(t, v, gone, verify.ErrRevoked)
	})
}

// TestImpossiblePlace: a verifier that knows nothing yet does not take a place
// that no log can reach either: it would wait there for ever.
func TestImpossiblePlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		lie := w.hello()
		lie.Head = 1 << 53
		w.bad["feed"] = says(event(api.FrameHello, lie), event(api.FrameRules, api.FeedRules{To: lie.Head}),
			event(api.FrameHeartbeat, api.FeedHeartbeat{Head: lie.Head}))
		v := open(t, w.config())
		defer v.Close()
		refuse(t, v, w.token(t, "a"), verify.ErrStale)
		w.misbehave("feed", nil)
		time.Sleep(time.Second + 50*time.Millisecond)
		accept(t, v, w.token(t, "a"))
	})
}

// TestDialHangs: a connection that cannot be made is left while the view is
// still good, and the next one is tried as a stream, not as a poll.
func TestDialHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		hangs := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		defer hangs.CloseIdleConnections()
		var dials atomic.Int64
		config := w.config()
		config.HTTPClient.Transport = asking(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/rev/v1/feed" && dials.Add(1) < 3 {
				return hangs.RoundTrip(r)
			}
			return w.RoundTrip(r)
		})
		began := time.Now()
		v := open(t, config)
		defer v.Close()
		if took := time.Since(began); took != 2500*time.Millisecond {
			t.Errorf("left after %v", took)
		}
		time.Sleep(5 * time.Second)
		accept(t, v, w.token(t, "a"))
		if w.count("poll") != 0 {
			t.Error("polls, though no proxy holds anything back")
		}
	})
}
