package keyfile_test

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/crypto/ssh"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keyfile"
)

func der(t *testing.T, name string) []byte {
	t.Helper()
	block, _ := pem.Decode(read(t, name))
	if block == nil {
		t.Fatalf("%s is no PEM", name)
	}
	return block.Bytes
}

// wide is text in UTF-16, as some editors save it.
func wide(text []byte) (out []byte) {
	for _, unit := range utf16.Encode([]rune("\ufeff" + string(text))) {
		out = append(out, byte(unit), byte(unit>>8))
	}
	return out
}

// publicKeys are the spellings in which people have public keys.
func publicKeys(t *testing.T) map[string][]byte {
	t.Helper()
	key := one(t, read(t, "prime256v1.pub.pem"), keyfile.Foreign{})
	point, err := key.CryptoPublic().(*ecdsa.PublicKey).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	line := read(t, "sshed25519.sshpub")
	public, _, _, _, err := ssh.ParseAuthorizedKey(line)
	if err != nil {
		t.Fatal(err)
	}
	blob := base64.StdEncoding.EncodeToString(public.Marshal())
	rsa, jwk := der(t, "rsa.pub.pem"), key.PublicJWK()
	return map[string][]byte{
		"PKIX":                     rsa,
		"PKIX with a line break":   append(bytes.Clone(rsa), '\n'),
		"PKIX of another curve":    append([]byte{0x30, 0x43, 0x30, 5, 6, 3, 0x2b, 0x65, 0x71, 3, 0x3a, 0}, bytes.Repeat([]byte{7}, 57)...), // Ed448
		"PKCS#1":                   der(t, "rsa.pkcs1pub.pem"),
		"certificate":              der(t, "rsa.refused-certificate.pem"),
		"point":                    point,
		"PEM":                      read(t, "rsa.pub.pem"),
		"PEM with a mark":          append([]byte("\ufeff"), read(t, "rsa.pub.pem")...),
		"PEM in UTF-16":            wide(read(t, "rsa.pub.pem")),
		"PEM in base64":            []byte(base64.StdEncoding.EncodeToString(read(t, "rsa.pub.pem"))),
		"DER in base64":            []byte(base64.StdEncoding.EncodeToString(rsa)),
		"DER in base64url":         []byte(base64.RawURLEncoding.EncodeToString(rsa)),
		"DER in lines of base64":   []byte(strings.ReplaceAll(base64.StdEncoding.EncodeToString(rsa), "A", "A\n")),
		"DER in hexadecimal":       []byte(hex.EncodeToString(rsa)),
		"base64 in UTF-16":         wide([]byte(base64.StdEncoding.EncodeToString(rsa))),
		"JWK":                      jwk,
		"JWK set":                  []byte(` {"keys":[` + string(jwk) + `]}`),
		"keys in an array":         []byte("[" + string(jwk) + "]"),
		"JWK in base64":            []byte(base64.StdEncoding.EncodeToString(jwk)),
		"OpenSSH":                  line,
		"OpenSSH, damaged":         []byte("ssh-ed25519 AAAA x"),
		"OpenSSH with options":     append([]byte(`command="a b",no-pty `), line...),
		"OpenSSH with a host":      append([]byte("example.org "), line...),
		"OpenSSH alone":            public.Marshal(),
		"OpenSSH alone, in base64": []byte(blob),
		"SSH2 block":               []byte("---- BEGIN SSH2 PUBLIC KEY ----\nComment: x\n" + blob + "\n---- END SSH2 PUBLIC KEY ----\n"),
	}
}

// TestAPublicKeyIsNoSecret: whoever has the public key could sign with it, and
// everybody has it.
func TestAPublicKeyIsNoSecret(t *testing.T) {
	refuse := func(what string, text []byte, encoding keyfile.Encoding) {
		t.Helper()
		_, err := keyfile.ParseKeys(text, keyfile.Foreign{Algorithm: jose.HS256, Encoding: encoding})
		if !errors.Is(err, jose.ErrPublicSecret) {
			t.Errorf("%s, %s: %v, want ErrPublicSecret", what, encoding, err)
		}
	}
	for name, text := range publicKeys(t) {
		refuse(name, text, keyfile.Raw)
		refuse(name, []byte(base64.StdEncoding.EncodeToString(text)), keyfile.Base64)
		refuse(name, []byte(hex.EncodeToString(text)), keyfile.Hex)
		jwk := `{"kty":"oct","alg":"HS256","k":"` + base64.RawURLEncoding.EncodeToString(text) + `"}`
		if !strings.Contains(name, "damaged") { // too short for any secret
			refuse(name+" as k", []byte(jwk), "")
			refuse(name+" as k of a set", []byte(`{"keys":[`+jwk+`]}`), "")
		}
	}
	deep := []byte(base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString(der(t, "rsa.pub.pem")))))
	refuse("wrapped thrice", []byte(base64.StdEncoding.EncodeToString(deep)), keyfile.Base64)
	for _, encoding := range []keyfile.Encoding{keyfile.Hex, keyfile.Base64} {
		refuse("PEM instead of what was said", read(t, "rsa.pub.pem"), encoding)
	}
}

// TestSecretsAreNotTakenForKeys: what people have as secrets passes.
func TestSecretsAreNotTakenForKeys(t *testing.T) {
	long := strings.Repeat("correct horse battery staple ", 3)
	for _, text := range []string{
		long, "{" + long, "ssh-" + long, "a\x00b\x00c\x00d\x00" + long, "\x30\x20" + long[:32],
		hex.EncodeToString([]byte(long)), base64.StdEncoding.EncodeToString([]byte(long)), "\x04" + long[:64],
	} {
		one(t, []byte(text), keyfile.Foreign{Algorithm: jose.HS256, Encoding: keyfile.Raw})
	}
	for range 200 {
		generate(t, jose.HS512) // a random secret is checked like any other
	}
}
