package verify_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/verify"
)

// TestLimitsOfAConfig: the value at each bound is accepted, the next is refused.
func TestLimitsOfAConfig(t *testing.T) {
	k := generate(t, jose.ES256)
	for what, test := range map[string]struct {
		change func(*verify.Config)
		good   bool
	}{
		"leeway of 5 minutes":             {func(c *verify.Config) { c.Leeway = 5 * time.Minute }, true},
		"leeway above":                    {func(c *verify.Config) { c.Leeway = 5*time.Minute + time.Millisecond }, false},
		"no leeway":                       {func(c *verify.Config) { c.Leeway = -1 }, true},
		"staleness of 2 seconds":          {func(c *verify.Config) { c.Staleness = 2 * time.Second }, true},
		"staleness below":                 {func(c *verify.Config) { c.Staleness = 2*time.Second - 1 }, false},
		"age limit at the interval":       {func(c *verify.Config) { c.RefreshInterval, c.MaxKeyAge = time.Hour, time.Hour }, true},
		"age limit below it":              {func(c *verify.Config) { c.RefreshInterval, c.MaxKeyAge = time.Hour, time.Hour-1 }, false},
		"the least memory for the cache":  {func(c *verify.Config) { c.CacheBytes = 1 }, true},
		"less than none":                  {func(c *verify.Config) { c.CacheBytes = -1 }, false},
		"a secret of 32 bytes":            {func(c *verify.Config) { c.KeySet, c.Secret = nil, verify.Secret("0123456789abcdef0123456789abcdeF") }, true},
		"a secret of 31 bytes":            {func(c *verify.Config) { c.KeySet, c.Secret = nil, verify.Secret("0123456789abcdef0123456789abcde") }, false},
		"an issuer on a loopback address": {func(c *verify.Config) { c.KeySet, c.Issuer = nil, "http://127.0.0.1:1" }, true},
		"an issuer on another":            {func(c *verify.Config) { c.KeySet, c.Issuer = nil, "http://192.0.2.1:1" }, false},
		"an issuer that is no address":    {func(c *verify.Config) { c.KeySet, c.Issuer = nil, "https://%zz" }, false},
		"a header of its own":             {func(c *verify.Config) { c.Places = []verify.Place{verify.HeaderField("X-Token")} }, true},
		"a header without a name":         {func(c *verify.Config) { c.Places = []verify.Place{verify.HeaderField("")} }, false},
		"a header that is not a name":     {func(c *verify.Config) { c.Places = []verify.Place{verify.HeaderField("X Token")} }, false},
		"the header Cookie":               {func(c *verify.Config) { c.Places = []verify.Place{verify.HeaderField("cookie")} }, false},
		"the header Authorization, raw":   {func(c *verify.Config) { c.Places = []verify.Place{verify.HeaderField("authorization")} }, false},
	} {
		c := static(k, &clock{start})
		c.Log = slog.New(slog.DiscardHandler)
		test.change(&c)
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // nothing is waited for
		v, err := verify.New(ctx, c)
		if test.good && err != nil || !test.good && !errors.Is(err, verify.ErrConfig) {
			t.Errorf("%s: %v", what, err)
		}
		if v != nil {
			v.Close()
		}
	}
}

// TestLimitsOfLeeway: a token is good as long as the clocks may be apart, to the
// millisecond, at both ends.
func TestLimitsOfLeeway(t *testing.T) {
	k := generate(t, jose.ES256)
	for _, leeway := range []time.Duration{-1, 1500 * time.Millisecond, 5 * time.Minute} {
		c := &clock{start}
		config := static(k, c)
		config.Leeway = leeway
		v := open(t, config)
		allowed := max(leeway, 0)
		exp := start.Add(15 * time.Minute)
		token := sign(t, k, claims(m{"exp": exp.Unix(), "iat": start.Unix(), "nbf": start.Unix()}), nil)
		for at, want := range map[time.Time]error{
			start.Add(-allowed): nil, start.Add(-allowed - time.Millisecond): verify.ErrNotYet,
			exp.Add(allowed - time.Millisecond): nil, exp.Add(allowed): verify.ErrExpired,
		} {
			c.now = at
			if _, err := v.Verify(t.Context(), token); !errors.Is(err, want) {
				t.Errorf("leeway %v, %v after the start: %v, want %v", leeway, at.Sub(start), err, want)
			}
		}
	}
}

// TestPrefixesOfFrames: no frame that is cut off changes anything or panics.
func TestPrefixesOfFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		good := map[string]string{
			api.FrameHello:     `{"epoch":1,"head":4294967296,"salt":"d2lyZQ"}`,
			api.FrameRules:     `{"from":0,"to":4294967297,"rules":[{"seq":4294967297,"kind":"s","h":"09Y5bULDqq5mKGRGI5Aozw","t":1,"x":1893554405,"mode":"hard"}]}`,
			api.FrameHeartbeat: `{"head":4294967296,"age_ms":0,"w":1}`,
			api.FrameKeySet:    string(keySet(w.key)),
		}
		w.metadata = strings.Replace(w.metadata, `"revocation_feed_endpoint"`, `"x"`, 1) // no stream beside this
		v := open(t, w.config())
		defer v.Close()
		for _, name := range []string{api.FrameHello, api.FrameRules, api.FrameHeartbeat, api.FrameKeySet} {
			text := good[name]
			for n := range text {
				if err := v.TakeFrame(name, []byte(text[:n])); err == nil && name != api.FrameKeySet {
					t.Errorf("%s: %q is taken", name, text[:n])
				}
			}
			if err := v.TakeFrame(name, []byte(text)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if s := v.Stats(); s.Rules != 1 || s.Keys != 1 || s.Position != rule.Seq(1, 1) {
			t.Errorf("%+v", s)
		}
	})
}

// TestLimitsOfASalt: it has 1 to 64 bytes.
func TestLimitsOfASalt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for size, want := range map[int]bool{0: false, 1: true, 64: true, 65: false} {
			w := newWire(t)
			w.metadata = strings.Replace(w.metadata, `"revocation_feed_endpoint"`, `"x"`, 1)
			v := open(t, w.config())
			hello := fmt.Sprintf(`{"epoch":1,"head":4294967296,"salt":%q}`, base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte("s"), size)))
			if err := v.TakeFrame(api.FrameHello, []byte(hello)); (err == nil) != want {
				t.Errorf("%d bytes: %v", size, err)
			}
			v.Close()
		}
	})
}

// TestLimitsOfSilence: a stream that says nothing is left after half the
// staleness, and never before 1.25 seconds.
func TestLimitsOfSilence(t *testing.T) {
	for staleness, want := range map[time.Duration]time.Duration{
		10 * time.Second: 5 * time.Second, 2500 * time.Millisecond: 1250 * time.Millisecond, 2 * time.Second: 1250 * time.Millisecond,
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWire(t)
			w.bad["feed"] = says(event(api.FrameHello, w.hello()))
			config := w.config()
			config.Staleness = staleness
			began := time.Now()
			v := open(t, config)
			defer v.Close()
			if took := time.Since(began); took != want {
				t.Errorf("staleness %v: left after %v, want %v", staleness, took, want)
			}
		})
	}
}

// TestBudgetOfFetches: two at once, and another after each half interval.
func TestBudgetOfFetches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, config := virtual()
		o.publish(generate(t, jose.ES256))
		config.RefreshInterval, config.MaxKeyAge = 24*time.Hour, 48*time.Hour
		v := open(t, config)
		defer v.Close()
		time.Sleep(time.Minute)
		bad, before := lasting(t, generate(t, jose.ES256)), o.fetches.Load()
		for _, test := range []struct {
			wait time.Duration
			want int64
		}{{0, 1}, {0, 2}, {0, 2}, {5*time.Second - time.Millisecond, 2}, {time.Millisecond, 3}, {0, 3}, {5 * time.Second, 4}, {time.Hour, 5}, {0, 6}, {0, 6}} {
			time.Sleep(test.wait)
			_, _ = v.Verify(t.Context(), bad)
			if got := o.fetches.Load() - before; got != test.want {
				t.Errorf("after %v more: %d fetches, want %d", test.wait, got, test.want)
			}
		}
	})
}

// TestLimitsOfFetches: a key set that is fetched has 512 KiB at most, and a token
// 8 KiB.
func TestLimitsOfFetches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := generate(t, jose.ES256)
		fill := func(text []byte, size int) string { return string(text) + strings.Repeat(" ", size-len(text)) }
		for _, more := range []int{0, 1} {
			o, config := virtual()
			o.publish(k)
			o.keys = func(w http.ResponseWriter, r *http.Request) {
				answer("application/json", fill(keySet(k), jose.MaxKeySet+more))(w, r)
			}
			v := open(t, config)
			if _, err := v.Verify(t.Context(), lasting(t, k)); (err == nil) != (more == 0) {
				t.Errorf("key set of %d bytes: %v", jose.MaxKeySet+more, err)
			}
			v.Close()
		}
	})
	v := open(t, static(generate(t, jose.ES256), &clock{start}))
	for size, want := range map[int]bool{jose.MaxToken: false, jose.MaxToken + 1: true} {
		_, err := v.Verify(t.Context(), strings.Repeat("A", size))
		if !errors.Is(err, verify.ErrMalformed) || strings.Contains(err.Error(), "longer than 8192") != want {
			t.Errorf("token of %d bytes: %v", size, err)
		}
	}
}

// TestPollsThatFail: when polls fail, the stream is tried at once again, not only
// when the time for polls is over.
func TestPollsThatFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		w.bad["feed"] = says()
		v := open(t, w.config())
		defer v.Close()
		time.Sleep(3 * time.Second)
		if w.count("poll") == 0 {
			t.Fatal("no polls")
		}
		w.misbehave("feed", nil)
		w.misbehave("poll", answer("text/plain", ""))
		time.Sleep(12 * time.Second)
		accept(t, v, w.token(t, "a"))
	})
}

// TestALostFeedIsLogged, and so is its return.
func TestALostFeedIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		var log strings.Builder
		config := w.config()
		config.Log = slog.New(slog.NewTextHandler(&log, nil))
		v := open(t, config)
		defer v.Close()
		for _, cut := range []bool{true, false} {
			w.partition(cut)
			time.Sleep(5 * time.Second)
			synctest.Wait()
			lost, found := strings.Count(log.String(), "lost"), strings.Count(log.String(), "revocation feed followed again")
			if lost != 1 || found != 0 && cut || found != 1 && !cut {
				t.Errorf("cut %v: lost %d times, followed again %d times", cut, lost, found)
			}
		}
	})
}

// TestAFeedThatComesAndGoes logs its loss once a minute, with the number of attempts
// that failed and were not logged.
func TestAFeedThatComesAndGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		var log strings.Builder
		config := w.config()
		config.Log = slog.New(slog.NewTextHandler(&log, nil))
		v := open(t, config)
		defer v.Close()
		for range 90 / 6 {
			w.partition(true)
			time.Sleep(3 * time.Second)
			w.partition(false)
			time.Sleep(3 * time.Second)
		}
		w.partition(true)
		time.Sleep(time.Minute)
		synctest.Wait()
		lost, found := strings.Count(log.String(), "feed lost"), strings.Count(log.String(), "followed again")
		if lost != 3 || found != 2 {
			t.Errorf("in 150 s it was lost %d times, and followed again %d times:\n%s", lost, found, log.String())
		}
		first, rest, _ := strings.Cut(log.String(), "followed again")
		if !strings.Contains(first, "failed_attempts=1\n") || strings.Contains(rest, "failed_attempts=1\n") {
			t.Errorf("the number of attempts is missing:\n%s", log.String())
		}
	})
}

// TestALargeSnapshot: one of 64 MiB is used. One that is larger is rejected as a whole,
// although it could be cut off after the end of a line: its last rule would be missing.
func TestALargeSnapshot(t *testing.T) {
	const line, most = 16 << 10, 64 << 20
	fill := func(value any) []byte {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		return append(text, strings.Repeat(" ", line-len(text)-1)+"\n"...)
	}
	for _, more := range []int{0, 1} {
		synctest.Test(t, func(t *testing.T) {
			w := newWire(t)
			w.revoke("other")
			w.revoke("last")
			head := fill(api.Snapshot{FeedHello: w.hello(), KeySet: keySet(w.key)})
			other, last := fill(w.rules[0]), fill(w.rules[1])
			w.misbehave("snapshot", func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("Content-Type", "application/x-ndjson")
				_, _ = rw.Write(head)
				_, _ = rw.Write(bytes.Repeat(other, most/line-2+more))
				_, _ = rw.Write(last)
			})
			v := open(t, w.config())
			defer v.Close()
			switch err := v.Health(); {
			case more == 0 && err == nil:
				if s := v.Stats(); s.Rules != 2 {
					t.Errorf("%d rules", s.Rules)
				}
			case more == 0 || err == nil || !strings.Contains(err.Error(), "too large"):
				t.Errorf("%d lines too many: %v", more, err)
			default:
				refuse(t, v, w.token(t, "last"), verify.ErrStale)
			}
		})
	}
}

// TestLargeMetadata: metadata of 64 KiB is read, and not a byte more.
func TestLargeMetadata(t *testing.T) {
	k := generate(t, jose.ES256)
	o := listen(t, k)
	text := fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, o.url, o.url+"/keys")
	for size, good := range map[int]bool{64 << 10: true, 64<<10 + 1: false} {
		o.misbehave(answer("application/json", text+strings.Repeat(" ", size-len(text))), nil)
		v := open(t, o.config((&clock{start}).Now))
		if err := v.Health(); (err == nil) != good || err != nil && !strings.Contains(err.Error(), "too long") {
			t.Errorf("%d bytes: %v", size, err)
		}
		v.Close()
	}
}

// TestStatsCountTheCache: Cached is the number of tokens that are kept.
func TestStatsCountTheCache(t *testing.T) {
	k := generate(t, jose.ES256)
	v := open(t, static(k, &clock{start}))
	for n := range int64(3) {
		if s := v.Stats(); s.Cached != n || s.Keys != 1 || s.Feed != verify.FeedOff {
			t.Errorf("%+v, want %d cached tokens of one key", s, n)
		}
		accept(t, v, sign(t, k, claims(m{"jti": fmt.Sprint(n)}), nil))
	}
}
