package verify_test

import (
	"slices"
	"strings"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"
	gojwt "github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/verify"
)

// FuzzClaims has two libraries as a second opinion: of a token that we accept,
// both must accept the signature and read the same claims.
func FuzzClaims(f *testing.F) {
	k := generate(f, jose.ES256)
	v := open(f, static(k, &clock{start}))
	for _, changes := range []m{
		nil, {"aud": []string{"x", audience}}, {"exp": 1.9e9}, {"exp": float64(start.Unix()) + 60.9}, {"nbf": nil, "jti": "é😀\u2028"},
		{"sub": "\x00\"\\"}, {"x": m{"y": []any{1, nil, "z", 1e-9}}}, {"EXP": 1, "Sub": "x"}, {"amr": []string{}}, {"aud": "ord\u0065rs"},
	} {
		f.Add(string(encode(f, claims(changes))))
	}
	f.Fuzz(func(t *testing.T, payload string) {
		token := sign(t, k, payload, nil)
		first, err := v.Verify(t.Context(), token)
		if err != nil {
			return
		}
		if again := accept(t, v, token); again.Subject() != first.Subject() {
			t.Error("the second time is another")
		}
		agree(t, k, token, first)
	})
}

// FuzzToken changes a good token in any way: what is accepted then, both
// libraries must accept.
func FuzzToken(f *testing.F) {
	k := generate(f, jose.ES256)
	config := static(k, &clock{start})
	v := open(f, config)
	good := sign(f, k, claims(nil), nil)
	f.Add(0, "", 0)
	f.Add(3, "A", 1)
	f.Add(len(good), "=", 0)
	f.Add(len(good)-1, "B", 1)
	f.Add(200, "\n", 0)
	f.Add(0, "eyJhbGciOiJub25lIn0", strings.IndexByte(good, '.'))
	f.Fuzz(func(t *testing.T, at int, insert string, drop int) {
		if at < 0 || at > len(good) || drop < 0 || drop > len(good)-at {
			return
		}
		token := good[:at] + insert + good[at+drop:]
		if c, err := v.Verify(t.Context(), token); err == nil {
			if token != good {
				t.Errorf("accepted: %q", token)
			}
			agree(t, k, token, c)
		}
	})
}

// agree compares our claims with those of go-jose and jwx.
func agree(t *testing.T, k jose.Key, token string, ours verify.Claims) {
	t.Helper()
	parsed, err := gojwt.ParseSigned(token, []gojose.SignatureAlgorithm{gojose.ES256})
	if err != nil {
		t.Fatalf("accepted, but go-jose says: %v", err)
	}
	var a gojwt.Claims
	if err := parsed.Claims(k.CryptoPublic(), &a); err != nil {
		t.Fatalf("accepted, but go-jose says: %v", err)
	}
	b, err := jwt.Parse([]byte(token), jwt.WithKey(jwa.ES256(), k.CryptoPublic()), jwt.WithValidate(false))
	if err != nil {
		t.Fatalf("accepted, but jwx says: %v", err)
	}
	sub, _ := b.Subject()
	jti, _ := b.JwtID()
	aud, _ := b.Audience()
	exp, _ := b.Expiration()
	if diff := cmp.Diff([]any{sub, jti, aud, exp.Unix()}, []any{ours.Subject(), ours.ID(), ours.Audience(), ours.ExpiresAt().Unix()}); diff != "" {
		t.Errorf("claims (-jwx +ours):\n%s", diff)
	}
	// go-jose takes "SUB" for "sub", so that it is asked only where no name
	// comes in two cases.
	if all, err := verify.Decode[map[string]any](ours); err == nil && !folds(all) {
		if diff := cmp.Diff([]any{a.Subject, a.ID, []string(a.Audience)}, []any{ours.Subject(), ours.ID(), ours.Audience()}); diff != "" {
			t.Errorf("claims (-go-jose +ours):\n%s", diff)
		}
	}
}

func folds(claims map[string]any) bool {
	var names []string
	for name := range claims {
		if slices.ContainsFunc(names, func(other string) bool { return strings.EqualFold(other, name) }) {
			return true
		}
		names = append(names, name)
	}
	return false
}
