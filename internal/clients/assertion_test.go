package clients_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"maps"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/jose"
)

// claims of an assertion, to be changed by the tests. A nil value takes a claim
// out.
type claims map[string]any

func generate(t *testing.T, a jose.Algorithm) jose.Key {
	t.Helper()
	k, err := jose.Generate(a)
	must(t, err)
	return k
}

// compact signs what stands in it, whatever that is.
func compact(t *testing.T, k jose.Key, header, payload any) clients.Plain {
	t.Helper()
	h, err := json.Marshal(header)
	must(t, err)
	p, ok := payload.(string)
	if !ok {
		text, err := json.Marshal(payload)
		must(t, err)
		p = string(text)
	}
	input := jose.Encode(h) + "." + jose.Encode([]byte(p))
	signature, err := k.Sign(input)
	must(t, err)
	return clients.Plain(input + "." + jose.Encode(signature))
}

var serial atomic.Int64

// good is what a client that keeps to RFC 7523 says.
func good() claims {
	return claims{"iss": "orders", "sub": "orders", "aud": issuer, "exp": start.Add(time.Minute).Unix(),
		"iat": start.Unix(), "jti": "one of its kind " + strconv.FormatInt(serial.Add(1), 10)}
}

func (c claims) with(changes claims) claims {
	c = maps.Clone(c)
	for name, value := range changes {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	}
	return c
}

func headerOf(k jose.Key) claims { return claims{"alg": string(k.Algorithm()), "typ": "JWT"} }

// openAssertionDesk knows a service by its public key.
func openAssertionDesk(t *testing.T, k jose.Key) desk {
	t.Helper()
	d := openDesk(t)
	d.register(clients.Client{ID: "orders", Kind: clients.Service, PublicKey: string(k.PublicJWK())})
	return d
}

func TestAssertion(t *testing.T) {
	k := generate(t, jose.ES256)
	d := openAssertionDesk(t, k)
	for what, changes := range map[string]claims{
		"issuer":             {},
		"token endpoint":     {"aud": endpoint},
		"both":               {"aud": []string{issuer, endpoint}},
		"five minutes ahead": {"exp": start.Add(5 * time.Minute).Unix()},
		"a fast clock":       {"exp": start.Add(5*time.Minute + 30*time.Second).Unix(), "iat": start.Add(30 * time.Second).Unix(), "nbf": start.Add(30 * time.Second).Unix()},
		"without iat":        {"iat": nil},
		"a claim of its own": {"extra": []int{1}},
	} {
		t.Run(what, func(t *testing.T) {
			desk{t, d.Prover, d.store}.admit(clients.Shown{Assertion: compact(t, k, headerOf(k), good().with(changes))}, "orders")
		})
	}
	for _, typ := range []any{"client-authentication+jwt", nil} {
		d.admit(clients.Shown{ClientID: "orders", Assertion: compact(t, k, headerOf(k).with(claims{"typ": typ}), good())}, "orders")
	}
}

func TestAssertionRefused(t *testing.T) {
	k := generate(t, jose.ES256)
	d := openAssertionDesk(t, k)
	other := generate(t, jose.ES256)
	d.register(clients.Client{ID: "payroll", Kind: clients.Service, PublicKey: string(other.PublicJWK())})
	d.register(clients.Client{ID: "secretive", Kind: clients.Service, Secrets: []clients.Secret{hashed("x")}})

	soon := strconv.FormatInt(start.Add(time.Minute).Unix(), 10)
	for what, changes := range map[string]claims{
		"another's iss":        {"iss": "payroll"},
		"another's sub":        {"sub": "payroll"},
		"no iss":               {"iss": nil},
		"no sub":               {"sub": nil},
		"no aud":               {"aud": nil},
		"an empty list of aud": {"aud": []string{}},
		"another's aud":        {"aud": "https://evil.example"},
		"aud beside another's": {"aud": []string{issuer, "https://evil.example"}},
		"aud with a slash":     {"aud": issuer + "/"},
		"no exp":               {"exp": nil},
		"expired":              {"exp": start.Unix()},
		"expired long ago":     {"exp": 1},
		"far ahead":            {"exp": start.Add(5*time.Minute + 31*time.Second).Unix()},
		"for ever":             {"exp": 1e30},
		"exp as text":          {"exp": "4102444800"},
		"EXP":                  {"exp": nil, "EXP": start.Add(time.Minute).Unix()},
		"from the future":      {"iat": start.Add(31 * time.Second).Unix()},
		"not yet valid":        {"nbf": start.Add(31 * time.Second).Unix()},
		"no jti":               {"jti": nil},
		"an empty jti":         {"jti": ""},
		"a NUL in jti":         {"jti": "a\x00"},
		"a long jti":           {"jti": strings.Repeat("j", 256)},
	} {
		d.refuse(what, clients.Shown{Assertion: compact(t, k, headerOf(k), good().with(changes))})
	}
	for what, changes := range map[string]claims{
		"none":                {"alg": "none"},
		"another algorithm":   {"alg": "ES384"},
		"an access token":     {"typ": "at+jwt"},
		"a key along with it": {"jwk": json.RawMessage(k.PublicJWK())},
		"a URL of keys":       {"jku": "https://evil.example/jwks.json"},
		"an extension":        {"crit": []string{"exp"}},
		"a nested token":      {"cty": "JWT"},
		"another kid":         {"kid": "another"},
	} {
		d.refuse(what, clients.Shown{Assertion: compact(t, k, headerOf(k).with(changes), good())})
	}
	d.refuse("another client's key", clients.Shown{Assertion: compact(t, other, headerOf(other), good())})
	d.refuse("another client's name beside it", clients.Shown{ClientID: "payroll", Assertion: compact(t, k, headerOf(k), good())})
	d.refuse("a client that has a secret", clients.Shown{Assertion: compact(t, k, headerOf(k), good().with(claims{"iss": "secretive", "sub": "secretive"}))})
	d.refuse("an unknown client", clients.Shown{Assertion: compact(t, k, headerOf(k), good().with(claims{"iss": "nobody", "sub": "nobody"}))})
	d.refuse("two exp", clients.Shown{Assertion: compact(t, k, headerOf(k), `{"iss":"orders","sub":"orders","aud":"`+issuer+`","jti":"x","exp":`+soon+`,"exp":`+soon+`}`)})
	d.refuse("no JSON", clients.Shown{Assertion: compact(t, k, headerOf(k), "orders")})
	whole := compact(t, k, headerOf(k), good()).Reveal()
	d.refuse("a changed signature", clients.Shown{Assertion: clients.Plain(whole[:len(whole)-8] + "AAAAAAAA")})
	d.refuse("no signature", clients.Shown{Assertion: clients.Plain(whole[:strings.LastIndexByte(whole, '.')+1])})
	for _, junk := range []string{".", "..", "...", "a.b.c", strings.Repeat("a", 9<<10), "\x00"} {
		d.refuse("junk", clients.Shown{Assertion: clients.Plain(junk)})
	}
	d.admit(clients.Shown{Assertion: clients.Plain(whole)}, "orders") // none of it was remembered
	must(t, d.store.DisableClient(t.Context(), "orders", start))
	d.refuse("disabled", clients.Shown{Assertion: compact(t, k, headerOf(k), good())})
}

// TestPublicKeyAsSecret: the public key, which anybody may have, does not become
// the secret of a MAC.
func TestPublicKeyAsSecret(t *testing.T) {
	for _, a := range []jose.Algorithm{jose.ES256, jose.RS256} {
		k := generate(t, a)
		d := openAssertionDesk(t, k)
		payload, err := json.Marshal(good())
		must(t, err)
		input := jose.Encode([]byte(`{"alg":"HS256"}`)) + "." + jose.Encode(payload)
		mac := hmac.New(sha256.New, k.PublicJWK())
		mac.Write([]byte(input))
		d.refuse("HS256 with the public key", clients.Shown{Assertion: clients.Plain(input + "." + jose.Encode(mac.Sum(nil)))})
	}
	// Nor does a secret that somebody registered as the public key.
	k := generate(t, jose.HS256)
	d := openDesk(t)
	d.register(clients.Client{ID: "orders", Kind: clients.Service, PublicKey: string(k.RevealJWK())})
	d.refuse("a secret for a key", clients.Shown{Assertion: compact(t, k, headerOf(k), good())})
}

func TestAssertionWithEachAlgorithm(t *testing.T) {
	for _, a := range jose.SigningAlgorithms() {
		if a.Symmetric() {
			continue
		}
		k := generate(t, a)
		openAssertionDesk(t, k).admit(clients.Shown{Assertion: compact(t, k, headerOf(k), good())}, "orders")
	}
}

// TestAssertionOfKeySet: while a client changes its key, both are registered.
func TestAssertionOfKeySet(t *testing.T) {
	k, next := generate(t, jose.ES256), generate(t, jose.EdDSA)
	d := openDesk(t)
	d.register(clients.Client{ID: "orders", Kind: clients.Service, PublicKey: `{"keys":[` + string(k.PublicJWK()) + `,` + string(next.PublicJWK()) + `]}`})
	for _, k := range []jose.Key{k, next} {
		d.admit(clients.Shown{Assertion: compact(t, k, headerOf(k).with(claims{"kid": k.Kid()}), good())}, "orders")
	}
}

func TestReplay(t *testing.T) {
	k := generate(t, jose.ES256)
	d := openAssertionDesk(t, k)
	other := generate(t, jose.ES256)
	d.register(clients.Client{ID: "payroll", Kind: clients.Service, PublicKey: string(other.PublicJWK())})
	said := good()
	shown := clients.Shown{Assertion: compact(t, k, headerOf(k), said)}
	d.admit(shown, "orders")
	d.refuse("a replay", shown)
	d.refuse("its jti again", clients.Shown{Assertion: compact(t, k, headerOf(k), said.with(claims{"aud": endpoint}))})
	d.admit(clients.Shown{Assertion: compact(t, other, headerOf(other), said.with(claims{"iss": "payroll", "sub": "payroll"}))}, "payroll")

	// It is remembered for as long as it could be used.
	_, err := d.store.PruneAssertions(t.Context(), start.Add(time.Minute-time.Millisecond))
	must(t, err)
	_, err = d.Prove(t.Context(), shown, start.Add(time.Minute-time.Millisecond))
	if !errors.Is(err, clients.ErrReplayed) {
		t.Errorf("in its last moment: %v", err)
	}
}

// TestReplayWhereClocksDiffer: an assertion is remembered for the leeway beyond
// its end, in which a process whose clock is behind would still take it.
func TestReplayWhereClocksDiffer(t *testing.T) {
	k := generate(t, jose.ES256)
	d := openAssertionDesk(t, k)
	shown := clients.Shown{Assertion: compact(t, k, headerOf(k), good())} // good for a minute
	d.admit(shown, "orders")
	for _, test := range []struct {
		after time.Duration
		want  int
	}{{90*time.Second - time.Millisecond, 0}, {90 * time.Second, 1}} {
		if _, err := d.Prove(t.Context(), shown, start); !errors.Is(err, clients.ErrReplayed) {
			t.Errorf("before %v: %v", test.after, err)
		}
		n, err := d.store.PruneAssertions(t.Context(), start.Add(test.after))
		must(t, err)
		if n != test.want {
			t.Errorf("after %v: forgot %d, want %d", test.after, n, test.want)
		}
	}
}

// TestReplayAtOnce: of many who show one assertion at once, one is let in.
func TestReplayAtOnce(t *testing.T) {
	k := generate(t, jose.ES256)
	d := openAssertionDesk(t, k)
	shown := clients.Shown{Assertion: compact(t, k, headerOf(k), good())}
	var all sync.WaitGroup
	var in, out atomic.Int64
	for range 50 {
		all.Go(func() {
			switch _, err := d.Prove(t.Context(), shown, start); {
			case err == nil:
				in.Add(1)
			case errors.Is(err, clients.ErrNotProved):
				out.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if in.Load() != 1 || out.Load() != 49 {
		t.Errorf("let in %d, refused %d", in.Load(), out.Load())
	}
}
