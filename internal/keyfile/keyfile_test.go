package keyfile_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keyfile"
	"github.com/portaria/portaria/internal/secret"
)

const passphrase = "correct horse"

func read(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// files are the names of testdata that match, by pair.
func files(t testing.TB, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no %s: %v", pattern, err)
	}
	for i, path := range paths {
		paths[i] = filepath.Base(path)
	}
	return paths
}

func one(t testing.TB, text []byte, f keyfile.Foreign) jose.Key {
	t.Helper()
	keys, err := keyfile.ParseKeys(text, f)
	if err != nil || len(keys) != 1 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	return keys[0]
}

// TestImportEveryFile: what openssl and ssh-keygen write is read, and all
// files of a pair hold the same key.
func TestImportEveryFile(t *testing.T) {
	pairs := map[string]string{}
	algorithms := map[jose.Algorithm]int{}
	for _, name := range append(files(t, "*.pem"), files(t, "*.ssh*")...) {
		if strings.Contains(name, "refused") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			f := keyfile.Foreign{Passphrase: secret.Bytes(passphrase)}
			if strings.Contains(name, "rsa") {
				if _, err := keyfile.ParseKeys(read(t, name), f); !errors.Is(err, keyfile.ErrAlgorithmNeeded) {
					t.Errorf("without algorithm: %v, want ErrAlgorithmNeeded", err)
				}
				f.Algorithm = jose.RS256
			}
			key := one(t, read(t, name), f)
			pair, kind, _ := strings.Cut(name, ".")
			if before, ok := pairs[pair]; ok && before != key.Thumbprint() {
				t.Error("another key than in the other files of the pair")
			}
			pairs[pair] = key.Thumbprint()
			algorithms[key.Algorithm()]++
			if public := strings.Contains(kind, "pub"); key.Private() == public || key.Kid() != key.Thumbprint() {
				t.Errorf("private: %v, kid %s", key.Private(), key.Kid())
			}
			if key.Private() {
				signsAndVerifies(t, key)
			}
		})
	}
	if len(pairs) != 12 || algorithms[jose.ES256] < 6 || algorithms[jose.ES384] < 6 || algorithms[jose.ES512] < 6 ||
		algorithms[jose.EdDSA] < 11 || algorithms[jose.RS256] < 7 {
		t.Errorf("%d pairs, %v", len(pairs), algorithms)
	}
}

func signsAndVerifies(t *testing.T, key jose.Key) {
	t.Helper()
	signature, err := key.Sign("input")
	if err != nil {
		t.Fatal(err)
	}
	if err := key.Public().Verify("input", signature); err != nil {
		t.Error(err)
	}
}

func TestImportWithoutThePassphrase(t *testing.T) {
	encrypted := append(files(t, "*.encrypted.pem"), files(t, "*.sha*.pem")...)
	encrypted = append(encrypted, "sshed25519pass.ssh", "sshecdsa256.ssh", "sshecdsa521.ssh", "sshrsa.ssh", "sshrounds.ssh")
	for _, name := range encrypted {
		for text, want := range map[string]error{"": keyfile.ErrPassphraseNeeded, "wrong": keyfile.ErrPassphraseWrong} {
			_, err := keyfile.ParseKeys(read(t, name), keyfile.Foreign{Passphrase: secret.Bytes(text), Algorithm: jose.RS256})
			if !errors.Is(err, want) {
				t.Errorf("%s with %q: %v, want %v", name, text, err, want)
			}
		}
	}
}

// TestImportRefuses: what is refused says what to do.
func TestImportRefuses(t *testing.T) {
	refuse := func(what string, text []byte, f keyfile.Foreign, want error, words string) {
		t.Helper()
		if f.Passphrase == nil {
			f.Passphrase = secret.Bytes(passphrase)
		}
		_, err := keyfile.ParseKeys(text, f)
		if !errors.Is(err, want) || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v; want %v and %q", what, err, want, words)
		}
	}
	none, rs := keyfile.Foreign{}, keyfile.Foreign{Algorithm: jose.RS256}
	for name, words := range map[string]string{
		"rsa.refused-legacy.pem":         "openssl pkcs8 -topk8",
		"rsa.refused-certificate.pem":    "openssl x509",
		"ed25519.refused-iterations.pem": "5000001 rounds",
		"ed25519.refused-des.pem":        "openssl pkcs8 -topk8 -v2 aes-256-cbc",
		"ed25519.refused-scrypt.pem":     "openssl pkcs8 -topk8 -v2 aes-256-cbc",
		"ed25519.refused-pbes1.pem":      "openssl pkcs8 -topk8 -v2 aes-256-cbc",
		"weak.refused-p224.pem":          "curve P-224",
		"weak.refused-secp256k1.pem":     "curve secp256k1",
		"weak.refused-x25519.pem":        "X25519 keys",
		"weak.refused-p192.pem":          "curve P-192",
		"weak.refused-secp256k1pub.pem":  "curve secp256k1",
		"weak.refused-brainpool.pem":     "curve brainpoolP384r1",
		"weak.refused-ed448.pem":         "Ed448 keys",
		"weak.refused-x448.pem":          "X448 keys",
		"weak.refused-rsapss.pem":        "RSA-PSS",
		"weak.refused-chacha.ssh":        "encrypted with chacha20-poly1305@openssh.com, which is not read here; run: ssh-keygen -p -Z aes256-ctr -f FILE",
		"weak.refused-aes128.ssh":        "encrypted with aes128-ctr",
		// What is inside is known only once the passphrase has opened it.
		"weak.refused-brainpoolencrypted.pem": "curve brainpoolP384r1",
	} {
		refuse(name, read(t, name), none, keyfile.ErrForeign, words)
	}
	refuse("weak RSA", read(t, "weak.refused-rsa1024.pem"), rs, jose.ErrKey, "2048")
	refuse("nothing", []byte(" \n"), none, keyfile.ErrForeign, "nothing")
	refuse("any text", []byte("hello"), none, keyfile.ErrForeign, "raw secret")
	refuse("DER", []byte{0x30, 0x82, 1, 2}, none, keyfile.ErrForeign, "openssl pkey")
	refuse("two keys", slices.Concat(read(t, "rsa.pub.pem"), read(t, "rsa.pkcs8.pem")), rs, keyfile.ErrForeign, "file of its own")
	refuse("cut PEM", read(t, "rsa.pkcs8.pem")[:400], rs, keyfile.ErrForeign, "damaged")
	refuse("a curve alone", read(t, "prime256v1.sec1.pem")[:80], none, keyfile.ErrForeign, "damaged")
	refuse("too long", bytes.Repeat([]byte("-----BEGIN "), 7000), none, keyfile.ErrForeign, "longer than")
	refuse("another kind of PEM", []byte("-----BEGIN X-----\n-----END X-----\n"), none, keyfile.ErrForeign, "kind")
	refuse("key for another algorithm", read(t, "rsa.pkcs8.pem"), keyfile.Foreign{Algorithm: jose.ES256}, jose.ErrKey, "")
	refuse("two lines", slices.Concat(read(t, "sshrsa.sshpub"), read(t, "sshrsa.sshpub")), rs, keyfile.ErrForeign, "file of its own")
	refuse("damaged line", []byte("ssh-ed25519 AAAA somebody"), none, keyfile.ErrForeign, "damaged")
	refuse("security key", []byte("sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIEX/dQ0v4127bEo8eeG1EV0ApO2lWbSnN6RWusn/NjqIAAAABHNzaDo= x"),
		none, keyfile.ErrForeign, "security keys")
	block, _ := pem.Decode(read(t, "sshed25519.ssh"))
	block.Bytes = block.Bytes[:len(block.Bytes)-9]
	refuse("damaged OpenSSH", pem.EncodeToMemory(block), none, keyfile.ErrForeign, "ssh-keygen")
	refuse("halves that do not match", mismatched(t), none, keyfile.ErrForeign, "do not match")
}

// TestDamagedEncryptedKeys: each bit of the file may be wrong.
func TestDamagedEncryptedKeys(t *testing.T) {
	whole, _ := pem.Decode(read(t, "ed25519.sha384.pem"))
	read := 0
	for i := range whole.Bytes {
		damaged := &pem.Block{Type: whole.Type, Bytes: bytes.Clone(whole.Bytes)}
		damaged.Bytes[i] ^= 1 << (i % 8)
		_, err := keyfile.ParseKeys(pem.EncodeToMemory(damaged), keyfile.Foreign{Passphrase: secret.Bytes(passphrase)})
		switch {
		case err != nil && !errors.Is(err, keyfile.ErrForeign) && !errors.Is(err, keyfile.ErrPassphraseWrong):
			t.Errorf("byte %d: %v", i, err)
		case err == nil: // CBC does not notice everything
			read++
		}
	}
	if read > len(whole.Bytes)/4 {
		t.Errorf("%d of %d damaged files were read", read, len(whole.Bytes))
	}
}

// mismatched is an OpenSSH key with the public half of another one.
func mismatched(t *testing.T) []byte {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	private[63] ^= 1
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block)
}

func TestImportSecrets(t *testing.T) {
	secret := bytes.Repeat([]byte{0xfb, 0xef, 0xff, 1}, 12) // 48 bytes, with + and / in base64
	want, err := jose.NewKey(jose.HS384, secret)
	if err != nil {
		t.Fatal(err)
	}
	for text, encoding := range map[string]keyfile.Encoding{
		base64.StdEncoding.EncodeToString(secret) + "\n": keyfile.Base64,
		base64.RawURLEncoding.EncodeToString(secret):     keyfile.Base64,
		" " + hex.EncodeToString(secret) + "\r\n":        keyfile.Hex,
		strings.ToUpper(hex.EncodeToString(secret)):      keyfile.Hex,
		string(secret): keyfile.Raw,
		strings.TrimRight(base64.URLEncoding.EncodeToString(secret), "="): keyfile.Base64,
	} {
		got := one(t, []byte(text), keyfile.Foreign{Algorithm: jose.HS384, Encoding: encoding})
		if got.Thumbprint() != want.Thumbprint() {
			t.Errorf("another secret from %s", encoding)
		}
	}
	refuse := func(text string, f keyfile.Foreign, want error) {
		t.Helper()
		_, err := keyfile.ParseKeys([]byte(text), f)
		if !errors.Is(err, want) || strings.Contains(err.Error(), text) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	hexed := hex.EncodeToString(secret)
	refuse(hexed, keyfile.Foreign{Algorithm: jose.HS256}, keyfile.ErrForeign)
	refuse(hexed, keyfile.Foreign{Encoding: keyfile.Hex}, keyfile.ErrAlgorithmNeeded)
	refuse(hexed, keyfile.Foreign{Algorithm: jose.HS512, Encoding: keyfile.Hex}, jose.ErrKey) // 48 bytes
	refuse(hexed, keyfile.Foreign{Algorithm: jose.RS256, Encoding: keyfile.Hex}, jose.ErrKey)
	refuse(hexed, keyfile.Foreign{Algorithm: jose.HS256, Encoding: "octal"}, keyfile.ErrForeign)
	refuse(hexed+"x", keyfile.Foreign{Algorithm: jose.HS256, Encoding: keyfile.Hex}, keyfile.ErrForeign)
	refuse("no base64!"+hexed, keyfile.Foreign{Algorithm: jose.HS256, Encoding: keyfile.Base64}, keyfile.ErrForeign)
	refuse(strings.Repeat("00", 4<<10), keyfile.Foreign{Algorithm: jose.HS256, Encoding: keyfile.Hex}, keyfile.ErrForeign)
}

func TestImportJWKs(t *testing.T) {
	ec, rsa := generate(t, jose.ES384), one(t, read(t, "rsa.pkcs8.pem"), keyfile.Foreign{Algorithm: jose.PS256})
	named, err := ec.WithKid("mine")
	if err != nil {
		t.Fatal(err)
	}
	if got := one(t, named.RevealJWK(), keyfile.Foreign{}); got.Kid() != "mine" || !got.Private() {
		t.Errorf("kid %s", got.Kid())
	}
	bare := bytes.Replace(rsa.PublicJWK(), []byte(`"alg":"PS256",`), nil, 1)
	if _, err := keyfile.ParseKeys(bare, keyfile.Foreign{}); !errors.Is(err, keyfile.ErrAlgorithmNeeded) {
		t.Errorf("RSA without algorithm: %v, want ErrAlgorithmNeeded", err)
	}
	if got := one(t, bare, keyfile.Foreign{Algorithm: jose.PS256}); got.Algorithm() != jose.PS256 {
		t.Errorf("algorithm %s", got.Algorithm())
	}
	set := []byte(`{"keys":[` + string(named.PublicJWK()) + "," + string(bare) + `]}`)
	keys, err := keyfile.ParseKeys(set, keyfile.Foreign{Algorithm: jose.RS512})
	if err != nil || len(keys) != 2 || keys[0].Algorithm() != jose.ES384 || keys[1].Algorithm() != jose.RS512 {
		t.Errorf("%d keys, %v", len(keys), err)
	}
	refuse := func(text string, want error, words string) {
		t.Helper()
		if _, err := keyfile.ParseKeys([]byte(text), keyfile.Foreign{}); !errors.Is(err, want) || !strings.Contains(err.Error(), words) {
			t.Errorf("%v; want %v and %q", err, want, words)
		}
	}
	one := string(named.PublicJWK())
	refuse(`{"keys":[]}`, keyfile.ErrForeign, "1 to 100")
	refuse(`{"keys":{}}`, keyfile.ErrForeign, "1 to 100")
	refuse(`{"keys":[`+strings.Repeat(one+",", 100)+one+`]}`, keyfile.ErrForeign, "1 to 100")
	refuse(`{"keys":[`+one+","+one+`]}`, keyfile.ErrForeign, "key 2 of the set")
	refuse(`{"keys":[`+one+`,{"kty":"OKP","crv":"X25519","x":"AAAA"}]}`, jose.ErrKey, "key 2 of the set")
	refuse(`{"keys":[7]}`, jose.ErrJSON, "key 1 of the set")
	refuse(`{"kty":"EC","kty":"EC"}`, jose.ErrJSON, "")
	refuse(`{`+strings.Repeat(" ", 600<<10)+`}`, keyfile.ErrForeign, "longer than")
}

func TestExport(t *testing.T) {
	var keys []jose.Key
	for _, alg := range jose.SigningAlgorithms() {
		key := generate(t, alg)
		text, err := keyfile.PublicPEM(key)
		if alg.Symmetric() {
			if !errors.Is(err, keyfile.ErrNoPublicHalf) {
				t.Errorf("%s: %v, want ErrNoPublicHalf", alg, err)
			}
			if _, err := keyfile.PublicKeySet([]jose.Key{key}); !errors.Is(err, keyfile.ErrNoPublicHalf) {
				t.Errorf("%s in a set: %v, want ErrNoPublicHalf", alg, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := one(t, text, keyfile.Foreign{Algorithm: alg}); got.Kid() != key.Kid() || got.Private() {
			t.Errorf("%s comes back as %s", alg, got.Kid())
		}
		keys = append(keys, key)
	}
	set, err := keyfile.PublicKeySet(keys)
	if err != nil {
		t.Fatal(err)
	}
	back, err := keyfile.ParseKeys(set, keyfile.Foreign{})
	if err != nil || len(back) != len(keys) {
		t.Fatalf("%d keys, %v", len(back), err)
	}
	for i, key := range back {
		if key.Kid() != keys[i].Kid() || key.Algorithm() != keys[i].Algorithm() || key.Private() {
			t.Errorf("key %d comes back as %s", i, key.Kid())
		}
	}
}

// FuzzParseKeys: nothing makes the parsers panic, and what they accept can be
// kept and read again.
func FuzzParseKeys(f *testing.F) {
	for _, name := range append(files(f, "*.pem"), files(f, "*.ssh*")...) {
		f.Add(read(f, name), "")
	}
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"","y":""}]}`), "")
	f.Add([]byte("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"), "hex")
	f.Fuzz(func(t *testing.T, text []byte, encoding string) {
		keys, err := keyfile.ParseKeys(text, keyfile.Foreign{Encoding: keyfile.Encoding(encoding)})
		if err != nil {
			return
		}
		for _, key := range keys {
			again, err := jose.ParseJWK(key.RevealJWK())
			if err != nil || again.Kid() != key.Kid() {
				t.Errorf("accepted, but comes back as %s: %v", again.Kid(), err)
			}
		}
	})
}

func generate(t *testing.T, alg jose.Algorithm) jose.Key {
	t.Helper()
	key, err := jose.Generate(alg)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
