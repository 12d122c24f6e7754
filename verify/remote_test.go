package verify_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/verify"
)

// origin is an issuer's server, which a test may make misbehave.
type origin struct {
	url      string
	fetches  atomic.Int64 // of the key set
	mu       sync.Mutex
	set      []byte
	metadata http.HandlerFunc // in place of the good one
	keys     http.HandlerFunc
}

func (o *origin) publish(keys ...jose.Key) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.set, o.metadata, o.keys = keySet(keys...), nil, nil
}

// misbehave answers in another way until something is published again.
func (o *origin) misbehave(metadata, keys http.HandlerFunc) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.metadata, o.keys = metadata, keys
}

func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	set, metadata, keys := o.set, o.metadata, o.keys
	o.mu.Unlock()
	switch r.URL.Path {
	case "/.well-known/oauth-authorization-server":
		if metadata == nil {
			metadata = answer("application/json; charset=utf-8", fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, o.url, o.url+"/keys"))
		}
		metadata(w, r)
	case "/keys":
		o.fetches.Add(1)
		if keys == nil {
			keys = answer("application/jwk-set+json", string(set))
		}
		keys(w, r)
	default:
		http.NotFound(w, r)
	}
}

// RoundTrip serves without a network, so that a test can have its own time.
func (o *origin) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	o.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

func answer(kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = io.WriteString(w, body)
	}
}

func listen(t testing.TB, keys ...jose.Key) *origin {
	t.Helper()
	o := &origin{set: keySet(keys...)}
	server := httptest.NewServer(o)
	t.Cleanup(server.Close)
	o.url = server.URL
	return o
}

// remote is a configuration that asks the origin.
func (o *origin) config(now func() time.Time) verify.Config {
	return verify.Config{Issuer: o.url, Audience: audience, Now: now}
}

func (o *origin) token(t testing.TB, k jose.Key) string {
	t.Helper()
	return sign(t, k, claims(m{"iss": o.url}), nil)
}

func TestDiscovery(t *testing.T) {
	k := generate(t, jose.ES256)
	o := listen(t, k)
	v := open(t, o.config((&clock{start}).Now))
	if err := v.Health(); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if _, err := v.Verify(t.Context(), o.token(t, k)); err != nil {
			t.Fatal(err)
		}
	}
	if n := o.fetches.Load(); n != 1 {
		t.Errorf("%d fetches, want 1", n)
	}
}

// TestDiscoveryOfAPath: RFC 8414, section 3.1 puts the issuer's path last.
func TestDiscoveryOfAPath(t *testing.T) {
	k := generate(t, jose.ES256)
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	tenant := server.URL + "/tenants/a"
	mux.Handle("/.well-known/oauth-authorization-server/tenants/a", answer("application/json", fmt.Sprintf(`{"issuer":%q,"jwks_uri":"%s/k"}`, tenant, server.URL)))
	mux.Handle("/k", answer("application/json", string(keySet(k))))
	v := open(t, verify.Config{Issuer: tenant, Audience: audience, Now: (&clock{start}).Now})
	if _, err := v.Verify(t.Context(), sign(t, k, claims(m{"iss": tenant}), nil)); err != nil {
		t.Error(err)
	}
}

// TestForeignKeys: what we do not know does not break what we do.
func TestForeignKeys(t *testing.T) {
	k := generate(t, jose.ES256)
	o := listen(t)
	set := string(keySet(k))
	o.set = []byte(strings.Replace(set, "[", `[{"kty":"AKP","kid":"pq"},{"kty":"OKP","crv":"X25519","x":"AAAA"},{"kty":"RSA","n":"AQAB","e":"AQAB"},{"kty":7},{},`, 1))
	v := open(t, o.config((&clock{start}).Now))
	if _, err := v.Verify(t.Context(), o.token(t, k)); err != nil {
		t.Error(err)
	}
}

// TestKeysThatMustNotBeUsed are left out one by one, and all others stay good.
func TestKeysThatMustNotBeUsed(t *testing.T) {
	good, twin, other := generate(t, jose.ES256), generate(t, jose.ES256), generate(t, jose.ES256)
	burnt, secret := generate(t, jose.ES256), generate(t, jose.HS256)
	named := func(jwk []byte, kid string) string {
		var members map[string]any
		if err := json.Unmarshal(jwk, &members); err != nil {
			t.Fatal(err)
		}
		members["kid"] = kid
		text, err := json.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	public := func(k jose.Key) []byte { return k.PublicJWK() }
	set := func(more ...string) []byte {
		return []byte(`{"keys":[` + strings.Join(append(more, string(public(good))), ",") + `]}`)
	}
	for what, test := range map[string]struct {
		set     []byte
		refused jose.Key
		kid     string
	}{
		"a secret":                     {set(string(secret.RevealJWK())), secret, secret.Kid()},
		"a secret under its kid":       {set(named(secret.RevealJWK(), good.Kid())), secret, good.Kid()},
		"a private key":                {set(string(burnt.RevealJWK())), burnt, burnt.Kid()},
		"both halves of a key":         {set(string(burnt.RevealJWK()), named(public(burnt), "public")), burnt, "public"},
		"two under one kid":            {set(named(public(twin), "twin"), named(public(other), "twin")), twin, "twin"},
		"three under one kid":          {set(named(public(twin), "twin"), named(public(other), "twin"), named(public(burnt), "twin")), burnt, "twin"},
		"two, and a secret":            {set(named(public(twin), "twin"), string(secret.RevealJWK()), named(public(other), "twin")), other, "twin"},
		"one beside a broken namesake": {set(named(public(twin), "twin"), `{"kty":"EC","kid":"twin","crv":"P-256","x":"AA","y":"AA"}`), twin, "twin"},
	} {
		t.Run(what, func(t *testing.T) {
			o := listen(t)
			o.set = test.set
			log := &strings.Builder{}
			config := o.config((&clock{start}).Now)
			config.Log = slog.New(slog.NewTextHandler(log, nil))
			v := open(t, config)
			if _, err := v.Verify(t.Context(), o.token(t, good)); err != nil {
				t.Error(err)
			}
			forged := sign(t, test.refused, claims(m{"iss": o.url}), m{"kid": test.kid})
			if _, err := v.Verify(t.Context(), forged); !errors.Is(err, verify.ErrInvalid) {
				t.Errorf("signed with one that must not be used: %v", err)
			}
			if err := v.Refresh(t.Context()); err != nil || strings.Count(log.String(), "are not used") != 1 {
				t.Errorf("%v, log %q", err, log)
			}
		})
	}
}

// TestMisbehavingIssuer: New returns in good time, the reason is in Health, no
// token is accepted, and all is well once the issuer behaves.
func TestMisbehavingIssuer(t *testing.T) {
	k := generate(t, jose.ES256)
	good := string(keySet(k))
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
		}
	}
	redirect := http.RedirectHandler("/keys2", http.StatusFound).ServeHTTP
	long := strings.Repeat(" ", 513<<10) + good
	chunked := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for range 600 {
			_, _ = w.Write(bytes.Repeat([]byte{' '}, 1<<10))
		}
		_, _ = io.WriteString(w, good)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(bytes.Repeat([]byte{' '}, 10<<20))
	_ = z.Close()
	bomb := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed.Bytes())
	}
	drip := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for r.Context().Err() == nil {
			_, _ = w.Write([]byte{' '})
			w.(http.Flusher).Flush()
			<-time.After(time.Millisecond)
		}
	}
	silent := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	cut := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, good)
	}
	metadata := func(format string, args ...any) http.HandlerFunc {
		return answer("application/json", fmt.Sprintf(format, args...))
	}
	twice := good[:len(good)-2] + "," + string(k.PublicJWK()) + "]}"
	o := listen(t, k)
	tests := map[string]struct {
		metadata, keys http.HandlerFunc
		reason         string
	}{
		"metadata redirects":         {metadata: redirect, reason: "redirect"},
		"metadata missing":           {metadata: http.NotFound, reason: "status 404"},
		"metadata broken":            {metadata: status(500), reason: "status 500"},
		"metadata long":              {metadata: answer("application/json", long), reason: "too long"},
		"metadata compressed":        {metadata: bomb, reason: "compressed"},
		"metadata drips":             {metadata: drip, reason: "metadata"},
		"metadata silent":            {metadata: silent, reason: "metadata"},
		"metadata HTML":              {metadata: answer("text/html", "<p>Sign in"), reason: "content type"},
		"metadata no JSON":           {metadata: metadata("Hello"), reason: "JSON"},
		"metadata of another":        {metadata: metadata(`{"issuer":"https://evil.example","jwks_uri":"%s/keys"}`, o.url), reason: "another issuer"},
		"metadata with a slash":      {metadata: metadata(`{"issuer":"%s/","jwks_uri":"%s/keys"}`, o.url, o.url), reason: "another issuer"},
		"metadata of no one":         {metadata: metadata(`{"jwks_uri":"%s/keys"}`, o.url), reason: "another issuer"},
		"metadata, issuer a number":  {metadata: metadata(`{"issuer":7,"jwks_uri":"%s/keys"}`, o.url), reason: "another issuer"},
		"metadata, two issuers":      {metadata: metadata(`{"issuer":%q,"issuer":%q,"jwks_uri":"%s/keys"}`, o.url, o.url, o.url), reason: "duplicate"},
		"metadata without keys":      {metadata: metadata(`{"issuer":%q}`, o.url), reason: "jwks_uri"},
		"metadata, keys in the open": {metadata: metadata(`{"issuer":%q,"jwks_uri":"http://auth.example.com/keys"}`, o.url), reason: "jwks_uri"},
		"metadata, keys in a file":   {metadata: metadata(`{"issuer":%q,"jwks_uri":"file:///etc/passwd"}`, o.url), reason: "jwks_uri"},
		"keys redirect":              {keys: redirect, reason: "redirect"},
		"keys gone":                  {keys: http.NotFound, reason: "status 404"},
		"no content":                 {keys: status(204), reason: "status 204"},
		"keys long":                  {keys: answer("application/json", long), reason: "too long"},
		"keys long and chunked":      {keys: chunked, reason: "too long"},
		"keys compressed":            {keys: bomb, reason: "compressed"},
		"keys drip":                  {keys: drip, reason: "key set"},
		"keys silent":                {keys: silent, reason: "key set"},
		"keys cut":                   {keys: cut, reason: "EOF"},
		"keys as text":               {keys: answer("text/plain", good), reason: "content type"},
		"keys as nothing":            {keys: answer("", good), reason: "content type"},
		"keys no JSON":               {keys: answer("application/json", good[:20]), reason: "JSON"},
		"no key":                     {keys: answer("application/json", `{"keys":[]}`), reason: "no key that can be used"},
		"private key":                {keys: answer("application/json", string(k.RevealJWK())), reason: "private"},
		"secret":                     {keys: answer("application/json", string(generate(t, jose.HS256).RevealJWK())), reason: "private"},
		"one kid twice":              {keys: answer("application/json", twice), reason: "two keys"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o.mu.Lock()
			o.metadata, o.keys = test.metadata, test.keys
			o.mu.Unlock()
			c := &clock{start}
			config := o.config(c.Now)
			if strings.Contains(name, "drip") || strings.Contains(name, "silent") {
				config.HTTPClient = &http.Client{Timeout: 300 * time.Millisecond}
			}
			v := open(t, config)
			token := o.token(t, k)
			if err := v.Health(); !errors.Is(err, verify.ErrUnavailable) || !strings.Contains(err.Error(), test.reason) {
				t.Errorf("Health: %v, want %q", err, test.reason)
			}
			if _, err := v.Verify(t.Context(), token); !errors.Is(err, verify.ErrUnavailable) || errors.Is(err, verify.ErrInvalid) {
				t.Errorf("Verify: %v, want ErrUnavailable", err)
			}
			o.publish(k)
			c.advance(time.Second)
			if _, err := v.Verify(t.Context(), token); err != nil {
				t.Errorf("once the issuer behaves: %v", err)
			}
		})
	}
}

// virtual is an origin without a network, for tests whose time is virtual.
func virtual() (*origin, verify.Config) {
	o := &origin{url: issuer}
	return o, verify.Config{Issuer: issuer, Audience: audience, HTTPClient: &http.Client{Transport: o}}
}

// lasting is a token that is good all day.
func lasting(t testing.TB, k jose.Key) string {
	t.Helper()
	now := time.Now()
	return sign(t, k, claims(m{"iat": now.Unix(), "nbf": nil, "exp": now.Add(100 * time.Hour).Unix()}), nil)
}

// TestStartWithoutIssuer: New ends with the caller's context, and the verifier
// finds its keys when there are some.
func TestStartWithoutIssuer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, config := virtual()
		k := generate(t, jose.ES256)
		o.metadata = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		v, err := verify.New(ctx, config)
		if err != nil || time.Since(began) != 3*time.Second {
			t.Fatalf("New after %v: %v", time.Since(began), err)
		}
		defer v.Close()
		began = time.Now()
		token := lasting(t, k)
		if _, err := v.Verify(t.Context(), token); !errors.Is(err, verify.ErrUnavailable) || time.Since(began) != 7*time.Second {
			t.Errorf("Verify after %v: %v, want ErrUnavailable when the fetch has had its 10 seconds", time.Since(began), err)
		}
		o.publish(k)
		time.Sleep(2 * time.Second) // of the bubble
		synctest.Wait()
		if err := v.Health(); err != nil {
			t.Errorf("the verifier does not keep trying: %v", err)
		}
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Error(err)
		}
	})
}

// TestFetchIsBounded as a whole, not request by request.
func TestFetchIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, config := virtual()
		slow := func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-time.After(8 * time.Second):
			case <-r.Context().Done():
			}
		}
		o.metadata = func(w http.ResponseWriter, r *http.Request) {
			slow(w, r)
			answer("application/json", fmt.Sprintf(`{"issuer":%q,"jwks_uri":"%s/keys"}`, issuer, issuer))(w, r)
		}
		o.keys = slow
		began := time.Now()
		v := open(t, config)
		defer v.Close()
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("took %v, want 10s", took)
		}
	})
}

// TestKeysInTheClear: metadata that came over TLS may not send us to keys that
// do not, not even on this machine.
func TestKeysInTheClear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, config := virtual()
		o.publish(generate(t, jose.ES256))
		o.metadata = answer("application/json", fmt.Sprintf(`{"issuer":%q,"jwks_uri":"http://localhost/keys"}`, issuer))
		v := open(t, config)
		defer v.Close()
		if err := v.Health(); err == nil || !strings.Contains(err.Error(), "jwks_uri") {
			t.Errorf("Health: %v", err)
		}
	})
}

// TestCallerGivesUp: who waits for keys goes when its context ends; the fetch
// goes on for the others.
func TestCallerGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, config := virtual()
		old, next := generate(t, jose.ES256), generate(t, jose.ES256)
		o.publish(old)
		v := open(t, config)
		defer v.Close()
		o.publish(old, next)
		o.keys = func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(2 * time.Second)
			answer("application/json", string(keySet(old, next)))(w, nil)
		}
		time.Sleep(10 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		token := lasting(t, next)
		if _, err := v.Verify(ctx, token); !errors.Is(err, verify.ErrUnavailable) {
			t.Errorf("given up: %v, want ErrUnavailable", err)
		}
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Errorf("the other: %v", err)
		}
		if n := o.fetches.Load(); n != 2 {
			t.Errorf("%d fetches, want 2", n)
		}
	})
}

// TestFloodOfUnknownKeys: three fetches an interval at most, whatever comes;
// tokens of a new key that arrive at once are all accepted after one fetch.
func TestFloodOfUnknownKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, config := virtual()
		old, next, nobodys := generate(t, jose.ES256), generate(t, jose.ES256), generate(t, jose.ES256)
		o.publish(old)
		v := open(t, config)
		defer v.Close()
		o.keys = func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Second)
			answer("application/json", string(keySet(old, next)))(w, nil)
		}
		good, bad := lasting(t, next), lasting(t, nobodys)
		flood := func() {
			var wg sync.WaitGroup
			for range 200 {
				wg.Go(func() {
					if _, err := v.Verify(t.Context(), bad); !errors.Is(err, verify.ErrKey) && !errors.Is(err, verify.ErrUnavailable) {
						t.Errorf("unknown key: %v, want ErrKey or ErrUnavailable", err)
					}
				})
				wg.Go(func() {
					if _, err := v.Verify(t.Context(), good); err != nil {
						t.Errorf("new key: %v", err)
					}
				})
			}
			wg.Wait()
		}
		time.Sleep(10 * time.Second)
		for i := range int64(5) {
			flood()
			flood()
			if n := o.fetches.Load(); n < 2 || n > 1+3*(i+1) {
				t.Fatalf("%d fetches after %d intervals, want %d at most", n, i+1, 1+3*(i+1))
			}
			time.Sleep(9 * time.Second)
		}
		if _, err := v.Verify(t.Context(), bad); !errors.Is(err, verify.ErrKey) {
			t.Errorf("unknown key of an old token: %v, want ErrKey", err)
		}
	})
}

// TestFetchBegunTooEarly: whoever waits for a fetch that began before the key
// of its token was published gets another one, if the interval allows it.
func TestFetchBegunTooEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, config := virtual()
		old, next := generate(t, jose.ES256), generate(t, jose.ES256)
		o.publish(old)
		config.RefetchInterval = -1
		v := open(t, config)
		defer v.Close()
		o.keys = func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(2 * time.Second)
			answer("application/json", string(keySet(old)))(w, nil)
		}
		go func() { _ = v.Refresh(t.Context()) }()
		time.Sleep(time.Second)
		o.publish(old, next)
		if _, err := v.Verify(t.Context(), lasting(t, next)); err != nil {
			t.Error(err)
		}
	})
}

// TestWithdrawnKey is forgotten at the next fetch, also for tokens that were
// verified with it, while tokens of the keys that stay are good all along.
func TestWithdrawnKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, config := virtual()
		bad, kept := generate(t, jose.ES256), generate(t, jose.ES256)
		o.publish(bad, kept)
		v := open(t, config)
		defer v.Close()
		withdrawn, good := lasting(t, bad), lasting(t, kept)
		check := func(when string, want error) {
			t.Helper()
			for range 2 {
				if _, err := v.Verify(t.Context(), withdrawn); !errors.Is(err, want) {
					t.Errorf("%s: %v, want %v", when, err, want)
				}
				if _, err := v.Verify(t.Context(), good); err != nil {
					t.Errorf("%s: %v", when, err)
				}
			}
		}
		check("at first", nil)
		o.publish(kept)
		check("before the next fetch", nil)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		check("after it", verify.ErrKey)
		other, err := generate(t, jose.ES256).WithKid(kept.Kid())
		if err != nil {
			t.Fatal(err)
		}
		o.publish(other)
		if err := v.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := v.Verify(t.Context(), good); !errors.Is(err, verify.ErrSignature) {
			t.Errorf("another key under its kid: %v, want ErrSignature", err)
		}
	})
}

// TestIssuerDown: good tokens keep working to the age limit, then the verifier
// says that it cannot know, and comes back with the issuer.
func TestIssuerDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, config := virtual()
		k := generate(t, jose.ES256)
		o.publish(k)
		v := open(t, config)
		defer v.Close()
		token := lasting(t, k)
		o.misbehave(http.NotFound, nil)
		for hour := range 24 {
			for range 2 {
				if _, err := v.Verify(t.Context(), token); err != nil {
					t.Fatalf("after %d hours: %v", hour, err)
				}
			}
			if hour == 23 {
				break
			}
			time.Sleep(time.Hour)
		}
		if _, err := v.Verify(t.Context(), lasting(t, generate(t, jose.ES256))); !errors.Is(err, verify.ErrUnavailable) {
			t.Errorf("unknown key while the issuer is down: %v, want ErrUnavailable", err)
		}
		time.Sleep(time.Hour)
		if _, err := v.Verify(t.Context(), token); !errors.Is(err, verify.ErrUnavailable) {
			t.Errorf("at the age limit: %v, want ErrUnavailable", err)
		}
		if v.Health() == nil {
			t.Error("at the age limit: healthy")
		}
		o.publish(k)
		time.Sleep(10 * time.Second)
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Errorf("after the issuer has come back: %v", err)
		}
	})
}

// TestClose: nothing is fetched any more, and what is known keeps working.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, config := virtual()
		k := generate(t, jose.ES256)
		o.publish(k)
		v := open(t, config)
		v.Close()
		v.Close()
		time.Sleep(time.Hour)
		if _, err := v.Verify(t.Context(), lasting(t, k)); err != nil {
			t.Error(err)
		}
		if n := o.fetches.Load(); n != 1 {
			t.Errorf("%d fetches, want 1", n)
		}
		if err := v.Refresh(t.Context()); !errors.Is(err, verify.ErrUnavailable) {
			t.Errorf("Refresh: %v", err)
		}
	})
}
