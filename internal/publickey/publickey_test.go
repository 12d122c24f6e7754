package publickey_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/portaria/portaria/internal/publickey"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestKind has the forms in which people have the public key of each kind. The
// tests of package keyfile wrap them in further encodings.
func TestKind(t *testing.T) {
	ec := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	private := must(rsa.GenerateKey(rand.Reader, 2048))
	edwards, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for what, public := range map[string]any{"EC": &ec.PublicKey, "RSA": &private.PublicKey, "Ed25519": edwards} {
		der := must(x509.MarshalPKIXPublicKey(public))
		text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
		line := ssh.MarshalAuthorizedKey(must(ssh.NewPublicKey(public)))
		for form, secret := range map[string][]byte{
			"DER": der, "PEM": text, "PEM after a line break": append([]byte("\n\n"), text...), "OpenSSH": line,
			"OpenSSH in binary": must(ssh.NewPublicKey(public)).Marshal(), "DER in base64": []byte(base64.StdEncoding.EncodeToString(der)),
		} {
			if publickey.Kind(secret) == "" {
				t.Errorf("%s as %s is not recognised", what, form)
			}
		}
	}
}

// TestKindOfAKeyThatEndsWithASpace: it is not a space of a text.
func TestKindOfAKeyThatEndsWithASpace(t *testing.T) {
	for _, last := range []byte(" \n\r\t\v\f") {
		key := make(ed25519.PublicKey, ed25519.PublicKeySize)
		key[len(key)-1] = last
		if publickey.Kind(must(ssh.NewPublicKey(key)).Marshal()) == "" {
			t.Errorf("a key that ends with %q is not recognised", last)
		}
	}
}

// TestSecretsPass: random bytes and texts are no keys.
func TestSecretsPass(t *testing.T) {
	for range 2000 {
		secret := make([]byte, 32+len(rand.Text()))
		must(rand.Read(secret))
		if kind := publickey.Kind(secret); kind != "" {
			t.Fatalf("%x is taken for a %s", secret, kind)
		}
	}
	for _, text := range []string{strings.Repeat("correct horse ", 5), "ssh-" + rand.Text() + rand.Text(), "\x00\x00\x00\x07ssh-rsa"} {
		if kind := publickey.Kind([]byte(text)); kind != "" {
			t.Errorf("%q is taken for a %s", text, kind)
		}
	}
}
