package jose_test

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"strings"
	"testing"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwe"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"

	"github.com/portaria/portaria/internal/jose"
)

// The fuzz targets have lestrrat-go/jwx as a second opinion: what the guard and
// the library accept, it must accept, and read the same.

// theirs returns the key as jwx reads it.
func theirs(t testing.TB, jwkText []byte) any {
	t.Helper()
	key, err := jwk.ParseKey(jwkText)
	if err != nil {
		t.Fatalf("jwx refuses our key: %v", err)
	}
	var raw any
	if err := jwk.Export(key, &raw); err != nil {
		t.Fatalf("jwx refuses our key: %v", err)
	}
	return raw
}

// knownToDiffer reports what jwx gets wrong: it drops white space around a
// header before it computes what was signed, and takes no empty ciphertext.
func knownToDiffer(compact, plaintext string) bool {
	protected, _, _ := strings.Cut(compact, ".")
	header := must(jose.Decode(protected))
	return len(bytes.TrimSpace(header)) != len(header) || strings.Count(compact, ".") == 4 && plaintext == ""
}

func agreeOnSignature(t *testing.T, k jose.Key, compact string) {
	t.Helper()
	payload, err := open(k, compact)
	if err != nil || knownToDiffer(compact, payload) {
		return
	}
	if m, err := jose.Parse(compact); err != nil || m.Header.CarriesKey {
		return // jwx reads the key; we only report that there is one
	}
	alg, ok := jwa.LookupSignatureAlgorithm(string(k.Algorithm()))
	if !ok {
		t.Fatalf("jwx does not know %s", k.Algorithm())
	}
	again, err := jws.Verify([]byte(compact), jws.WithKey(alg, theirs(t, k.RevealJWK())), jws.WithCompact())
	if err != nil {
		t.Fatalf("accepted, but jwx says: %v\n%s", err, compact)
	}
	if string(again) != payload {
		t.Fatalf("payload %q, jwx reads %q", payload, again)
	}
}

func agreeOnEncryption(t *testing.T, k jose.Key, compact string) {
	t.Helper()
	plaintext, err := decrypt(k, compact)
	if err != nil || knownToDiffer(compact, plaintext) {
		return
	}
	e, err := jose.ParseEncrypted(compact)
	if err != nil {
		t.Fatal(err)
	}
	alg, ok := jwa.LookupKeyEncryptionAlgorithm(string(e.Header.Algorithm))
	if !ok {
		t.Fatalf("jwx does not know %s", e.Header.Algorithm)
	}
	again, err := jwe.Decrypt([]byte(compact), jwe.WithKey(alg, theirs(t, k.RevealJWK())))
	if err != nil {
		t.Fatalf("accepted, but jwx says: %v\n%s", err, compact)
	}
	if string(again) != plaintext {
		t.Fatalf("plaintext %q, jwx reads %q", plaintext, again)
	}
}

// FuzzSigned signs whatever header and payload, so that only they decide.
func FuzzSigned(f *testing.F) {
	keys := []jose.Key{generate(f, jose.HS256), generate(f, jose.ES256), generate(f, jose.EdDSA)}
	for i, header := range []string{
		`{"alg":"HS256"}`, `{"alg":"ES256","kid":"k","typ":"at+jwt"}`, `{"alg":"EdDSA","cty":"JWT"}`, `{"alg":"none"}`,
		`{"alg":"HS256","crit":["x"]}`, `{"alg":"ES256","b64":true}`, `{"alg":"EdDSA","b64":false,"crit":["b64"]}`,
		`{"alg":"HS256","alg":"HS256"}`, `{"\u0061lg":"ES256"}`, ` { "alg" : "EdDSA" } `, `{"alg":"HS256","x5c":[],"jwk":{}}`,
		`{"alg":"ES256","kid":"\ud83d\ude00"}`, `{"alg":"EdDSA","x":1e400}`,
	} {
		f.Add(header, `{"sub":"u1"}`, byte(i))
	}
	f.Add(`{"alg":"HS256"}`, "\x00\xff", byte(0))
	f.Add(`{"alg":"ES256"}`, "", byte(1))
	f.Fuzz(func(t *testing.T, header, payload string, which byte) {
		k := keys[int(which)%len(keys)]
		agreeOnSignature(t, k, signed(t, k, header, payload))
	})
}

// FuzzCompact has whole tokens, to find one that verifies and should not.
func FuzzCompact(f *testing.F) {
	jwks := []string{key7515A1, key7515A2, key7515A3, key7515A4}
	algorithms := []jose.Algorithm{jose.HS256, jose.RS256, jose.ES256, jose.ES512}
	keys := make([]jose.Key, len(jwks))
	for i, text := range jwks {
		keys[i] = must(jose.ParseJWKAs([]byte(text), algorithms[i]))
	}
	wrapping := must(jose.ParseJWK([]byte(key7516A3)))
	for i, compact := range []string{jws7515A1, jws7515A2, jws7515A3, jws7515A4, jws7515A5, jwe7516A1, jwe7516A2, jwe7516A3, jws7515A3 + "=", "..", "....", ""} {
		for n := 0; n < len(compact); n += 7 {
			f.Add(compact[:n], byte(i))
		}
		f.Add(compact, byte(i))
	}
	f.Fuzz(func(t *testing.T, compact string, which byte) {
		k := keys[int(which)%len(keys)]
		if k.Private() {
			agreeOnSignature(t, k, compact)
		} else if payload, err := open(k, compact); err == nil && !knownToDiffer(compact, payload) {
			agreeOnPublic(t, k, compact, payload)
		}
		agreeOnEncryption(t, wrapping, compact)
	})
}

func agreeOnPublic(t *testing.T, k jose.Key, compact, payload string) {
	t.Helper()
	alg, _ := jwa.LookupSignatureAlgorithm(string(k.Algorithm()))
	again, err := jws.Verify([]byte(compact), jws.WithKey(alg, theirs(t, k.PublicJWK())), jws.WithCompact())
	if err != nil || string(again) != payload {
		t.Fatalf("accepted %q, but jwx says: %q, %v", payload, again, err)
	}
}

// FuzzEncrypted encrypts under whatever header, with a tag that is good for it.
func FuzzEncrypted(f *testing.F) {
	k := generate(f, jose.Dir)
	block, err := aes.NewCipher(must(jose.Decode(member(f, k, "k"))))
	if err != nil {
		f.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		f.Fatal(err)
	}
	for _, header := range []string{
		`{"alg":"dir","enc":"A256GCM"}`, `{"alg":"dir","enc":"A256GCM","typ":"JWT","cty":"JWT","kid":"k"}`,
		`{"alg":"dir","enc":"A256GCM","zip":"DEF"}`, `{"alg":"dir","enc":"A128CBC-HS256"}`, `{"alg":"dir","enc":"A256GCM","crit":["x"]}`,
		`{"alg":"dir","enc":"A256GCM","p2c":1,"epk":{},"iv":"","tag":"","apu":"","apv":""}`, `{"alg":"dir","alg":"dir","enc":"A256GCM"}`,
		`{"alg":"dir","enc":"A256GCM","x":{"y":[1,2,{"z":null}]}}`,
	} {
		f.Add(header, []byte("text"))
	}
	f.Fuzz(func(t *testing.T, header string, plaintext []byte) {
		protected, iv := jose.Encode([]byte(header)), make([]byte, 12)
		sealed := aead.Seal(nil, iv, plaintext, []byte(protected))
		cut := len(sealed) - 16
		agreeOnEncryption(t, k, strings.Join([]string{protected, "", jose.Encode(iv), jose.Encode(sealed[:cut]), jose.Encode(sealed[cut:])}, "."))
	})
}

// FuzzKeySet: nothing panics, and a key that we take is one that jwx takes, with
// the same thumbprint.
func FuzzKeySet(f *testing.F) {
	for _, text := range []string{
		key7515A1, key7515A2, key7515A3, key7515A4, key7516A1, key7516A3, `{"keys":[` + key7515A3 + `,{"kty":"AKP"}]}`, `{"keys":[]}`,
		`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}`,
		`{"kty":"EC","crv":"P-256","x":"AA","y":"AA","key_ops":["sign","sign"]}`, `{"kty":"oct","k":"","kid":7}`,
	} {
		for n := range text { // what is cut off must be refused, and panic nowhere
			f.Add([]byte(text[:n]))
		}
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := jose.ParseKeySet(data)
		if err != nil {
			return
		}
		for _, k := range s.Keys() {
			ours := k.RevealJWK()
			key, err := jwk.ParseKey(ours)
			if err != nil {
				t.Fatalf("jwx refuses what we write: %v", err)
			}
			again, err := jose.ParseJWKAs(ours, k.Algorithm())
			if err != nil || !bytes.Equal(again.RevealJWK(), ours) {
				t.Fatalf("we do not read what we write: %v", err)
			}
			if sum := must(key.Thumbprint(crypto.SHA256)); jose.Encode(sum) != k.Thumbprint() {
				t.Fatalf("thumbprint %s, jwx has %s", k.Thumbprint(), jose.Encode(sum))
			}
		}
	})
}
