package token_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

// FuzzClaims has lestrrat-go/jwx as a second opinion: of a token that we
// accept, it must read the same claims.
func FuzzClaims(f *testing.F) {
	h := newHouse(f)
	key, err := h.ring.Active(start)
	if err != nil {
		f.Fatal(err)
	}
	for _, changes := range []m{
		nil, {"aud": []string{"x", "https://api.example"}}, {"exp": 1.9e9}, {"exp": float64(start.Add(time.Minute).Unix()) + .9},
		{"nbf": nil, "jti": "é😀\u2028"}, {"sub": "\x00\"\\"}, {"x": m{"y": []any{1, nil, "z", 1e-9}}}, {"EXP": 1, "Sub": "x"},
	} {
		f.Add(claims(f, changes))
	}
	f.Fuzz(func(t *testing.T, payload string) {
		compact := h.sign(t, goodHeader, payload)
		ours, err := h.Verify(compact, start)
		if err != nil {
			return
		}
		theirs, err := jwt.Parse([]byte(compact), jwt.WithKey(jwa.ES256(), key.CryptoPublic()), jwt.WithValidate(false))
		if err != nil {
			t.Fatalf("accepted, but jwx says: %v\n%s", err, payload)
		}
		iss, _ := theirs.Issuer()
		sub, _ := theirs.Subject()
		aud, _ := theirs.Audience()
		exp, _ := theirs.Expiration()
		jti, _ := theirs.JwtID()
		want := []any{iss, sub, aud, exp.Unix(), jti}
		got := []any{ours.Issuer, ours.Subject, ours.Audience, ours.ExpiresAt.Unix(), ours.ID}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("claims (-jwx +ours):\n%s", diff)
		}
	})
}
