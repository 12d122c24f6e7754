package token_test

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	gojose "github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/token"
)

type m = map[string]any

// sign makes a token with a good signature by the house's own key over any
// header and payload text.
func (h house) sign(t testing.TB, header, payload string) string {
	t.Helper()
	key, err := h.ring.Active(start)
	if err != nil {
		t.Fatal(err)
	}
	input := jose.Encode([]byte(strings.ReplaceAll(header, "KID", key.Kid()))) + "." + jose.Encode([]byte(payload))
	signature, err := key.Sign(input)
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + jose.Encode(signature)
}

const goodHeader = `{"alg":"ES256","kid":"KID","typ":"at+jwt"}`

// claims returns good claims as JSON with some changed; nil removes one.
func claims(t testing.TB, changes m) string {
	t.Helper()
	all := m{
		"iss": "https://id.example", "sub": "u1", "aud": "https://api.example",
		"iat": start.Unix(), "nbf": start.Unix(), "exp": start.Add(ttl).Unix(), "rvs": 1,
	}
	maps.Copy(all, changes)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestVerifyChecksEachClaim(t *testing.T) {
	h := newHouse(t)
	at := func(d time.Duration) int64 { return start.Add(d).Unix() }
	check := func(changes m, want error) {
		t.Helper()
		if _, err := h.Verify(h.sign(t, goodHeader, claims(t, changes)), start); !errors.Is(err, want) {
			t.Errorf("%v: %v, want %v", changes, err, want)
		}
	}
	accept := func(changes m) { t.Helper(); check(changes, nil) }
	refuse := func(changes m) { t.Helper(); check(changes, token.ErrInvalid) }
	expired := func(changes m) { t.Helper(); check(changes, token.ErrExpired) }

	accept(nil)
	accept(m{"aud": []string{"https://other.example", "https://api.example"}})
	accept(m{"nbf": nil, "unknown": m{"deep": []int{1}}, "EXP": 1, "Iss": "x"})
	accept(m{"exp": at(-9 * time.Second)}) // leeway
	accept(m{"nbf": at(10 * time.Second), "iat": at(10 * time.Second)})
	accept(m{"exp": float64(at(ttl)) + .5})

	expired(m{"exp": at(-10 * time.Second)})
	expired(m{"exp": 0})

	refuse(m{"iss": "https://evil.example"})
	refuse(m{"iss": "https://id.example/"})
	refuse(m{"iss": nil})
	refuse(m{"iss": []string{"https://id.example"}})
	refuse(m{"aud": "https://other.example"})
	refuse(m{"aud": []string{}})
	refuse(m{"aud": []any{"https://api.example", 1}})
	refuse(m{"aud": nil})
	refuse(m{"sub": nil})
	refuse(m{"sub": ""})
	refuse(m{"sub": 7})
	refuse(m{"exp": nil})
	refuse(m{"exp": nil, "EXP": at(ttl)})
	refuse(m{"exp": "1900000000"})
	refuse(m{"exp": 1e18})
	refuse(m{"exp": -1})
	refuse(m{"iat": nil})
	refuse(m{"iat": at(11 * time.Second)})
	refuse(m{"nbf": at(11 * time.Second)})
	refuse(m{"nbf": true})
	refuse(m{"fresh": "true"})
	refuse(m{"rvs": -1})
	refuse(m{"rvs": 1.5})
	refuse(m{"amr": "pwd"})
	refuse(m{"auth_time": "x"})
	refuse(m{"scope": []string{"a"}})
	for _, name := range []string{"jti", "client_id", "sid"} {
		refuse(m{name: 7})
	}
}

// TestExpiredIsSaidOnlyOfGoodTokens: who cannot sign learns nothing from the
// difference between two refusals.
func TestExpiredIsSaidOnlyOfGoodTokens(t *testing.T) {
	h, other := newHouse(t), newHouse(t)
	old := m{"exp": start.Add(-time.Hour).Unix()}
	with := func(changes m) m { both := maps.Clone(old); maps.Copy(both, changes); return both }
	good := h.sign(t, goodHeader, claims(t, old))
	if _, err := h.Verify(good, start); !errors.Is(err, token.ErrExpired) || errors.Is(err, token.ErrInvalid) {
		t.Fatalf("good but old: %v, want ErrExpired alone", err)
	}
	for what, compact := range map[string]string{
		"another signature": good[:strings.LastIndexByte(good, '.')] + other.sign(t, goodHeader, claims(t, old))[strings.LastIndexByte(good, '.'):],
		"another key":       other.sign(t, goodHeader, claims(t, old)),
		"another issuer":    h.sign(t, goodHeader, claims(t, with(m{"iss": "x"}))),
		"another audience":  h.sign(t, goodHeader, claims(t, with(m{"aud": "x"}))),
		"from the future":   h.sign(t, goodHeader, claims(t, with(m{"iat": start.Add(time.Hour).Unix()}))),
		"another type":      h.sign(t, `{"alg":"ES256","kid":"KID","typ":"JWT"}`, claims(t, old)),
	} {
		if _, err := h.Verify(compact, start); !errors.Is(err, token.ErrInvalid) || errors.Is(err, token.ErrExpired) {
			t.Errorf("%s: %v, want ErrInvalid", what, err)
		}
	}
}

func TestVerifyChecksTheHeader(t *testing.T) {
	h := newHouse(t)
	refuse := func(header string) {
		t.Helper()
		for range 2 { // nothing is learned from a refused token
			if _, err := h.Verify(h.sign(t, header, claims(t, nil)), start); !errors.Is(err, token.ErrInvalid) {
				t.Errorf("%s: %v, want ErrInvalid", header, err)
			}
		}
	}
	for _, typ := range []string{`"JWT"`, `"AT+JWT"`, `"application/at+jwt"`, `"logout+jwt"`, `""`, `null`} {
		refuse(`{"alg":"ES256","kid":"KID","typ":` + typ + `}`)
	}
	refuse(`{"alg":"ES256","kid":"KID"}`)
	refuse(`{"alg":"ES256","typ":"at+jwt"}`)
	refuse(`{"alg":"ES256","kid":"","typ":"at+jwt"}`)
	refuse(`{"alg":"ES256","kid":"../../KID","typ":"at+jwt"}`)
	refuse(`{"alg":"ES256","kid":"KID\u0000","typ":"at+jwt"}`)
	refuse(`{"alg":"ES256","kid":"' OR 1=1 --","typ":"at+jwt"}`)
	refuse(`{"alg":"ES256","kid":"KID","typ":"at+jwt","cty":"JWT"}`)
	refuse(`{"alg":"ES256","kid":"KID","typ":"at+jwt","jku":"https://id.example/jwks"}`)
	refuse(`{"alg":"ES256","kid":"KID","typ":"at+jwt","crit":["x"]}`)
	refuse(`{"alg":"none","kid":"KID","typ":"at+jwt"}`)
	refuse(`{"alg":"HS256","kid":"KID","typ":"at+jwt"}`)
	refuse(`{"alg":"ES384","kid":"KID","typ":"at+jwt"}`)
	refuse(`{"alg":"ES256","kid":"KID","typ":"at+jwt","typ":"at+jwt"}`)
}

func TestVerifyRefusesWhatIsNoToken(t *testing.T) {
	h := newHouse(t)
	good := h.sign(t, goodHeader, claims(t, nil))
	unsigned := good[:strings.LastIndexByte(good, '.')+1]
	for _, compact := range []string{
		"", ".", "..", "...", "a.b.c", "Bearer " + good, good + " ", "\n" + good, good + "." + good, unsigned,
		unsigned + strings.Repeat("A", 86), good[:len(good)-4], strings.Repeat("A", 10<<20), "prt_" + strings.Repeat("A", 72),
		h.sign(t, goodHeader, ""), h.sign(t, goodHeader, "null"), h.sign(t, goodHeader, "[]"), h.sign(t, goodHeader, "{}"),
		h.sign(t, goodHeader, claims(t, nil)+"x"), h.sign(t, goodHeader, `{"sub":"u1",`+claims(t, nil)[1:]),
	} {
		if _, err := h.Verify(compact, start); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("%.40q: %v, want ErrInvalid", compact, err)
		}
	}
}

// TestKeyStandingCountsEvenForAKnownHeader: the learned header is no pass.
func TestKeyStandingCountsEvenForAKnownHeader(t *testing.T) {
	h := newHouse(t)
	long := claims(t, m{"exp": start.Add(24 * time.Hour).Unix()})
	compact := h.sign(t, goodHeader, long)
	expect := func(after time.Duration, want error) {
		t.Helper()
		if _, err := h.Verify(compact, start.Add(after)); !errors.Is(err, want) {
			t.Errorf("after %v: %v, want %v", after, err, want)
		}
	}
	reload := func(change func(*keyring.Record)) {
		t.Helper()
		change(&h.store.records[0])
		if err := h.ring.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	expect(0, nil)
	reload(func(r *keyring.Record) { r.RetireAt = start.Add(time.Minute) })
	expect(2*time.Minute, nil)
	expect(2*time.Hour, token.ErrInvalid) // gone
	reload(func(r *keyring.Record) { r.KilledAt = start })
	expect(0, token.ErrInvalid)
}

// TestOthersReadOurTokens: go-jose and jwx, with the published key set.
func TestOthersReadOurTokens(t *testing.T) {
	for _, alg := range []jose.Algorithm{jose.ES256, jose.EdDSA, jose.ES512, jose.PS256} {
		ring, _ := openRing(t, keyring.Policy{LongestTTL: time.Hour, Algorithm: alg})
		issuer, err := token.NewIssuer(ring, policy())
		if err != nil {
			t.Fatal(err)
		}
		minted, claims, err := issuer.Mint(start, someone())
		if err != nil {
			t.Fatal(err)
		}
		var set gojose.JSONWebKeySet
		if err := json.Unmarshal(ring.KeySet(start).JSON, &set); err != nil {
			t.Fatal(err)
		}
		jws, err := gojose.ParseSignedCompact(minted.Reveal(), []gojose.SignatureAlgorithm{gojose.SignatureAlgorithm(alg)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jws.Verify(set); err != nil {
			t.Errorf("%s: go-jose: %v", alg, err)
		}
		named, _ := jwa.LookupSignatureAlgorithm(string(alg))
		theirs, err := jwt.Parse([]byte(minted.Reveal()), jwt.WithKey(named, set.Keys[0].Key),
			jwt.WithClock(jwt.ClockFunc(func() time.Time { return start })), jwt.WithAudience("https://api.example"))
		if err != nil {
			t.Fatalf("%s: jwx: %v", alg, err)
		}
		sub, _ := theirs.Subject()
		exp, _ := theirs.Expiration()
		jti, _ := theirs.JwtID()
		if diff := cmp.Diff([]any{claims.Subject, claims.ExpiresAt, claims.ID}, []any{sub, exp, jti}); diff != "" {
			t.Errorf("%s: jwx reads (-ours +theirs):\n%s", alg, diff)
		}
	}
}

// FuzzVerify: nothing panics, nothing but the house's own tokens is accepted,
// and what is accepted go-jose accepts too.
func FuzzVerify(f *testing.F) {
	h := newHouse(f)
	key, err := h.ring.Active(start)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(goodHeader, claims(f, nil))
	f.Add(goodHeader, claims(f, m{"aud": []string{"https://api.example"}, "exp": 1e10}))
	f.Add(`{"alg":"none"}`, `{}`)
	f.Add(`{"alg":"ES256","kid":"KID","typ":"at+jwt","crit":[]}`, `{"exp":1,"exp":2}`)
	f.Fuzz(func(t *testing.T, header, payload string) {
		compact := h.sign(t, header, payload)
		got, err := h.Verify(compact, start)
		if err != nil {
			return
		}
		jws, err := gojose.ParseSignedCompact(compact, []gojose.SignatureAlgorithm{gojose.ES256})
		if err != nil {
			t.Fatalf("accepted, but go-jose says: %v", err)
		}
		text, err := jws.Verify(key.CryptoPublic())
		if err != nil {
			t.Fatalf("accepted, but go-jose says: %v", err)
		}
		var theirs map[string]json.RawMessage
		if err := json.Unmarshal(text, &theirs); err != nil {
			t.Fatalf("accepted, but Go says: %v", err)
		}
		var sub string
		if err := json.Unmarshal(theirs["sub"], &sub); err != nil || sub != got.Subject {
			t.Errorf("subject %q, Go reads %q: %v", got.Subject, sub, err)
		}
	})
}
