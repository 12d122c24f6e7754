package jose_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"strings"
	"testing"

	"github.com/portaria/portaria/internal/jose"
)

// decrypt is the whole way of a token with one key.
func decrypt(k jose.Key, compact string) (string, error) {
	e, err := jose.ParseEncrypted(compact)
	if err != nil {
		return "", err
	}
	plaintext, err := e.Decrypt(k)
	return string(plaintext), err
}

func encrypt(t testing.TB, k jose.Key, plaintext string, o jose.EncryptOptions) string {
	t.Helper()
	compact, err := k.Encrypt([]byte(plaintext), o)
	if err != nil {
		t.Fatalf("encrypt with %s: %v", k.Algorithm(), err)
	}
	return compact
}

func TestEveryAlgorithmWithEveryContentEncryption(t *testing.T) {
	for _, a := range jose.EncryptionAlgorithms() {
		k := generate(t, a)
		for _, enc := range jose.Encryptions() {
			if a == jose.Dir {
				k = generate(t, jose.Algorithm(enc))
			}
			for _, plaintext := range []string{"", "x", strings.Repeat("sixteen bytes...", 8)} {
				compact := encrypt(t, k, plaintext, jose.EncryptOptions{Encryption: enc, Type: "t", ContentType: "c"})
				e, err := jose.ParseEncrypted(compact)
				if err != nil {
					t.Fatalf("%s, %s: %v", a, enc, err)
				}
				h := e.Header
				if h.Algorithm != a || h.Encryption != enc || h.Kid != k.Kid() || h.Type != "t" || h.ContentType != "c" || h.Compressed {
					t.Errorf("%s, %s: header %+v", a, enc, h)
				}
				if got, err := e.Decrypt(k); err != nil || string(got) != plaintext {
					t.Errorf("%s, %s: %q, %v", a, enc, got, err)
				}
			}
		}
	}
}

func TestEncryptDefaults(t *testing.T) {
	k := generate(t, jose.EncryptionAlgorithms()[0])
	e, err := jose.ParseEncrypted(encrypt(t, k.Public(), "x", jose.EncryptOptions{}))
	if err != nil || e.Header.Algorithm != jose.ECDHESA256KW || e.Header.Encryption != jose.A256GCM {
		t.Errorf("%+v, %v; want ECDH-ES+A256KW with A256GCM", e.Header, err)
	}
}

// TestKeysSurviveTheirJWK, whatever they encrypt with, and on each curve.
func TestEncryptionKeysSurviveTheirJWK(t *testing.T) {
	keys := []jose.Key{generate(t, jose.Algorithm(jose.A128CBCHS256))}
	for _, a := range jose.EncryptionAlgorithms() {
		keys = append(keys, generate(t, a))
	}
	for _, c := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		private, err := ecdsa.GenerateKey(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, must(jose.NewKey(jose.ECDHES, private)))
	}
	for _, k := range keys {
		again, err := jose.ParseJWKAs(k.RevealJWK(), k.Algorithm())
		if err != nil {
			t.Fatalf("%s: %v", k.Algorithm(), err)
		}
		if got, err := decrypt(again, encrypt(t, k, "x", jose.EncryptOptions{})); err != nil || got != "x" || again.Kid() != k.Kid() {
			t.Errorf("%s: %q, %v", k.Algorithm(), got, err)
		}
		if k.Algorithm().Symmetric() {
			continue
		}
		public := must(jose.ParseJWK(k.PublicJWK()))
		if got, err := decrypt(k, encrypt(t, public, "x", jose.EncryptOptions{})); err != nil || got != "x" {
			t.Errorf("%s: to the public half: %q, %v", k.Algorithm(), got, err)
		}
		if _, err := decrypt(k.Public(), encrypt(t, k, "x", jose.EncryptOptions{})); !errors.Is(err, jose.ErrKey) {
			t.Errorf("%s: the public half of a pair decrypts: %v", k.Algorithm(), err)
		}
		if _, err := decrypt(public, encrypt(t, public, "x", jose.EncryptOptions{})); !errors.Is(err, jose.ErrKey) {
			t.Errorf("%s: the public half decrypts: %v", k.Algorithm(), err)
		}
	}
}

func TestEncryptRefuses(t *testing.T) {
	k, dir := generate(t, jose.ECDHESA256KW), generate(t, jose.Dir)
	refuse := func(what string, k jose.Key, plaintext int, o jose.EncryptOptions, want error) {
		t.Helper()
		if _, err := k.Encrypt(make([]byte, plaintext), o); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	refuse("zero key", jose.Key{}, 1, jose.EncryptOptions{}, jose.ErrKey)
	refuse("key that signs", generate(t, jose.ES256), 1, jose.EncryptOptions{}, jose.ErrKey)
	refuse("unknown encryption", k, 1, jose.EncryptOptions{Encryption: "A128CTR"}, jose.ErrAlgorithm)
	refuse("another than the key's", dir, 1, jose.EncryptOptions{Encryption: jose.A128CBCHS256}, jose.ErrAlgorithm)
	refuse("too long", k, jose.MaxToken, jose.EncryptOptions{}, jose.ErrMalformed)
	if _, err := k.Sign("x"); !errors.Is(err, jose.ErrKey) {
		t.Errorf("key that encrypts signs: %v", err)
	}
	if err := k.Verify("x", nil); !errors.Is(err, jose.ErrKey) {
		t.Errorf("key that encrypts verifies: %v", err)
	}
	if _, err := decrypt(generate(t, jose.ES256), encrypt(t, k, "x", jose.EncryptOptions{})); !errors.Is(err, jose.ErrKey) {
		t.Errorf("key that signs decrypts: %v", err)
	}
}

func TestNestedTokens(t *testing.T) {
	signer, k := generate(t, jose.ES256), generate(t, jose.ECDHESA256KW)
	inner := signed(t, signer, `{"alg":"ES256","typ":"JWT"}`, `{"sub":"u1"}`)
	open := func(compact string) (string, error) {
		e, err := jose.ParseEncrypted(compact)
		if err != nil {
			return "", err
		}
		return e.DecryptNested(k)
	}
	nested, err := k.Public().EncryptNested(inner, "")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := open(nested); err != nil || got != inner {
		t.Errorf("%q, %v", got, err)
	}
	for _, cty := range []string{"jwt", "application/JWT"} {
		if got, err := open(encrypt(t, k, inner, jose.EncryptOptions{ContentType: cty})); err != nil || got != inner {
			t.Errorf("cty %s: %v", cty, err)
		}
	}
	for _, cty := range []string{"", "text/JWT", "JSON", "JWT2"} {
		if _, err := open(encrypt(t, k, inner, jose.EncryptOptions{ContentType: cty})); !errors.Is(err, jose.ErrHeader) {
			t.Errorf("cty %q: %v, want ErrHeader", cty, err)
		}
	}
	for _, content := range []string{"", "{}", nested} { // once and no deeper
		if _, err := open(encrypt(t, k, content, jose.EncryptOptions{ContentType: "JWT"})); !errors.Is(err, jose.ErrMalformed) {
			t.Errorf("content %.20q: %v, want ErrMalformed", content, err)
		}
		if _, err := k.EncryptNested(content, ""); !errors.Is(err, jose.ErrMalformed) {
			t.Errorf("nest %.20q: %v, want ErrMalformed", content, err)
		}
	}
}

// TestWhatATokenIsInstead: a helpful error, since nothing of it is secret.
func TestWhatATokenIsInstead(t *testing.T) {
	for compact, want := range map[string]string{
		`{"payload":""}`: "JSON serialization",
		` {"payload":""`: "JSON serialization",
		"a.b.c.d.e":      "encrypted",
		"a.b":            "not the three parts",
	} {
		if _, err := jose.Split(compact); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", compact, err, want)
		}
	}
	if _, err := jose.ParseEncrypted("a.b.c"); err == nil || !strings.Contains(err.Error(), "signed") {
		t.Errorf("signed: %v", err)
	}
}
