package jose_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/portaria/portaria/internal/jose"
)

// set joins JWKs.
func set(jwks ...string) []byte { return []byte(`{"keys":[` + strings.Join(jwks, ",") + `]}`) }

// bare returns the public JWK of a key without the named members.
func bare(t *testing.T, k jose.Key, without ...string) string {
	t.Helper()
	changes := map[string]any{"d": nil, "p": nil, "q": nil, "dp": nil, "dq": nil, "qi": nil}
	for _, name := range without {
		changes[name] = nil
	}
	return string(edit(t, k, changes))
}

func parseSet(t *testing.T, jwks ...string) jose.KeySet {
	t.Helper()
	s, err := jose.ParseKeySet(set(jwks...))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestOneForeignKeyDoesNotBreakTheSet, whatever is foreign about it.
func TestOneForeignKeyDoesNotBreakTheSet(t *testing.T) {
	good := generate(t, jose.ES256)
	foreign := []string{
		`{"kty":"AKP","alg":"ML-DSA-44","kid":"1","pub":"AA"}`,
		`{"kty":"OKP","crv":"X25519","kid":"2","x":"` + strings.Repeat("A", 43) + `"}`,
		`{"kty":"EC","crv":"secp256k1","kid":"3","x":"AA","y":"AA"}`,
		`{"kty":"EC","crv":"P-192","kid":"4","x":"AA","y":"AA"}`,
		`{"kty":"RSA","alg":"RSA1_5","kid":"5","n":"AQ","e":"AQAB"}`,
		`{"kty":"RSA","alg":"RS256","kid":"6","n":"AQ","e":"AQAB"}`,
		`{"kty":"oct","k":"` + strings.Repeat("A", jose.MaxKey) + `"}`, `{"kty":7}`, `{}`, `7`, `"x"`, `null`, `{"kty":"oct"}`,
	}
	s := parseSet(t, append(foreign, bare(t, good))...)
	if _, err := s.Verify(must(jose.Parse(signed(t, good, `{"alg":"ES256","kid":"`+good.Kid()+`"}`, `{}`)))); err != nil {
		t.Errorf("the good key: %v", err)
	}
	skipped := s.Skipped()
	if len(skipped) != len(foreign) || len(s.Keys()) != 1 {
		t.Fatalf("%d skipped and %d used, want %d and 1", len(skipped), len(s.Keys()), len(foreign))
	}
	for i, k := range skipped {
		if k.Index != i || k.Reason == nil || i < 6 && k.Kid != fmt.Sprint(i+1) {
			t.Errorf("%d: %+v", i, k)
		}
	}
}

func TestSetsThatAreRefusedWhole(t *testing.T) {
	a, b, mac := generate(t, jose.ES256), generate(t, jose.ES256), generate(t, jose.HS256)
	named := func(k jose.Key, kid string) string {
		return string(edit(t, k, map[string]any{"kid": kid, "d": nil}))
	}
	refuse := func(what string, data []byte) {
		t.Helper()
		if _, err := jose.ParseKeySet(data); !errors.Is(err, jose.ErrKey) && !errors.Is(err, jose.ErrJSON) {
			t.Errorf("%s: %v, want it refused", what, err)
		}
	}
	accept := func(what string, data []byte) {
		t.Helper()
		if _, err := jose.ParseKeySet(data); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	refuse("not JSON", []byte(`x`))
	refuse("nothing", []byte(`{}`))
	refuse("empty", set())
	refuse("not a list", []byte(`{"keys":{}}`))
	refuse("two lists", []byte(`{"keys":[],"keys":[`+bare(t, a)+`]}`))
	refuse("only foreign keys", set(`{"kty":"AKP"}`))
	refuse("too long", set(bare(t, a), `{"kty":"`+strings.Repeat("x", jose.MaxKeySet)+`"}`))
	refuse("too many", set(strings.Split(bare(t, a)+strings.Repeat(`|{"kty":"AKP"}`, 100), "|")...))
	accept("many", set(strings.Split(bare(t, a)+strings.Repeat(`|{"kty":"AKP"}`, 99), "|")...))

	refuse("one kid twice", set(named(a, "k"), named(b, "k")))
	refuse("one kid twice, one of them weak", set(string(mac.RevealJWK()), `{"kty":"oct","alg":"HS256","k":"AA","kid":"`+mac.Kid()+`"}`))
	accept("one kid for two kinds", set(named(a, "k"), named(generate(t, jose.EdDSA), "k")))
	accept("one kid for two uses", set(named(a, "k"), named(generate(t, jose.ECDHES), "k")))
	accept("one kid, for an algorithm that is not used too", set(named(generate(t, jose.RS256), "k"), string(edit(t, generate(t, jose.RSAOAEP), map[string]any{"kid": "k", "alg": "RSA1_5", "d": nil}))))
	accept("no kids", set(bare(t, a, "kid"), bare(t, b, "kid")))

	refuse("secret beside a public key", set(string(mac.RevealJWK()), bare(t, a)))
	accept("secret beside a private key", set(string(mac.RevealJWK()), string(a.RevealJWK())))
	accept("one key alone", []byte(bare(t, a)))
	refuse("one weak key alone", []byte(`{"kty":"oct","alg":"HS256","k":"AA"}`))
}

// TestWhichKeyIsMeant by kid and algorithm.
func TestWhichKeyIsMeant(t *testing.T) {
	a, b, rs := generate(t, jose.ES256), generate(t, jose.ES256), generate(t, jose.RS256)
	find := func(s jose.KeySet, k jose.Key, header string, want bool) {
		t.Helper()
		_, err := s.Verify(must(jose.Parse(signed(t, k, header, `{}`))))
		if (err == nil) != want {
			t.Errorf("%s: %v, want accepted = %v", header, err, want)
		}
	}
	both := parseSet(t, bare(t, a), bare(t, b), bare(t, rs))
	find(both, a, `{"alg":"ES256","kid":"`+a.Kid()+`"}`, true)
	find(both, b, `{"alg":"ES256","kid":"`+b.Kid()+`"}`, true)
	find(both, b, `{"alg":"ES256","kid":"`+a.Kid()+`"}`, false)
	find(both, a, `{"alg":"ES256","kid":"other"}`, false)
	find(both, a, `{"alg":"ES256"}`, false) // which of the two?
	find(both, rs, `{"alg":"RS256"}`, true) // only one is possible
	find(parseSet(t, bare(t, a, "kid")), a, `{"alg":"ES256","kid":"any"}`, true)
	find(parseSet(t, bare(t, a, "kid"), bare(t, b)), a, `{"alg":"ES256","kid":"`+b.Kid()+`"}`, false)
	find(parseSet(t, bare(t, a)), a, `{"alg":"ES256","kid":"other"}`, false)
	if _, err := (jose.KeySet{}).Find(jose.Header{Algorithm: jose.ES256}); !errors.Is(err, jose.ErrKey) {
		t.Errorf("zero set: %v, want ErrKey", err)
	}
}

// TestKeysWithoutAlgorithm take that of the token, if their kind has it; a
// public key is never taken for a secret.
func TestKeysWithoutAlgorithm(t *testing.T) {
	for _, test := range []struct {
		of   jose.Algorithm
		jwk  map[string]any
		want string
	}{
		{jose.ES256, map[string]any{"use": nil}, "ES256 ECDH-ES+A256KW ECDH-ES+A192KW ECDH-ES+A128KW ECDH-ES"},
		{jose.ES384, nil, "ES384"},
		{jose.EdDSA, nil, "EdDSA"},
		{jose.RS256, nil, "PS256 PS384 PS512 RS256 RS384 RS512"},
		{jose.RSAOAEP, nil, "RSA-OAEP-256 RSA-OAEP"},
		{jose.HS384, nil, "HS256 HS384"},
		{jose.A128KW, nil, "A128GCMKW A128KW A128GCM"},
		{jose.A256KW, map[string]any{"use": nil}, "HS256 A256GCMKW A256KW A256GCM A128CBC-HS256"},
		{jose.ES256, map[string]any{"use": nil, "key_ops": []string{"sign"}}, "ES256"},
		{jose.ES256, map[string]any{"use": nil, "key_ops": []string{"deriveKey"}}, "ECDH-ES+A256KW ECDH-ES+A192KW ECDH-ES+A128KW ECDH-ES"},
		{jose.A128KW, map[string]any{"key_ops": []string{"unwrapKey"}}, "A128GCMKW A128KW A128GCM"},
	} {
		changes := map[string]any{"alg": nil}
		for name, value := range test.jwk {
			changes[name] = value
		}
		s, err := jose.ParseKeySet(edit(t, generate(t, test.of), changes))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, k := range s.Keys() {
			got = append(got, string(k.Algorithm()))
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s %v: %s, want %s", test.of, test.jwk, strings.Join(got, " "), test.want)
		}
	}
	if _, err := jose.ParseKeySet(edit(t, generate(t, jose.ES256), map[string]any{"alg": nil, "use": "enc", "key_ops": []string{"sign"}})); !errors.Is(err, jose.ErrKey) {
		t.Errorf("use and key_ops that exclude each other: %v", err)
	}
}

// TestDecryptionKeysAreFound as verification keys are.
func TestDecryptionKeysAreFound(t *testing.T) {
	a, b := generate(t, jose.ECDHESA256KW), generate(t, jose.ECDHESA256KW)
	s := parseSet(t, string(a.RevealJWK()), string(b.RevealJWK()))
	for _, k := range []jose.Key{a, b} {
		if got, err := s.Decrypt(must(jose.ParseEncrypted(encrypt(t, k, "x", jose.EncryptOptions{})))); err != nil || string(got) != "x" {
			t.Errorf("%q, %v", got, err)
		}
	}
	if _, err := s.Decrypt(must(jose.ParseEncrypted(encrypt(t, generate(t, jose.ECDHESA256KW), "x", jose.EncryptOptions{})))); !errors.Is(err, jose.ErrKey) {
		t.Errorf("stranger: %v, want ErrKey", err)
	}
	if _, err := parseSet(t, bare(t, a)).Decrypt(must(jose.ParseEncrypted(encrypt(t, a, "x", jose.EncryptOptions{})))); !errors.Is(err, jose.ErrKey) {
		t.Errorf("public half: %v, want ErrKey", err)
	}
}

// TestKeyToEncryptTo is a public one: the first that says that it encrypts, or
// else the first that could.
func TestKeyToEncryptTo(t *testing.T) {
	signing, secret, a, b := generate(t, jose.ES256), generate(t, jose.A256KW), generate(t, jose.RSAOAEP256), generate(t, jose.ECDHES)
	k, err := parseSet(t, bare(t, signing), bare(t, a), bare(t, b)).EncryptionKey()
	if err != nil || k.Kid() != a.Kid() || k.Private() {
		t.Errorf("%s, private %v, %v; want the public half of %s", k.Kid(), k.Private(), err, a.Kid())
	}
	for _, unsaid := range []string{"use", "alg"} { // the other one still says it
		k, err = parseSet(t, bare(t, signing, "alg", "use"), bare(t, b, unsaid)).EncryptionKey()
		if err != nil || k.Kid() != b.Kid() {
			t.Errorf("%s, %v; a key that says nothing comes before one without %s", k.Kid(), err, unsaid)
		}
	}
	k, err = parseSet(t, bare(t, generate(t, jose.ES256), "alg"), bare(t, b, "alg", "use"), bare(t, a, "alg", "use")).EncryptionKey()
	if err != nil || k.Kid() != b.Kid() {
		t.Errorf("where none says it: %s, %v; want %s", k.Kid(), err, b.Kid())
	}
	for _, jwk := range []string{bare(t, signing), string(secret.RevealJWK())} {
		if _, err := parseSet(t, jwk).EncryptionKey(); !errors.Is(err, jose.ErrKey) {
			t.Errorf("%v, want ErrKey", err)
		}
	}
}

// TestLegacyEncryption: RSA-OAEP with SHA-1 is read, and encrypted to only where
// a key says so and no other would do.
func TestLegacyEncryption(t *testing.T) {
	sha1, sha256 := generate(t, jose.RSAOAEP), generate(t, jose.RSAOAEP256)
	if !jose.RSAOAEP.Legacy() || jose.RSAOAEP256.Legacy() {
		t.Error("which of them is legacy?")
	}
	only := parseSet(t, bare(t, sha1))
	if _, err := only.EncryptionKey(); !errors.Is(err, jose.ErrKey) || !strings.Contains(err.Error(), "RSA-OAEP-256") {
		t.Errorf("%v, want advice", err)
	}
	if k, err := only.NamedEncryptionKey(); err != nil || k.Algorithm() != jose.RSAOAEP {
		t.Errorf("named: %s, %v", k.Algorithm(), err)
	}
	for _, s := range []jose.KeySet{parseSet(t, bare(t, sha1), bare(t, sha256)), parseSet(t, bare(t, sha1, "alg"))} {
		for _, choose := range []func() (jose.Key, error){s.EncryptionKey, s.NamedEncryptionKey} {
			if k, err := choose(); err != nil || k.Algorithm() != jose.RSAOAEP256 {
				t.Errorf("%s, %v; want RSA-OAEP-256", k.Algorithm(), err)
			}
		}
	}
}
