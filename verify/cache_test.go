package verify_test

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/verify"
	"github.com/portaria/portaria/verify/verifytest"
)

// Claims of one and the same verification are equal: that tells a hit.

func accept(t testing.TB, v *verify.Verifier, token string) verify.Claims {
	t.Helper()
	c, err := v.Verify(t.Context(), strings.Clone(token))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func refuse(t testing.TB, v *verify.Verifier, token string, want error) {
	t.Helper()
	if c, err := v.Verify(t.Context(), token); !errors.Is(err, want) || c != (verify.Claims{}) {
		t.Errorf("%v, want %v", err, want)
	}
}

// cached returns a verifier that has the token in its cache.
func cached(t testing.TB, k jose.Key, c *clock, token string) (*verify.Verifier, verify.Claims) {
	t.Helper()
	v := open(t, static(k, c))
	claims := accept(t, v, token)
	if accept(t, v, token) != claims {
		t.Fatal("not cached")
	}
	return v, claims
}

func TestCachedTokenExpires(t *testing.T) {
	k, c := generate(t, jose.ES256), &clock{start}
	token := sign(t, k, claims(nil), nil)
	v, _ := cached(t, k, c, token)
	c.advance(15*time.Minute + 10*time.Second - time.Millisecond)
	accept(t, v, token)
	c.advance(time.Millisecond)
	refuse(t, v, token, verify.ErrExpired)
}

func TestCachedTokenIsNotYetValid(t *testing.T) {
	k := generate(t, jose.ES256)
	for _, name := range []string{"nbf", "iat"} {
		c := &clock{start}
		token := sign(t, k, claims(m{"nbf": nil, name: start.Unix()}), nil)
		if name == "nbf" {
			token = sign(t, k, claims(m{"iat": 0}), nil)
		}
		v, _ := cached(t, k, c, token)
		c.advance(-10 * time.Second)
		accept(t, v, token)
		c.advance(-time.Millisecond) // a clock that was wrong is set right
		refuse(t, v, token, verify.ErrNotYet)
	}
}

// TestCachedKeyIsWithdrawn: the very next hit sees it, and also a key that is
// replaced under its own kid.
func TestCachedKeyIsWithdrawn(t *testing.T) {
	k, other := generate(t, jose.ES256), generate(t, jose.ES256)
	same, err := other.WithKid(k.Kid())
	if err != nil {
		t.Fatal(err)
	}
	for want, set := range map[error][]jose.Key{verify.ErrKey: {other}, verify.ErrSignature: {same}} {
		o := listen(t, k)
		v := open(t, o.config((&clock{start}).Now))
		token := o.token(t, k)
		first := accept(t, v, token)
		if err := v.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if accept(t, v, token) != first {
			t.Error("fetching the same keys again empties the cache")
		}
		o.publish(set...)
		if err := v.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		refuse(t, v, token, want)
	}
}

// TestCachedTokenOfAnotherPolicy: what one verifier accepted says nothing to
// another.
func TestCachedTokenOfAnotherPolicy(t *testing.T) {
	k, c := generate(t, jose.ES256), &clock{start}
	token := sign(t, k, claims(m{"aud": []string{audience, "mail"}}), nil)
	cached(t, k, c, token)
	for want, change := range map[error]func(*verify.Config){
		verify.ErrIssuer:   func(c *verify.Config) { c.Issuer = "https://other.example" },
		verify.ErrAudience: func(c *verify.Config) { c.Audience = "billing" },
		verify.ErrType:     func(c *verify.Config) { c.Profile = verify.PlainJWT },
		nil:                func(c *verify.Config) { c.Audience = "mail" },
	} {
		config := static(k, c)
		change(&config)
		_, err := open(t, config).Verify(t.Context(), token)
		if !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
}

// TestOnlySuccessesAreCached: what was refused is looked at anew.
func TestOnlySuccessesAreCached(t *testing.T) {
	old, next := generate(t, jose.ES256), generate(t, jose.ES256)
	c := &clock{start}
	o := listen(t, old)
	v := open(t, o.config(c.Now))
	token := o.token(t, next)
	for range 2 {
		refuse(t, v, token, verify.ErrKey)
	}
	early := sign(t, old, claims(m{"iss": o.url, "nbf": start.Add(time.Minute).Unix()}), nil)
	refuse(t, v, early, verify.ErrNotYet)
	if n, size := v.Cached(); n != 0 || size != 0 {
		t.Errorf("%d cached, %d bytes", n, size)
	}
	o.publish(old, next)
	c.advance(time.Minute)
	accept(t, v, token)
	accept(t, v, early)
}

// TestWholeTokenDecides: no byte of a cached token can be changed.
func TestWholeTokenDecides(t *testing.T) {
	k := generate(t, jose.EdDSA)
	token := sign(t, k, claims(nil), nil)
	v, _ := cached(t, k, &clock{start}, token)
	for i := range token {
		changed := []byte(token)
		if changed[i] ^= 1; changed[i] == '/' { // "." becomes no "."
			changed[i] = 'A'
		}
		refuse(t, v, string(changed), verify.ErrInvalid)
		refuse(t, v, token[:i], verify.ErrInvalid)
	}
	refuse(t, v, token+"A", verify.ErrInvalid)
	accept(t, v, token)
}

// TestDigestIsKeyed: it cannot be computed outside, and both halves depend on
// the whole token under keys of their own.
func TestDigestIsKeyed(t *testing.T) {
	k, c := generate(t, jose.ES256), &clock{start}
	v, w := open(t, static(k, c)), open(t, static(k, c))
	token := strings.Repeat("a", 600)
	hi, lo := v.Digest(token)
	if h, l := w.Digest(token); h == hi || l == lo || hi == lo {
		t.Error("two verifiers, or two halves, have one key")
	}
	for i := range token {
		if h, l := v.Digest(token[:i] + "b" + token[i+1:]); h == hi || l == lo {
			t.Fatalf("byte %d does not count", i)
		}
	}
	good := sign(t, k, claims(nil), nil)
	accept(t, v, good)
	if v.FindsHalf(good) {
		t.Error("half a digest is enough")
	}
}

// TestCacheKeepsNothingOfTheCaller: the buffer that the token came in is used
// again for something else.
func TestCacheKeepsNothingOfTheCaller(t *testing.T) {
	k := generate(t, jose.ES256)
	token := sign(t, k, claims(m{"role": "clerk", "aud": []string{audience, "x"}}), nil)
	v := open(t, static(k, &clock{start}))
	buffer := []byte(token)
	first, err := v.Verify(t.Context(), unsafe.String(&buffer[0], len(buffer)))
	if err != nil {
		t.Fatal(err)
	}
	clear(buffer)
	other := accept(t, v, sign(t, k, claims(m{"sub": "somebody else", "role": "admin"}), nil))
	role, _ := first.Raw("role")
	if accept(t, v, token) != first || first.Subject() == other.Subject() || string(role) != `"clerk"` || first.ClientID() != "portaria" || first.Audience()[1] != "x" {
		t.Errorf("claims have changed: %q %s %q", first.Subject(), role, first.Audience())
	}
}

func TestCacheIsBounded(t *testing.T) {
	k := generate(t, jose.EdDSA)
	tokens := make([]string, 2000)
	for i := range tokens {
		tokens[i] = sign(t, k, claims(m{"sub": "account " + strconv.Itoa(i)}), nil)
	}
	check := func(entries int, bytes int64, least int64) {
		t.Helper()
		config := static(k, &clock{start})
		config.CacheEntries, config.CacheBytes = entries, bytes
		v := open(t, config)
		for _, token := range tokens {
			accept(t, v, token)
			if n, size := v.Cached(); n > int64(max(entries, 0)) || size > bytes {
				t.Fatalf("%d entries of %d bytes, limits %d and %d", n, size, entries, bytes)
			}
		}
		if n, _ := v.Cached(); n < least {
			t.Errorf("limits %d, %d: only %d entries, want %d at least", entries, bytes, n, least)
		}
	}
	check(100, 1<<20, 90)
	check(1, 1<<20, 1)
	check(2000, 50_000, 100)
	check(2000, 100, 0)
	check(2000, 1<<20, 1800) // some buckets fill before others
	check(-1, 1<<20, 0)
}

// TestLatelyUsedStays: a crowd of tokens that come once does not push out those
// that come again and again.
func TestLatelyUsedStays(t *testing.T) {
	k := generate(t, jose.EdDSA)
	config := static(k, &clock{start})
	config.CacheEntries = 500
	v := open(t, config)
	regular := sign(t, k, claims(nil), nil)
	first := accept(t, v, regular)
	for i := range 2000 {
		accept(t, v, sign(t, k, claims(m{"jti": strconv.Itoa(i)}), nil))
		if accept(t, v, regular) != first {
			t.Fatalf("pushed out after %d others", i)
		}
	}
}

// TestLongTokensCostNothing, not even to be looked for. The best of several
// tries counts: a busy machine is no fault of ours.
func TestLongTokensCostNothing(t *testing.T) {
	v := open(t, static(generate(t, jose.ES256), &clock{start}))
	long, best := strings.Repeat("a.", 20<<20), time.Hour
	for range 20 {
		began := time.Now()
		refuse(t, v, long, verify.ErrMalformed)
		best = min(best, time.Since(began))
	}
	if best > 100*time.Microsecond {
		t.Errorf("answered after %v", best)
	}
}

// TestSecretsAreNotCached: whoever holds the secret signs, so nothing is
// remembered of it.
func TestSecretsAreNotCached(t *testing.T) {
	k, err := jose.NewKey(jose.HS256, []byte(benchSecret))
	if err != nil {
		t.Fatal(err)
	}
	v := open(t, verify.Config{Issuer: issuer, Audience: audience, Secret: verify.Secret(benchSecret), Now: (&clock{start}).Now})
	token := sign(t, k, claims(nil), nil)
	if first := accept(t, v, token); accept(t, v, token) == first {
		t.Error("cached")
	}
	for range 5 {
		accept(t, v, token)
	}
	for _, header := range []m{{"alg": "HS512"}, {"alg": "ES256"}, {"alg": "none"}} {
		refuse(t, v, sign(t, k, claims(nil), header), verify.ErrAlgorithm)
	}
	if _, err := v.Verify(t.Context(), sign(t, k, claims(nil), m{"kid": "another"})); err != nil {
		t.Errorf("the secret has no need of a kid: %v", err)
	}
}

// TestRulesDoNotEmptyTheCache: after a rule about something else, a cached token is
// looked up among the rules and not verified again.
func TestRulesDoNotEmptyTheCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		v := open(t, w.config())
		defer v.Close()
		token := w.token(t, "a")
		first := accept(t, v, token)
		w.revoke("b")
		synctest.Wait()
		if accept(t, v, token) != first {
			t.Error("the token was verified again")
		}
	})
}

// TestHitsTakeNoMemory: nor does finding out that a token is not there.
func TestHitsTakeNoMemory(t *testing.T) {
	k := generate(t, jose.ES256)
	token := sign(t, k, claims(nil), nil)
	v, _ := cached(t, k, &clock{start}, token)
	ctx := t.Context()
	n := testing.AllocsPerRun(100, func() {
		if c, err := v.Verify(ctx, token); err != nil || c.Subject() == "" || !c.HasScope("account") {
			t.Error(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestRecordsAreSmall, with what they are looked up by.
func TestRecordsAreSmall(t *testing.T) {
	i := verifytest.New(t)
	v := i.Verifier(audience)
	for range 100 {
		all := claims(nil)
		for _, own := range []string{"iss", "aud", "iat", "nbf", "exp", "jti"} {
			delete(all, own)
		}
		var options []verifytest.Option
		for name, value := range all {
			options = append(options, verifytest.Claim(name, value))
		}
		accept(t, v, i.Token(audience, options...))
	}
	if n, size := v.Cached(); size/n > 400 {
		t.Errorf("%d bytes a token", size/n)
	}
}

// TestManyHeaders: more headers than are learned are all right, and a key that
// is withdrawn is withdrawn for all of them.
func TestManyHeaders(t *testing.T) {
	k, other := generate(t, jose.EdDSA), generate(t, jose.EdDSA)
	o := listen(t, k)
	v := open(t, o.config((&clock{start}).Now))
	tokens := make([]string, 200)
	for i := range tokens {
		tokens[i] = sign(t, k, claims(m{"iss": o.url}), m{"x": i})
		accept(t, v, tokens[i])
		accept(t, v, tokens[i/2])
	}
	o.publish(other)
	if err := v.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, token := range tokens {
		refuse(t, v, token, verify.ErrKey)
	}
}

// TestManyAtOnce is for the race detector: verification, rotation and epochs.
func TestManyAtOnce(t *testing.T) {
	k, other := generate(t, jose.EdDSA), generate(t, jose.EdDSA)
	o := listen(t, k, other)
	config := o.config((&clock{start}).Now)
	config.CacheEntries = 50
	v := open(t, config)
	var often, once []string
	for i := range 100 {
		once = append(once, sign(t, k, claims(m{"iss": o.url, "jti": strconv.Itoa(i)}), nil))
	}
	for range 3 {
		often = append(often, o.token(t, other))
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 100 {
				for _, token := range []string{often[i%len(often)], once[i]} {
					if _, err := v.Verify(t.Context(), token); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	for range 20 {
		if err := v.Refresh(t.Context()); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
}
