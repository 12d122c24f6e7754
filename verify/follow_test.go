package verify_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/verify"
)

// TestHostileFeeds: whatever a feed says, the verifier only ever becomes stale,
// keeps what it knows, and follows again when there is something to follow.
func TestHostileFeeds(t *testing.T) {
	head := rule.Seq(1, 1) // with the rule that is there before
	hello := func(change func(*api.FeedHello)) string {
		h := api.FeedHello{Epoch: 1, Head: head, Floor: head, Salt: "d2lyZQ"}
		change(&h)
		return event(api.FrameHello, h)
	}
	good := hello(func(*api.FeedHello) {})
	beat := event(api.FrameHeartbeat, api.FeedHeartbeat{Head: head})
	rule := api.FeedRule{Seq: head + 1, Kind: "s", Hash: "AAECAwQFBgcICQoLDA0ODw", Mode: "hard"}
	rev := func(from, to int64, rules ...api.FeedRule) string {
		return event(api.FrameRules, api.FeedRules{From: from, To: to, Rules: rules})
	}
	reset := strings.Replace(good, "hello", "reset", 1)
	status := func(code int, header, value string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			w.Header().Set(header, value)
			w.WriteHeader(code)
			_, _ = io.WriteString(w, good+beat)
		}
	}
	bomb := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		zeros := bytes.Repeat([]byte("0"), 1<<20)
		for range 3 {
			if _, err := z.Write(zeros); err != nil {
				return
			}
		}
		_ = z.Close()
	}
	snapshot := func(text string) http.HandlerFunc {
		return answer("application/x-ndjson", text)
	}
	long := `{"seq":4294967297,"kind":"s","h":"AAECAwQFBgcICQoLDA0ODw","t":1,"x":9999999999,"mode":"hard"` + strings.Repeat(" ", 17<<10) + "}\n"
	for what, bad := range map[string]map[string]http.HandlerFunc{
		"an error":                   {"feed": status(500, "", "")},
		"not ours to read":           {"feed": status(403, "", "")},
		"a redirect":                 {"feed": status(307, "Location", "https://elsewhere.example.com/")},
		"another type":               {"feed": answer("text/html", good+beat)},
		"compressed":                 {"feed": status(200, "Content-Encoding", "gzip")},
		"an end":                     {"feed": answer("text/event-stream", good)},
		"nothing, nor polls":         {"feed": says(), "poll": status(502, "", "")},
		"garbage":                    {"feed": says("\x00\xff\n\n:\n\n", event(api.FrameHello, "{"))},
		"no salt":                    {"feed": says(hello(func(h *api.FeedHello) { h.Salt = "" }), beat)},
		"another log":                {"feed": says(hello(func(h *api.FeedHello) { h.Salt = "b3RoZXI" }), beat)},
		"an older state":             {"feed": says(hello(func(h *api.FeedHello) { h.Head-- }), beat)},
		"hello and silence":          {"feed": says(good)},
		"garbled heartbeat":          {"feed": says(good, event(api.FrameHeartbeat, "[]"))},
		"a heartbeat that is ahead":  {"feed": says(good, event(api.FrameHeartbeat, api.FeedHeartbeat{Head: head + 1}))},
		"a heartbeat of tomorrow":    {"feed": says(good, event(api.FrameHeartbeat, api.FeedHeartbeat{Head: head, Age: 86_400_000}))},
		"an endless line":            {"feed": endless("data: ", "0123456789abcdef")},
		"endless data":               {"feed": endless("event: rev\n", "data: 0123456789abcdef\n")},
		"comments for ever":          {"feed": drip(good, ":\n\n")},
		"one byte a second":          {"feed": drip("", good+beat), "poll": status(502, "", "")},
		"unknown events for ever":    {"feed": drip(good, event("news", "{}"))},
		"a gap":                      {"feed": says(good, rev(head+5, head+6, rule), beat)},
		"a rule out of its part":     {"feed": says(good, rev(head, head+1, api.FeedRule{Seq: head + 9, Kind: "s", Hash: rule.Hash}), beat)},
		"a rule without hash":        {"feed": says(good, rev(head, head+1, api.FeedRule{Seq: head + 1, Kind: "s"}), beat)},
		"a place beyond 2^53":        {"feed": says(good, rev(head, 1<<53, rule), event(api.FrameHeartbeat, api.FeedHeartbeat{Head: 1 << 53}))},
		"an absurd jump":             {"feed": says(good, rev(head, head+1<<30, rule), event(api.FrameHeartbeat, api.FeedHeartbeat{Head: head + 1<<30}))},
		"an absurd epoch":            {"feed": says(good, rev(head, 5000<<32, rule), event(api.FrameHeartbeat, api.FeedHeartbeat{Head: 5000 << 32}))},
		"a head beyond 2^53":         {"feed": says(hello(func(h *api.FeedHello) { h.Head = 1 << 60 }), beat)},
		"a negative head":            {"feed": says(hello(func(h *api.FeedHello) { h.Head = -1 }), beat)},
		"an absurd head":             {"feed": says(hello(func(h *api.FeedHello) { h.Head += 1 << 30 }), beat)},
		"a snapshot far ahead":       {"feed": says(reset, beat), "snapshot": snapshot(`{"epoch":5000,"head":21474836480000,"salt":"d2lyZQ"}` + "\n")},
		"a reset without a snapshot": {"feed": says(reset, beat), "snapshot": status(404, "", "")},
		"a snapshot that explodes":   {"feed": says(reset, beat), "snapshot": bomb},
		"an empty snapshot":          {"feed": says(reset, beat), "snapshot": snapshot("")},
		"a snapshot cut off":         {"feed": says(reset, beat), "snapshot": snapshot(`{"epoch":1,"head":4294967298,"salt":"d2lyZQ"}` + "\n" + `{"seq":42949`)},
		"a snapshot of garbage":      {"feed": says(reset, beat), "snapshot": snapshot(`{"epoch":1,"head":4294967298,"salt":"d2lyZQ"}` + "\n{}\n")},
		"a snapshot of long lines":   {"feed": says(reset, beat), "snapshot": snapshot(`{"epoch":1,"head":4294967297,"salt":"d2lyZQ"}` + "\n" + long)},
		"an older snapshot":          {"feed": says(reset, beat), "snapshot": snapshot(`{"epoch":1,"head":4294967296,"salt":"d2lyZQ"}` + "\n")},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWire(t)
				v := open(t, w.config())
				defer v.Close()
				token, gone := w.token(t, "a"), w.token(t, "gone")
				w.revoke("gone")
				synctest.Wait()
				accept(t, v, token)
				refuse(t, v, gone, verify.ErrRevoked)
				for path, h := range bad {
					w.misbehave(path, h)
				}
				time.Sleep(10*time.Second + time.Millisecond)
				for range 15 {
					refuse(t, v, token, verify.ErrStale)
					refuse(t, v, gone, verify.ErrRevoked)
					time.Sleep(time.Second)
				}
				if n := w.count("feed") + w.count("poll"); n > 100 {
					t.Errorf("asked %d times in 25 seconds", n)
				}
				for path := range bad {
					w.misbehave(path, nil)
				}
				time.Sleep(time.Second + 50*time.Millisecond)
				accept(t, v, token)
				refuse(t, v, gone, verify.ErrRevoked)
			})
		})
	}
}

// endless repeats something as fast as it is read, within reason.
func endless(first, again string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, first)
		many := strings.Repeat(again, 1<<16)
		for range 16 {
			if _, err := io.WriteString(w, many); err != nil {
				return
			}
		}
	}
}

// drip says something whole, and then a little every second for ever.
func drip(first, again string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, first)
		for i := 0; ; i++ {
			part := again
			if first == "" {
				part = again[i%len(again):][:1]
			}
			select {
			case <-time.After(time.Second):
			case <-r.Context().Done():
				return
			}
			if _, err := io.WriteString(w, part); err != nil {
				return
			}
		}
	}
}

// TestBufferedStream: where a proxy holds streams back, polls do as well.
func TestBufferedStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		w.bad["feed"] = says() // everything stays in the proxy
		v := open(t, w.config())
		defer v.Close()
		time.Sleep(3 * time.Second)
		for i := range 100 {
			sid := fmt.Sprint(i)
			token := w.token(t, sid)
			accept(t, v, token)
			w.revoke(sid)
			time.Sleep(50 * time.Millisecond)
			refuse(t, v, token, verify.ErrRevoked)
			time.Sleep(time.Second)
		}
		if n := w.count("poll"); n > 400 {
			t.Errorf("%d polls in 100 seconds", n)
		}
		w.misbehave("feed", nil)
		time.Sleep(6 * time.Minute)
		polls := w.count("poll")
		time.Sleep(time.Minute)
		if w.count("poll") != polls || v.Health() != nil {
			t.Errorf("the stream is not tried again: %v", v.Health())
		}
	})
}

// TestHeals within a second, each time.
func TestHeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		v := open(t, w.config())
		defer v.Close()
		for i := range 50 {
			sid := fmt.Sprint(i)
			token := w.token(t, sid)
			w.partition(true)
			time.Sleep(time.Duration(i) * 300 * time.Millisecond)
			w.revoke(sid)
			time.Sleep(10*time.Second + time.Millisecond)
			if _, err := v.Verify(t.Context(), token); !errors.Is(err, verify.ErrStale) {
				t.Fatalf("accepted beyond the bound: %v", err)
			}
			w.partition(false)
			time.Sleep(time.Second)
			refuse(t, v, token, verify.ErrRevoked)
			accept(t, v, w.token(t, "another"))
		}
	})
}

// TestDelayedProxy: a proxy that delays everything by three seconds does no harm
// under a bound of ten, and under a bound of two nothing is trusted.
func TestDelayedProxy(t *testing.T) {
	for _, bound := range []time.Duration{2 * time.Second, 4 * time.Second, 10 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			w := newWire(t)
			w.delay = 3 * time.Second
			config := w.config()
			config.Staleness = bound
			v := open(t, config)
			defer v.Close()
			time.Sleep(30 * time.Second)
			accepted := 0
			for i := range 20 {
				sid := fmt.Sprint(i)
				token := w.token(t, sid)
				if _, err := v.Verify(t.Context(), token); err == nil {
					accepted++
				}
				w.revoke(sid)
				time.Sleep(bound + time.Millisecond)
				if _, err := v.Verify(t.Context(), token); err == nil {
					t.Fatalf("bound %v: accepted beyond it", bound)
				}
			}
			if bound == 10*time.Second && accepted != 20 {
				t.Errorf("bound %v: accepted %d of 20 good tokens", bound, accepted)
			}
		})
	}
}

// TestEpochChange: a log that was set back begins a new epoch; what is known is
// kept though it is not there any more, and what is new counts.
func TestEpochChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		v := open(t, w.config())
		defer v.Close()
		lost, later := w.token(t, "lost"), w.token(t, "later")
		for range 5 {
			w.revoke("lost")
		}
		synctest.Wait()
		refuse(t, v, lost, verify.ErrRevoked)
		w.reset(2, nil) // an old backup: the rule is gone
		synctest.Wait()
		refuse(t, v, lost, verify.ErrRevoked)
		accept(t, v, later)
		w.revoke("later")
		synctest.Wait()
		refuse(t, v, later, verify.ErrRevoked)
		if s := v.Stats(); s.Rules != 2 || s.Position != rule.Seq(2, 1) || w.count("feed") != 1 {
			t.Errorf("%+v after %d streams", s, w.count("feed"))
		}
	})
}

// TestResets one after the other lose nothing and cost no freshness.
func TestResets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		v := open(t, w.config())
		defer v.Close()
		other := w.token(t, "other")
		for epoch := int64(2); epoch < 200; epoch++ {
			sid := fmt.Sprint(epoch)
			token := w.token(t, sid)
			w.revoke(sid)
			w.reset(epoch, w.rules)
			time.Sleep(100 * time.Millisecond)
			refuse(t, v, token, verify.ErrRevoked)
			accept(t, v, other)
		}
	})
}

// TestAcks tell the issuer how far the verifier is, once a second at most.
func TestAcks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		v := open(t, w.config())
		defer v.Close()
		time.Sleep(30 * time.Second)
		if n := w.count("ack"); n < 2 || n > 4 {
			t.Errorf("%d acks in 30 quiet seconds", n)
		}
		before := w.count("ack")
		for i := range 100 {
			w.revoke(fmt.Sprint(i))
			time.Sleep(100 * time.Millisecond)
		}
		if n := w.count("ack") - before; n < 8 || n > 11 {
			t.Errorf("%d acks in 10 seconds of changes", n)
		}
	})
}

// TestStoodStill: a machine that slept has missed what it does not know of, and
// takes no message for younger than its own clock allows.
func TestStoodStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		config := w.config()
		var awake sync.RWMutex
		slept, asleep := time.Duration(0), time.Time{}
		config.Now = func() time.Time {
			awake.RLock()
			defer awake.RUnlock()
			if !asleep.IsZero() {
				return asleep
			}
			return time.Now().Add(-slept)
		}
		sleep := func(since time.Time, took time.Duration) {
			awake.Lock()
			defer awake.Unlock()
			asleep, slept = since, slept+took
		}
		v := open(t, config)
		defer v.Close()
		for range 20 {
			time.Sleep(3 * time.Second)
			sleep(config.Now(), 0)
			time.Sleep(1500 * time.Millisecond)
			sleep(time.Time{}, 1500*time.Millisecond)
			if age := v.Stats().Age; age < 0 {
				t.Fatalf("a view of the future: %v", age)
			}
		}
		if n := w.count("feed"); n < 5 {
			t.Errorf("%d streams: the age of one is no longer known", n)
		}
	})
}

// TestHitsUnderRules take no memory.
func TestHitsUnderRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		v := open(t, w.config())
		defer v.Close()
		token := w.token(t, "a")
		accept(t, v, token)
		ctx := t.Context()
		for i := range 3 {
			w.revoke(fmt.Sprint(i))
			synctest.Wait()
			if n := testing.AllocsPerRun(50, func() {
				if _, err := v.Verify(ctx, token); err != nil {
					t.Error(err)
				}
			}); n != 0 {
				t.Errorf("%v allocations", n)
			}
		}
	})
}

// TestSilentStream: a stream that has begun and says nothing more is left while
// the view is still young enough.
func TestSilentStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		w.bad["feed"] = func(rw http.ResponseWriter, r *http.Request) {
			if w.count("feed")%2 == 0 {
				w.serve.ServeHTTP(rw, r)
				return
			}
			says(event(api.FrameHello, w.hello()))(rw, r)
		}
		w.bad["poll"] = answer("text/plain", "")
		began := time.Now()
		v := open(t, w.config())
		defer v.Close()
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("left after %v", took)
		}
		time.Sleep(2 * time.Second)
		accept(t, v, w.token(t, "a"))
		if n := w.count("feed"); n != 2 {
			t.Errorf("%d streams, want the silent one and another", n)
		}
	})
}

// TestOneQuestion: many requests with one token ask the issuer once, and an
// issuer that is slow holds none of them for long.
func TestOneQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		config := w.config()
		config.WhenStale = verify.Introspect
		slow := time.Second
		w.bad["introspect"] = func(rw http.ResponseWriter, r *http.Request) {
			if user, secret, _ := r.BasicAuth(); user != "orders" || secret != "secret" || r.PostFormValue("token") == "" {
				t.Errorf("asked as %q about %q", user, r.PostFormValue("token"))
			}
			time.Sleep(slow)
			answer("application/json", `{"active":true}`)(rw, r)
		}
		v := open(t, config)
		defer v.Close()
		token := w.token(t, "a")
		w.misbehave("feed", answer("text/html", ""))
		time.Sleep(11 * time.Second)
		all := func(want error) {
			var requests sync.WaitGroup
			for range 100 {
				requests.Go(func() {
					if _, err := v.Verify(t.Context(), token); !errors.Is(err, want) {
						t.Errorf("%v, want %v", err, want)
					}
				})
			}
			requests.Wait()
		}
		all(nil)
		if n := w.count("introspect"); n != 1 {
			t.Errorf("asked %d times", n)
		}
		slow = 5 * time.Second
		time.Sleep(11 * time.Second)
		began := time.Now()
		all(verify.ErrStale)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("held for %v", took)
		}
		time.Sleep(5 * time.Second)
	})
}
