package jose_test

import (
	"bytes"
	"compress/flate"
	"errors"
	"strings"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/portaria/portaria/internal/jose"
)

// library encrypts with the library alone, so that only our guard can refuse
// what it makes. Extra goes into the header.
func library(t testing.TB, a gojose.KeyAlgorithm, key any, plaintext string, extra map[gojose.HeaderKey]any) string {
	t.Helper()
	encrypter, err := gojose.NewEncrypter(gojose.A256GCM, gojose.Recipient{Algorithm: a, Key: key},
		&gojose.EncrypterOptions{ExtraHeaders: extra})
	if err != nil {
		t.Fatal(err)
	}
	encrypted, err := encrypter.Encrypt([]byte(plaintext))
	if err != nil {
		t.Fatal(err)
	}
	return must(encrypted.CompactSerialize())
}

func TestGuardOnEncryptedHeaders(t *testing.T) {
	k := generate(t, jose.ECDHESA256KW)
	public := k.CryptoPublic()
	type m = map[gojose.HeaderKey]any
	check := func(extra m, want error) {
		t.Helper()
		if _, err := decrypt(k, library(t, gojose.ECDH_ES_A256KW, public, "x", extra)); !errors.Is(err, want) {
			t.Errorf("%v: %v, want %v", extra, err, want)
		}
	}
	check(m{"unknown": []int{1}, "typ": "JWT", "x5t": "AA"}, nil)
	check(m{"p2c": 1000}, jose.ErrHeader)
	check(m{"p2s": "AAAA"}, jose.ErrHeader)
	check(m{"iv": "AAAAAAAAAAAAAAAA"}, jose.ErrHeader)
	check(m{"tag": "AAAAAAAAAAAAAAAAAAAAAA"}, jose.ErrHeader)
	check(m{"x5t": 1}, jose.ErrJSON)
	check(m{"crit": []string{"exp"}, "exp": 1}, jose.ErrHeader)
	check(m{"crit": []string{}}, jose.ErrHeader)
	check(m{"jwk": m{}}, jose.ErrHeader)
	check(m{"jku": "https://evil.example"}, jose.ErrHeader)
	check(m{"x5u": "https://evil.example"}, jose.ErrHeader)
	check(m{"x5c": []string{"AA"}}, jose.ErrHeader)
	check(m{"kid": 7}, jose.ErrJSON)
	check(m{"kid": strings.Repeat("k", 257)}, jose.ErrHeader)
	check(m{"zip": "GZIP"}, jose.ErrHeader)
	check(m{"zip": 1}, jose.ErrJSON)
	check(m{"enc": "A128CTR"}, jose.ErrAlgorithm)
	check(m{"enc": 1}, jose.ErrJSON)
	check(m{"alg": "RSA1_5"}, jose.ErrAlgorithm)
	check(m{"alg": "PBES2-HS256+A128KW"}, jose.ErrAlgorithm)
	check(m{"alg": "A256GCM"}, jose.ErrAlgorithm)
	check(m{"alg": "ES256"}, jose.ErrAlgorithm)
	check(m{"alg": "none"}, jose.ErrAlgorithm)
	check(m{"alg": "ECDH-ES+A128KW"}, jose.ErrAlgorithm)
	check(m{"alg": "ECDH-ES"}, jose.ErrMalformed)
	check(m{"apu": "A"}, jose.ErrMalformed)
	check(m{"apv": "A="}, jose.ErrMalformed)
	check(m{"apv": 1}, jose.ErrJSON)
	check(m{"epk": "x"}, jose.ErrJSON)
	check(m{"epk": m{}}, jose.ErrKey)
	check(m{"epk": m{"kty": "OKP", "crv": "P-256"}}, jose.ErrKey)
}

// TestMembersOfAnotherAlgorithm: readers differ in whether they look at them.
func TestMembersOfAnotherAlgorithm(t *testing.T) {
	k := generate(t, jose.A256KW)
	compact := library(t, gojose.A256KW, must(jose.Decode(member(t, k, "k"))), "x", map[gojose.HeaderKey]any{"epk": map[string]any{}})
	if _, err := jose.ParseEncrypted(compact); !errors.Is(err, jose.ErrHeader) {
		t.Errorf("epk where no key is agreed on: %v, want ErrHeader", err)
	}
}

// TestDirectKeysHaveOneEncryption, although another takes a key as long.
func TestDirectKeysHaveOneEncryption(t *testing.T) {
	gcm := generate(t, jose.Dir)
	secret := must(jose.Decode(member(t, gcm, "k")))
	cbc := must(jose.NewKey(jose.Algorithm(jose.A128CBCHS256), secret))
	if _, err := decrypt(gcm, encrypt(t, cbc, "x", jose.EncryptOptions{})); !errors.Is(err, jose.ErrAlgorithm) {
		t.Errorf("%v, want ErrAlgorithm", err)
	}
}

func TestGuardOnEphemeralKeys(t *testing.T) {
	k := generate(t, jose.ECDHESA256KW)
	with := func(epk string) error {
		t.Helper()
		parts := strings.Split(encrypt(t, k, "x", jose.EncryptOptions{}), ".")
		parts[0] = jose.Encode([]byte(`{"alg":"ECDH-ES+A256KW","enc":"A256GCM"` + epk + `}`))
		_, err := decrypt(k, strings.Join(parts, "."))
		return err
	}
	elsewhere := generate(t, jose.ES384)
	for what, epk := range map[string]string{
		"none":            ``,
		"another curve":   `,"epk":` + string(elsewhere.PublicJWK()),
		"private half":    `,"epk":` + string(generate(t, jose.ES256).RevealJWK()),
		"not on curve":    `,"epk":{"kty":"EC","crv":"P-256","x":"` + jose.Encode(make([]byte, 32)) + `","y":"` + jose.Encode(make([]byte, 32)) + `"}`,
		"short":           `,"epk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}`,
		"secp256k1":       `,"epk":{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}`,
		"non-canonical":   `,"epk":{"kty":"EC","crv":"P-256","x":"AB","y":"AA"}`,
		"another kind":    strings.Replace(`,"epk":`+string(generate(t, jose.ES256).PublicJWK()), `"EC"`, `"OKP"`, 1),
		"without a curve": `,"epk":{"kty":"EC","x":"AA","y":"AA"}`,
	} {
		if err := with(epk); !errors.Is(err, jose.ErrKey) && !errors.Is(err, jose.ErrMalformed) {
			t.Errorf("%s: %v, want ErrKey", what, err)
		}
	}
	if err := with(`,"epk":` + string(generate(t, jose.ES256).PublicJWK())); !errors.Is(err, jose.ErrDecrypt) {
		t.Errorf("another good point: %v, want ErrDecrypt", err)
	}
}

// TestOneTokenHasOneSpelling: bytes that move from the tag to the ciphertext,
// and pad bits, would leave the library's verdict as it is.
func TestOneTokenHasOneSpelling(t *testing.T) {
	for _, a := range []jose.Algorithm{jose.ECDHESA256KW, jose.A256GCMKW, jose.Dir, jose.RSAOAEP256} {
		k := generate(t, a)
		good := encrypt(t, k, "some text", jose.EncryptOptions{})
		parts := strings.Split(good, ".")
		with := func(i int, text string) string {
			changed := append([]string{}, parts...)
			changed[i] = text
			return strings.Join(changed, ".")
		}
		ciphertext, tag := must(jose.Decode(parts[3])), must(jose.Decode(parts[4]))
		moved := append([]string{}, parts...)
		moved[3] = jose.Encode(ciphertext[:len(ciphertext)-1])
		moved[4] = jose.Encode(append(ciphertext[len(ciphertext)-1:], tag...))
		spellings := map[string]string{
			"longer tag":       strings.Join(moved, "."),
			"shorter tag":      with(4, jose.Encode(tag[:12])),
			"no tag":           with(4, ""),
			"shorter iv":       with(2, jose.Encode(make([]byte, 8))),
			"line break":       with(3, parts[3][:3]+"\n"+parts[3][3:]),
			"padding":          with(4, parts[4]+"=="),
			"pad bits":         with(4, parts[4][:21]+string(parts[4][21]+1)),
			"another key":      with(1, parts[1]+"AAAA"),
			"a part more":      good + ".",
			"a part less":      strings.Join(parts[:4], "."),
			"three parts":      strings.Join(parts[:3], "."),
			"blank":            " " + good,
			"too long":         with(3, strings.Repeat("A", jose.MaxToken)),
			"JSON":             `{"protected":"` + parts[0] + `"}`,
			"no header":        with(0, ""),
			"duplicate member": with(0, jose.Encode([]byte(`{"alg":"dir","alg":"dir","enc":"A256GCM"}`))),
		}
		for what, compact := range spellings {
			_, err := decrypt(k, compact)
			if a == jose.RSAOAEP256 && what == "another key" && err == jose.ErrDecrypt {
				continue // only the key knows how long it should be
			}
			if !errors.Is(err, jose.ErrMalformed) && !errors.Is(err, jose.ErrJSON) {
				t.Errorf("%s, %s: %v, want ErrMalformed", a, what, err)
			}
		}
		flipped := append([]byte{}, ciphertext...)
		flipped[0] ^= 1
		if _, err := decrypt(k, with(3, jose.Encode(flipped))); err != jose.ErrDecrypt { // nothing around it
			t.Errorf("%s, flipped: %v, want ErrDecrypt", a, err)
		}
		if got, err := decrypt(k, good); err != nil || got != "some text" {
			t.Errorf("%s: %q, %v", a, got, err)
		}
	}
}

// TestGuardOnWrappedKeys: parts of AES-GCM key wrapping in the header.
func TestGuardOnWrappedKeys(t *testing.T) {
	k := generate(t, jose.A256GCMKW)
	parts := strings.Split(encrypt(t, k, "x", jose.EncryptOptions{}), ".")
	for _, rest := range []string{``, `,"epk":{}`, `,"iv":"AAAA"`, `,"iv":"AAAAAAAAAAAAAAAA","tag":"AAAA"`, `,"iv":1`, `,"tag":"A"`} {
		parts[0] = jose.Encode([]byte(`{"alg":"A256GCMKW","enc":"A256GCM"` + rest + `}`))
		if _, err := jose.ParseEncrypted(strings.Join(parts, ".")); !errors.Is(err, jose.ErrMalformed) && !errors.Is(err, jose.ErrJSON) && !errors.Is(err, jose.ErrHeader) {
			t.Errorf("%s: %v, want ErrMalformed", rest, err)
		}
	}
}

func TestCompressedPlaintextIsBounded(t *testing.T) {
	k := generate(t, jose.A256KW)
	secret := must(jose.Decode(member(t, k, "k")))
	squeeze := func(size int) string {
		t.Helper()
		var deflated bytes.Buffer
		w := must(flate.NewWriter(&deflated, flate.BestCompression))
		if _, err := w.Write(bytes.Repeat([]byte("a"), size)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return library(t, gojose.A256KW, secret, deflated.String(), map[gojose.HeaderKey]any{"zip": "DEF"})
	}
	for size, want := range map[int]error{1: nil, 250_000: nil, 250_001: jose.ErrDecrypt, 5_000_000: jose.ErrDecrypt} {
		if got, err := decrypt(k, squeeze(size)); !errors.Is(err, want) || err == nil && len(got) != size {
			t.Errorf("%d bytes: %d, %v; want %v", size, len(got), err, want)
		}
	}
}
