package clients

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/portaria/portaria/internal/secret"
)

// Plain is a client secret in the clear; it prints as [secret].
type Plain = secret.Text

// Key is the server key that secrets are hashed under. With a stolen database alone,
// attackers cannot try secrets.
type Key = secret.Bytes

const (
	// secretPrefix lets scanners find a leaked secret in source code and logs.
	secretPrefix = "pcs_"
	secretSize   = 32 // bytes of chance
)

// Bounds of the length of a secret from the settings.
const (
	minSecret = 32
	maxSecret = 256
)

// newSecret makes a secret of 256 random bits.
func newSecret() Plain {
	random := make([]byte, secretSize)
	rand.Read(random) // never fails
	return Plain(secretPrefix + base64.RawURLEncoding.EncodeToString(random))
}

// Hash returns the stored form of a secret.
func Hash(key Key, plain Plain) [sha256.Size]byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(plain.Reveal()))
	return [sha256.Size]byte(mac.Sum(nil))
}

// HasSecret reports whether the client has the secret with this Hash. It compares in
// constant time.
func (c Client) HasSecret(hash [sha256.Size]byte) bool {
	found := false
	for _, s := range c.Secrets {
		found = hmac.Equal(s.Hash[:], hash[:]) || found
	}
	return found
}

// checkSecret refuses secrets that people made up: attackers would guess them, because
// the hash is fast.
func checkSecret(plain Plain) string {
	text := plain.Reveal()
	odd := func(r rune) bool { return r <= ' ' || r > '~' }
	// HTTP Basic carries a form-encoded secret (RFC 6749 §2.3.1). Tools that send it
	// without encoding, such as curl -u, would send another secret.
	const encoded = "+%"
	switch {
	case len(text) < minSecret:
		return "must have at least 32 characters, made by chance"
	case len(text) > maxSecret:
		return "must have at most 256 characters"
	case strings.ContainsFunc(text, odd):
		return "must be printable ASCII without spaces"
	case strings.ContainsAny(text, encoded):
		return "must be without + and %, which stand for other characters in HTTP Basic; openssl rand -hex 32 makes a good one"
	}
	return ""
}
