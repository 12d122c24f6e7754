package token_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/token"
	"github.com/portaria/portaria/verify"
)

// newHouseWith is newHouse under a changed policy.
func newHouseWith(t testing.TB, change func(*token.Policy)) house {
	t.Helper()
	ring, store := openRing(t, keyring.Policy{LongestTTL: time.Hour})
	p := policy()
	change(&p)
	issuer, err := token.NewIssuer(ring, p)
	if err != nil {
		t.Fatal(err)
	}
	return house{ring, store, issuer, p}
}

const own = "https://api.example"

func (h house) mint(t testing.TB, c token.Claims) (token.Token, token.Claims) {
	t.Helper()
	minted, claims, err := h.issuer.Mint(start, c)
	if err != nil {
		t.Fatal(err)
	}
	return minted, claims
}

// TestProfiles: what each looks like, and that no verifier takes another's.
func TestProfiles(t *testing.T) {
	houses := map[token.Profile]house{}
	ring, store := openRing(t, keyring.Policy{LongestTTL: time.Hour})
	profiles := []token.Profile{token.AccessToken, token.PlainJWT, token.Flask}
	for _, profile := range profiles {
		p := policy()
		p.Services = map[string]token.Service{own: {Profile: profile}}
		issuer, err := token.NewIssuer(ring, p)
		if err != nil {
			t.Fatal(err)
		}
		houses[profile] = house{ring, store, issuer, p}
	}
	for _, profile := range profiles {
		c := someone()
		c.CSRF = "c5"
		minted, claims := houses[profile].mint(t, c)
		header, payload := parts(t, minted)
		flask := profile == token.Flask
		if want := profile == token.AccessToken; strings.Contains(header, `"typ":"at+jwt"`) != want || strings.Contains(header, `"typ":"JWT"`) == want {
			t.Errorf("%s: header %s", profile, header)
		}
		if strings.Contains(payload, `"type":"access"`) != flask || !strings.Contains(payload, `"csrf":"c5"`) || !strings.Contains(payload, `"fresh":true`) {
			t.Errorf("%s: claims %s", profile, payload)
		}
		for _, other := range profiles {
			got, err := houses[other].verify(t, minted.Reveal(), start)
			if flask && other == token.PlainJWT {
				continue // the same typ; its claim "type" is one of the application's
			}
			if other != profile && !errors.Is(err, verify.ErrType) {
				t.Errorf("a %s token as %s: %v, want ErrType", profile, other, err)
			}
			if other == profile && (err != nil || !cmp.Equal(got, claims)) {
				t.Errorf("%s: %v\n%s", profile, err, cmp.Diff(claims, got))
			}
		}
	}
}

// TestOneIssuerServesSeveralProfiles, each audience its own.
func TestOneIssuerServesSeveralProfiles(t *testing.T) {
	h := newHouseWith(t, func(p *token.Policy) {
		p.Services = map[string]token.Service{"flask": {Profile: token.Flask}, "plain": {Profile: token.PlainJWT}, "plain2": {Profile: token.PlainJWT}}
	})
	for range 2 { // the second time with kept headers
		for audience, want := range map[string]string{own: "at+jwt", "flask": "JWT", "plain": "JWT", "plain,plain2": "JWT"} {
			header, _ := parts(t, first(h.mint(t, token.Claims{Subject: "u1", Audience: strings.Split(audience, ",")})))
			if !strings.Contains(header, `"typ":"`+want+`"`) {
				t.Errorf("%s: header %s, want %s", audience, header, want)
			}
		}
	}
	for _, audience := range []string{"flask,plain", "plain,flask", own + ",plain"} {
		_, _, err := h.issuer.Mint(start, token.Claims{Subject: "u1", Audience: strings.Split(audience, ",")})
		if !errors.Is(err, token.ErrClaims) || !strings.Contains(err.Error(), "aud") {
			t.Errorf("%s: %v, want ErrClaims that names aud", audience, err)
		}
	}
}

func first[A, B any](a A, _ B) A { return a }

// TestEncryptedAccessTokens: nested, for the key of the audience.
func TestEncryptedAccessTokens(t *testing.T) {
	const service = "https://orders.example"
	key, err := jose.Generate(jose.ECDHESA256KW)
	if err != nil {
		t.Fatal(err)
	}
	to, err := token.ParseEncryptionKey(key.PublicJWK())
	if err != nil {
		t.Fatal(err)
	}
	h := newHouseWith(t, func(p *token.Policy) {
		p.Services = map[string]token.Service{service: {EncryptTo: to, Encryption: jose.A128CBCHS256}}
	})
	minted, claims := h.mint(t, token.Claims{Subject: "u1", Audience: []string{service}})
	encrypted, err := jose.ParseEncrypted(minted.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	if e := encrypted.Header; e.Kid != key.Kid() || e.Encryption != jose.A128CBCHS256 || e.ContentType != "JWT" {
		t.Errorf("header %+v", e)
	}
	inner, err := encrypted.DecryptNested(key)
	if err != nil {
		t.Fatal(err)
	}
	there := h
	there.policy.Audience = service
	if got, err := there.verify(t, inner, start); err != nil || !cmp.Equal(got, claims) {
		t.Errorf("%v\n%s", err, cmp.Diff(claims, got))
	}
	if _, err := there.verify(t, minted.Reveal(), start); !errors.Is(err, verify.ErrInvalid) {
		t.Errorf("still encrypted: %v, want ErrInvalid", err)
	}
	if strings.Count(first(h.mint(t, someone())).Reveal(), ".") != 2 {
		t.Error("another audience's token is encrypted too")
	}
	for _, audience := range [][]string{{service, own}, {own, service}} {
		if _, _, err := h.issuer.Mint(start, token.Claims{Subject: "u1", Audience: audience}); !errors.Is(err, token.ErrClaims) {
			t.Errorf("%v: %v, want ErrClaims", audience, err)
		}
	}
}

// keySource says what it is told to.
type keySource func(time.Time) (jose.Key, error)

func (k keySource) EncryptionKey(now time.Time) (jose.Key, error) { return k(now) }

// TestNoTokenWithoutItsEncryption: what cannot be encrypted is not sent plain.
func TestNoTokenWithoutItsEncryption(t *testing.T) {
	fetching := errors.New("cannot fetch")
	for what, source := range map[string]keySource{
		"no key":        func(time.Time) (jose.Key, error) { return jose.Key{}, fetching },
		"zero key":      func(time.Time) (jose.Key, error) { return jose.Key{}, nil },
		"key that sign": func(time.Time) (jose.Key, error) { return jose.Generate(jose.ES256) },
	} {
		h := newHouseWith(t, func(p *token.Policy) { p.Services = map[string]token.Service{"x": {EncryptTo: source}} })
		minted, _, err := h.issuer.Mint(start, token.Claims{Subject: "u1", Audience: []string{"x"}})
		if minted != "" || !errors.Is(err, fetching) && !errors.Is(err, jose.ErrKey) {
			t.Errorf("%s: %q, %v", what, minted.Reveal(), err)
		}
	}
}

// silent is a service whose key is not known.
type silent struct{}

func (silent) EncryptionKey(time.Time) (jose.Key, error) {
	return jose.Key{}, token.ErrNoEncryptionKey
}

func TestRecipient(t *testing.T) {
	h := newHouseWith(t, func(p *token.Policy) {
		p.Services = map[string]token.Service{"orders": {Profile: token.PlainJWT}, "locked": {EncryptTo: silent{}}}
	})
	for audience, want := range map[string]error{"": nil, own: nil, "orders": nil, "locked": token.ErrNoEncryptionKey,
		"ORDERS": token.ErrAudience, "https://api.example/": token.ErrAudience} {
		if _, err := h.issuer.Recipient(t.Context(), audience, start); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", audience, err, want)
		}
	}
	if _, _, err := h.issuer.Mint(start, token.Claims{Subject: "u1", Audience: []string{"locked"}}); !errors.Is(err, token.ErrNoEncryptionKey) {
		t.Errorf("minted without the key: %v", err)
	}
	if _, err := newHouse(t).issuer.Recipient(t.Context(), "orders", start); !errors.Is(err, token.ErrAudience) {
		t.Errorf("without services: %v", err)
	}
}

func TestParseEncryptionKey(t *testing.T) {
	ec, err := jose.Generate(jose.ECDHES)
	if err != nil {
		t.Fatal(err)
	}
	signing, err := jose.Generate(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := jose.Generate(jose.A256KW)
	if err != nil {
		t.Fatal(err)
	}
	check := func(what, jwk string, want jose.Algorithm) {
		t.Helper()
		source, err := token.ParseEncryptionKey([]byte(jwk))
		if err != nil {
			if want != "" || !errors.Is(err, jose.ErrKey) && !errors.Is(err, jose.ErrJSON) {
				t.Errorf("%s: %v", what, err)
			}
			return
		}
		if key, err := source.EncryptionKey(start); err != nil || key.Algorithm() != want || key.Private() {
			t.Errorf("%s: %s, private %v, %v; want the public half for %s", what, key.Algorithm(), key.Private(), err, want)
		}
	}
	check("public", string(ec.PublicJWK()), jose.ECDHES)
	check("private by mistake", string(ec.RevealJWK()), jose.ECDHES)
	check("without alg", strings.Replace(string(ec.PublicJWK()), `"alg":"ECDH-ES",`, "", 1), jose.ECDHESA256KW)
	check("set", `{"keys":[`+string(signing.PublicJWK())+`,`+string(ec.PublicJWK())+`]}`, jose.ECDHES)
	check("key that signs", string(signing.PublicJWK()), "")
	check("secret", string(secret.RevealJWK()), "")
	check("nothing", ``, "")
}

// TestSizeLimitNamesTheClaim, whether the token is too large before its
// signature, after it, or after encryption.
func TestSizeLimitNamesTheClaim(t *testing.T) {
	key, err := jose.Generate(jose.RSAOAEP256)
	if err != nil {
		t.Fatal(err)
	}
	to, err := token.ParseEncryptionKey(key.PublicJWK())
	if err != nil {
		t.Fatal(err)
	}
	h := newHouseWith(t, func(p *token.Policy) {
		p.MaxSize = 1000
		p.Services = map[string]token.Service{"x": {EncryptTo: to}}
	})
	refuse := func(what, claim string, c token.Claims) {
		t.Helper()
		c.Subject = "u1"
		_, _, err := h.issuer.Mint(start, c)
		if !errors.Is(err, token.ErrClaims) || !strings.Contains(err.Error(), "1000 allowed") || !strings.Contains(err.Error(), "claim is "+claim+" with") {
			t.Errorf("%s: %v, want ErrClaims that names %s", what, err, claim)
		}
	}
	refuse("one long claim", "scope", token.Claims{Scope: strings.Repeat("s", 1000)})
	refuse("one much longer", "scope", token.Claims{Scope: strings.Repeat("s", 100_000)})
	refuse("many audiences", "aud", token.Claims{Audience: strings.Split(strings.Repeat("https://a.example ", 60), " ")})
	refuse("encrypted", "scope", token.Claims{Audience: []string{"x"}, Scope: strings.Repeat("s", 100)})
	h.mint(t, token.Claims{Subject: "u1", Scope: strings.Repeat("s", 300)})

	h = newHouse(t) // the default
	for size := 2000; ; size++ {
		minted, _, err := h.issuer.Mint(start, token.Claims{Subject: "u1", Scope: strings.Repeat("s", size)})
		if err == nil && len(minted) <= 4096 {
			continue
		}
		if !errors.Is(err, token.ErrClaims) || size < 2700 {
			t.Errorf("scope of %d bytes: token of %d, %v; want the limit at 4096", size, len(minted), err)
		}
		break
	}
}

func TestPolicyForServices(t *testing.T) {
	key, err := jose.Generate(jose.ECDHES)
	if err != nil {
		t.Fatal(err)
	}
	to, err := token.ParseEncryptionKey(key.PublicJWK())
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, want bool, change func(*token.Policy)) {
		t.Helper()
		p := policy()
		change(&p)
		if err := p.Validate(); (err == nil) != want {
			t.Errorf("%s: %v, want accepted = %v", what, err, want)
		}
	}
	check("profiles", true, func(p *token.Policy) {
		p.Services = map[string]token.Service{"a": {}, "b": {Profile: "at+jwt"}, "c": {Profile: "jwt"}, "d": {Profile: "flask"}}
	})
	check("unknown profile", false, func(p *token.Policy) { p.Services = map[string]token.Service{"a": {Profile: "JWT"}} })
	check("unknown encryption", false, func(p *token.Policy) {
		p.Services = map[string]token.Service{"a": {EncryptTo: to, Encryption: "A128CTR"}}
	})
	check("own audience encrypted", false, func(p *token.Policy) { p.Services = map[string]token.Service{own: {EncryptTo: to}} })
	check("greatest size", true, func(p *token.Policy) { p.MaxSize = jose.MaxToken })
	check("size above what is read", false, func(p *token.Policy) { p.MaxSize = jose.MaxToken + 1 })
	check("negative size", false, func(p *token.Policy) { p.MaxSize = -1 })
}
