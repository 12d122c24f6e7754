package verify_test

import (
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/verify"
)

const (
	issuer   = "https://auth.example.com"
	audience = "orders"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type m = map[string]any

// clock is a clock that the test sets.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time           { return c.now }
func (c *clock) advance(by time.Duration) { c.now = c.now.Add(by) }

func generate(t testing.TB, a jose.Algorithm) jose.Key {
	t.Helper()
	k, err := jose.Generate(a)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// claims are those of a token of Portaria; nil takes one away.
func claims(changes m) m {
	all := m{
		"iss": issuer, "sub": "7e1a7c5e-9f0b-4f0e-8d68-0d1f1c9c2a11", "aud": audience,
		"iat": start.Unix(), "nbf": start.Unix(), "exp": start.Add(15 * time.Minute).Unix(), "jti": "Zm9vYmFyYmF6cXV4MTIzNA",
		"client_id": "portaria", "sid": "b1946ac9-2f5e-4d2b-8f0e-1d1f1c9c2a12", "scope": "account orders:read",
		"auth_time": start.Add(-time.Minute).Unix(), "amr": []string{"pwd"}, "fresh": true, "rvs": 41,
	}
	maps.Copy(all, changes)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	return all
}

// sign makes a token; changes to the header as with claims.
func sign(t testing.TB, k jose.Key, payload any, header m) string {
	t.Helper()
	h := m{"alg": k.Algorithm(), "kid": k.Kid(), "typ": "at+jwt"}
	maps.Copy(h, header)
	maps.DeleteFunc(h, func(_ string, v any) bool { return v == nil })
	input := jose.Encode(encode(t, h)) + "." + jose.Encode(encode(t, payload))
	signature, err := k.Sign(input)
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + jose.Encode(signature)
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	if text, ok := v.(string); ok {
		return []byte(text)
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func keySet(keys ...jose.Key) []byte {
	set := []byte(`{"keys":[`)
	for i, k := range keys {
		if i > 0 {
			set = append(set, ',')
		}
		set = append(set, k.PublicJWK()...)
	}
	return append(set, `]}`...)
}

// static is a configuration without an issuer to ask.
func static(k jose.Key, c *clock) verify.Config {
	return verify.Config{Issuer: issuer, Audience: audience, KeySet: keySet(k), Now: c.Now}
}

func open(t testing.TB, c verify.Config) *verify.Verifier {
	t.Helper()
	v, err := verify.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}
