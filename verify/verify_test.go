package verify_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/verify"
)

func TestVerifyEveryAlgorithm(t *testing.T) {
	for _, a := range jose.SigningAlgorithms() {
		k := generate(t, a)
		config := static(k, &clock{start})
		if a.Symmetric() {
			material := struct{ K string }{}
			if err := json.Unmarshal(k.RevealJWK(), &material); err != nil {
				t.Fatal(err)
			}
			secret, err := jose.Decode(material.K)
			if err != nil {
				t.Fatal(err)
			}
			config.KeySet, config.Secret, config.SecretAlgorithm = nil, secret, string(a)
		}
		v := open(t, config)
		token := sign(t, k, claims(nil), nil)
		for range 2 {
			c, err := v.Verify(t.Context(), token)
			if err != nil || c.Subject() != "7e1a7c5e-9f0b-4f0e-8d68-0d1f1c9c2a11" {
				t.Errorf("%s: %q, %v", a, c.Subject(), err)
			}
		}
		forged := token[:len(token)-5] + "A" + token[len(token)-4:]
		if forged == token {
			forged = token[:len(token)-5] + "B" + token[len(token)-4:]
		}
		if _, err := v.Verify(t.Context(), forged); !errors.Is(err, verify.ErrSignature) {
			t.Errorf("%s, signature changed: %v", a, err)
		}
	}
}

// TestRefusals: each says which check failed, and is ErrInvalid as well.
func TestRefusals(t *testing.T) {
	k, other := generate(t, jose.ES256), generate(t, jose.ES256)
	v := open(t, static(k, &clock{start}))
	refuse := func(what, token string, want error) {
		t.Helper()
		c, err := v.Verify(t.Context(), token)
		if !errors.Is(err, want) || !errors.Is(err, verify.ErrInvalid) || c != (verify.Claims{}) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	claim := func(name string, value any, want error) {
		t.Helper()
		refuse(fmt.Sprintf("%s %v", name, value), sign(t, k, claims(m{name: value}), nil), want)
	}
	header := func(name string, value any, want error) {
		t.Helper()
		refuse(fmt.Sprintf("header %s %v", name, value), sign(t, k, claims(nil), m{name: value}), want)
	}
	at := func(by time.Duration) int64 { return start.Add(by).Unix() }

	refuse("nothing", "", verify.ErrMalformed)
	refuse("text", "abc", verify.ErrMalformed)
	refuse("too long", strings.Repeat("a", jose.MaxToken+1), verify.ErrMalformed)
	refuse("encrypted", strings.Repeat("e30.", 4)+"e30", verify.ErrMalformed)
	refuse("payload not base64url", sign(t, k, claims(nil), nil)[:120]+"=.AAAA", verify.ErrMalformed)
	refuse("unknown key", sign(t, other, claims(nil), nil), verify.ErrKey)
	refuse("signature of another key", sign(t, other, claims(nil), m{"kid": k.Kid()}), verify.ErrSignature)
	refuse("claims of no object", sign(t, k, "[]", nil), verify.ErrClaims)
	refuse("duplicate claims", sign(t, k, `{"iss":"a","iss":"b"}`, nil), verify.ErrClaims)
	header("alg", "none", verify.ErrAlgorithm)
	header("alg", "HS256", verify.ErrKey)
	header("typ", "JWT", verify.ErrType)
	header("typ", nil, verify.ErrType)
	header("cty", "JWT", verify.ErrType)
	header("jku", "https://evil.example", verify.ErrType)
	header("crit", []string{"exp"}, verify.ErrType)
	header("typ", "logout+jwt", verify.ErrType)
	header("typ", "", verify.ErrType)
	for _, kid := range []string{"../../" + k.Kid(), k.Kid() + "\x00", "' OR 1=1 --"} {
		header("kid", kid, verify.ErrKey)
	}
	claim("iss", issuer+"/", verify.ErrIssuer)
	claim("iss", nil, verify.ErrIssuer)
	claim("aud", "other", verify.ErrAudience)
	claim("aud", "Orders", verify.ErrAudience)
	claim("aud", []string{"a", "b"}, verify.ErrAudience)
	claim("aud", []string{}, verify.ErrAudience)
	claim("aud", nil, verify.ErrAudience)
	claim("aud", 7, verify.ErrClaims)
	claim("exp", at(-10*time.Second), verify.ErrExpired)
	claim("exp", nil, verify.ErrClaims)
	claim("exp", "soon", verify.ErrClaims)
	claim("exp", 1e300, verify.ErrClaims)
	claim("nbf", at(11*time.Second), verify.ErrNotYet)
	claim("iat", at(11*time.Second), verify.ErrNotYet)
	claim("iat", nil, verify.ErrClaims)
	claim("sub", nil, verify.ErrClaims)
	claim("sub", "", verify.ErrClaims)
	claim("sub", 7, verify.ErrClaims)
	claim("exp", fmt.Sprint(at(time.Minute)), verify.ErrClaims)
	claim("exp", -1, verify.ErrClaims)
	claim("nbf", true, verify.ErrClaims)
	claim("iss", []string{issuer}, verify.ErrClaims)
	if _, err := v.Verify(t.Context(), sign(t, k, claims(m{"exp": at(-9 * time.Second), "nbf": at(10 * time.Second)}), nil)); err != nil {
		t.Errorf("within the leeway: %v", err)
	}
	if _, err := new(verify.Verifier).Verify(t.Context(), sign(t, k, claims(nil), nil)); !errors.Is(err, verify.ErrUnavailable) {
		t.Errorf("zero Verifier: %v, want ErrUnavailable", err)
	}
}

func TestProfiles(t *testing.T) {
	k := generate(t, jose.ES256)
	tokens := map[string]string{
		"at+jwt":   sign(t, k, claims(nil), nil),
		"jwt":      sign(t, k, claims(nil), m{"typ": "JWT"}),
		"flask":    sign(t, k, claims(m{"type": "access", "csrf": "c"}), m{"typ": "JWT"}),
		"refresh":  sign(t, k, claims(m{"type": "refresh"}), m{"typ": "JWT"}),
		"long-typ": sign(t, k, claims(nil), m{"typ": "application/at+jwt"}),
		"upper":    sign(t, k, claims(nil), m{"typ": "AT+JWT"}),
		"lower":    sign(t, k, claims(nil), m{"typ": "jwt"}),
		"none":     sign(t, k, claims(nil), m{"typ": nil}),
		"logout":   sign(t, k, claims(nil), m{"typ": "logout+jwt"}),
		"long-log": sign(t, k, claims(nil), m{"typ": "application/Logout+JWT"}),
	}
	accepts := map[verify.Profile]string{"": "at+jwt long-typ upper", verify.AccessToken: "at+jwt long-typ upper", verify.PlainJWT: "jwt flask lower",
		verify.Flask: "flask", verify.InsecureAnyType: "at+jwt jwt flask long-typ upper lower none"}
	for profile, good := range accepts {
		config := static(k, &clock{start})
		config.Profile = profile
		v := open(t, config)
		for name, token := range tokens {
			_, err := v.Verify(t.Context(), token)
			if want := strings.Contains(" "+good+" ", " "+name+" "); (err == nil) != want {
				t.Errorf("profile %q, token %s: %v, want accepted = %v", profile, name, err, want)
			}
		}
	}
}

func TestEncryptedTokens(t *testing.T) {
	k := generate(t, jose.ES256)
	clear := sign(t, k, claims(nil), nil)
	for _, a := range []jose.Algorithm{jose.ECDHESA256KW, jose.RSAOAEP256, jose.A256GCMKW, jose.Dir} {
		mine, other := generate(t, a), generate(t, a)
		config := static(k, &clock{start})
		config.DecryptionKeys = mine.RevealJWK()
		v := open(t, config)
		nest := func(to jose.Key, inner string) string {
			nested, err := to.EncryptNested(inner, "")
			if err != nil {
				t.Fatal(err)
			}
			return nested
		}
		for range 2 {
			if c, err := v.Verify(t.Context(), nest(mine, clear)); err != nil || c.ClientID() != "portaria" {
				t.Errorf("%s: %v", a, err)
			}
		}
		if _, err := v.Verify(t.Context(), nest(other, clear)); !errors.Is(err, verify.ErrDecrypt) {
			t.Errorf("%s, for somebody else: %v", a, err)
		}
		if _, err := v.Verify(t.Context(), nest(mine, clear[:len(clear)-6]+"AAAAAA")); !errors.Is(err, verify.ErrSignature) {
			t.Errorf("%s, forged inside: %v", a, err)
		}
		if _, err := open(t, static(k, &clock{start})).Verify(t.Context(), nest(mine, clear)); !errors.Is(err, verify.ErrDecrypt) {
			t.Errorf("%s, without a decryption key: %v", a, err)
		}
	}
}

func TestClaims(t *testing.T) {
	k := generate(t, jose.ES256)
	v := open(t, static(k, &clock{start}))
	c, err := v.Verify(t.Context(), sign(t, k, claims(m{
		"aud": []string{"x", audience}, "amr": []string{"pwd", "otp"}, "acr": "aal2", "root": "top", "role": "clerk", "ROLE": "admin", "Sub": "x",
		"sub": "é\"\\\n<", "x": m{"y": []any{1, nil}}, "exp": float64(start.Unix()) + 600.5,
	}), nil))
	if err != nil {
		t.Fatal(err)
	}
	got := []any{c.Issuer(), c.Subject(), c.Audience(), c.IssuedAt(), c.NotBefore(), c.ExpiresAt(), c.AuthTime(), c.ID(), c.ClientID(),
		c.SessionID(), c.Root(), c.Scope(), c.AMR(), c.ACR(), c.Fresh(), c.Revision(), c.HasScope("account"), c.HasScope("orders"), c.HasScope("")}
	want := []any{issuer, "é\"\\\n<", []string{"x", audience}, start, start, start.Add(600500 * time.Millisecond), start.Add(-time.Minute),
		"Zm9vYmFyYmF6cXV4MTIzNA", "portaria", "b1946ac9-2f5e-4d2b-8f0e-1d1f1c9c2a12", "top", "account orders:read", []string{"pwd", "otp"},
		"aal2", true, int64(41), true, false, false}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, want := range map[string]string{
		"role": `"clerk"`, "ROLE": `"admin"`, "x": `{"y":[1,null]}`, "rvs": "41", "exp": "1772367000.5", "iat": "1772366400",
		"aud": `["x","orders"]`, "root": `"top"`, "acr": `"aal2"`, "Role": "", "nothing": "",
	} {
		if raw, ok := c.Raw(name); string(raw) != want || ok != (want != "") {
			t.Errorf("Raw(%s) = %s, %v; want %s", name, raw, ok, want)
		}
	}
	type own struct {
		Role string `json:"role"`
		Sub  string
		X    struct{ Y []any }
		Exp  float64 `json:"exp"`
	}
	decoded, err := verify.Decode[own](c)
	if err != nil || decoded.Role != "clerk" || decoded.Sub != "x" || len(decoded.X.Y) != 0 || decoded.Exp != 1772367000.5 {
		t.Errorf("Decode: %+v, %v", decoded, err)
	}
	all, err := verify.Decode[map[string]any](c)
	if err != nil || all["sub"] != "é\"\\\n<" || all["Sub"] != "x" || len(all) != 20 {
		t.Errorf("Decode to a map: %v, %v", all, err)
	}
	if _, err := verify.Decode[struct{ Role int }](c); err != nil {
		t.Errorf("Decode of a claim in another case: %v, want it left out", err)
	}
	if _, err := verify.Decode[struct {
		Role int `json:"role"`
	}](c); err == nil {
		t.Error("Decode of a string into a number: no error")
	}
}

// TestZeroClaims: they say nothing, and nothing that lets anybody in.
func TestZeroClaims(t *testing.T) {
	var c verify.Claims
	if c.Subject() != "" || c.Issuer() != "" || c.Audience() != nil || c.AMR() != nil || c.Fresh() || c.Revision() != 0 ||
		!c.ExpiresAt().IsZero() || c.HasScope("") || c.HasScope("a") {
		t.Error("zero Claims say something")
	}
	if _, ok := c.Raw("sub"); ok {
		t.Error("zero Claims have a claim")
	}
	if _, err := verify.Decode[m](c); err != nil {
		t.Error(err)
	}
}

func TestConfig(t *testing.T) {
	k, enc := generate(t, jose.ES256), generate(t, jose.ECDHES)
	secret := generate(t, jose.HS256)
	refuse := func(what string, change func(*verify.Config)) {
		t.Helper()
		c := static(k, &clock{start})
		change(&c)
		if v, err := verify.New(t.Context(), c); !errors.Is(err, verify.ErrConfig) || v != nil {
			t.Errorf("%s: %v, want ErrConfig", what, err)
		}
	}
	address := func(a string) {
		t.Helper()
		refuse("issuer "+a, func(c *verify.Config) { c.KeySet, c.Issuer = nil, a })
	}
	refuse("no issuer", func(c *verify.Config) { c.Issuer = "" })
	refuse("no audience", func(c *verify.Config) { c.Audience = "" })
	refuse("profile", func(c *verify.Config) { c.Profile = "JWT" })
	refuse("key set and secret", func(c *verify.Config) { c.Secret = make(verify.Secret, 32) })
	refuse("empty key set", func(c *verify.Config) { c.KeySet = []byte{} })
	refuse("private key set", func(c *verify.Config) { c.KeySet = k.RevealJWK() })
	refuse("secret as key set", func(c *verify.Config) { c.KeySet = secret.RevealJWK() })
	refuse("key set that encrypts", func(c *verify.Config) { c.KeySet = enc.PublicJWK() })
	refuse("short secret", func(c *verify.Config) { c.KeySet, c.Secret = nil, make(verify.Secret, 31) })
	refuse("empty secret", func(c *verify.Config) { c.KeySet, c.Secret = nil, verify.Secret{} })
	refuse("secret for RS256", func(c *verify.Config) {
		c.KeySet, c.Secret, c.SecretAlgorithm = nil, make(verify.Secret, 64), "RS256"
	})
	refuse("public decryption key", func(c *verify.Config) { c.DecryptionKeys = enc.PublicJWK() })
	refuse("decryption key that signs", func(c *verify.Config) { c.DecryptionKeys = k.RevealJWK() })
	refuse("empty decryption keys", func(c *verify.Config) { c.DecryptionKeys = verify.Secret{} })
	refuse("leeway", func(c *verify.Config) { c.Leeway = 6 * time.Minute })
	refuse("negative interval", func(c *verify.Config) { c.RefreshInterval = -1 })
	refuse("age limit below interval", func(c *verify.Config) { c.MaxKeyAge = time.Minute })
	address("auth.example.com")
	address("http://auth.example.com")
	address("ftp://auth.example.com")
	address("https://auth.example.com?x=1")
	address("https://auth.example.com#x")
	address("https://me@auth.example.com")
	address("https://")
}

func TestSecretsDoNotPrint(t *testing.T) {
	c := verify.Config{Secret: verify.Secret("sesame-sesame-sesame"), DecryptionKeys: verify.Secret("sesame")}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "config", c.Secret, "all", fmt.Sprintf("%v %+v %#v %s %x", c, c, c.Secret, c.Secret, c.Secret))
	text, err := json.Marshal(c.Secret)
	if err != nil {
		t.Fatal(err)
	}
	log.Write(text)
	if strings.Contains(log.String(), "sesame") || strings.Contains(log.String(), fmt.Sprintf("%x", "sesame")) {
		t.Error(log.String())
	}
}
