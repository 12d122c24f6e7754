// Package keyfile reads the keys that people have (PEM, OpenSSH, JWK, key sets,
// raw secrets) and writes public halves for those who verify elsewhere.
package keyfile

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/secret"
	"github.com/portaria/portaria/internal/strictjson"
)

// Limits of imported keys.
const (
	maxForeign       = 64 << 10 // one key in a file
	maxForeignKeySet = 512 << 10
	maxForeignSecret = 4 << 10
	maxKeys          = 100 // as many as a key set may publish
)

var (
	// ErrForeign reports text that is no key which can be imported. The text of
	// the error says why and what to do, and holds nothing of the key.
	ErrForeign = errors.New("key cannot be imported")
	// ErrPassphraseNeeded reports an encrypted key without its passphrase.
	ErrPassphraseNeeded = errors.New("key cannot be imported: it is encrypted: give its passphrase")
	// ErrPassphraseWrong reports that the passphrase does not open the key.
	ErrPassphraseWrong = errors.New("key cannot be imported: the passphrase is wrong")
	// ErrNoPublicHalf reports a secret where a public key is asked for.
	ErrNoPublicHalf = errors.New("it is a secret and has no public half")
	// ErrAlgorithmNeeded reports a key that several algorithms can use.
	ErrAlgorithmNeeded = errors.New("key cannot be imported: it does not say which algorithm it is for: name one")
)

// Encoding is how a raw secret is written.
type Encoding string

// The encodings of raw secrets.
const (
	// Base64 is base64 in either alphabet, padded or not.
	Base64 Encoding = "base64"
	// Hex is two digits for each byte, of either case.
	Hex Encoding = "hex"
	// Raw is the bytes themselves, a line break at the end included.
	Raw Encoding = "raw"
)

// Foreign says what a key made elsewhere does not say itself.
type Foreign struct {
	// Algorithm that the key is for. Needed for RSA keys and raw secrets;
	// otherwise it follows from the curve, or the JWK names it.
	Algorithm jose.Algorithm
	// Passphrase of an encrypted private key.
	Passphrase secret.Bytes
	// Encoding of a raw HMAC secret. Empty: it is no raw secret. It has to be
	// said, because most hexadecimal text is also good base64.
	Encoding Encoding
}

// ParseKeys reads keys made elsewhere: PEM (PKCS#1, PKCS#8, also encrypted with
// PBES2, SEC 1, PKIX), OpenSSH private and public keys, a JWK or a JWK set, or
// a raw secret. Only a JWK set may hold more than one. The kid is the one that
// a JWK brings, else the thumbprint (RFC 7638). Errors wrap ErrForeign,
// ErrPassphraseNeeded, ErrPassphraseWrong, ErrAlgorithmNeeded,
// jose.ErrPublicSecret, jose.ErrKey for weak and malformed keys, jose.ErrAlgorithm or jose.ErrJSON.
func ParseKeys(data []byte, f Foreign) ([]jose.Key, error) {
	text := bytes.TrimSpace(data)
	if f.Encoding == "" && bytes.HasPrefix(text, []byte("{")) {
		return parseJWKs(text, f)
	}
	if len(data) > maxForeign {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrForeign, maxForeign)
	}
	material, err := parseMaterial(data, text, f)
	if err != nil {
		return nil, err
	}
	key, err := bind(material, f.Algorithm)
	if err != nil {
		return nil, err
	}
	return []jose.Key{key}, nil
}

func parseMaterial(data, text []byte, f Foreign) (any, error) {
	switch {
	case f.Encoding != "":
		return parseSecret(data, f)
	case len(text) == 0:
		return nil, fmt.Errorf("%w: there is nothing in it", ErrForeign)
	case bytes.Contains(text, []byte("-----BEGIN ")):
		return parsePEM(text, f.Passphrase)
	case isOpenSSH(text):
		return parseOpenSSHPublic(text)
	}
	return nil, fmt.Errorf("%w: neither PEM, OpenSSH, nor JWK; say how it is written if it is a raw secret, "+
		"and convert DER with `openssl pkey -inform DER`", ErrForeign)
}

// bind gives a key of crypto/* its algorithm, and refuses what crypto/* lets
// through.
func bind(material any, a jose.Algorithm) (jose.Key, error) {
	if p, ok := material.(*ed25519.PrivateKey); ok { // what x/crypto/ssh returns
		material = *p
	}
	switch m := material.(type) {
	case ed25519.PrivateKey:
		// The second half is the public key. A wrong one there gives the
		// private key away with the first two signatures.
		if len(m) != ed25519.PrivateKeySize || !ed25519.NewKeyFromSeed(m.Seed()).Equal(m) {
			return jose.Key{}, fmt.Errorf("%w: its private and public half do not match", ErrForeign)
		}
	case *rsa.PrivateKey:
		if len(m.Primes) != 2 {
			return jose.Key{}, fmt.Errorf("%w: RSA keys have two primes; make a new key", ErrForeign)
		}
	}
	if a == "" {
		var err error
		if a, err = usual(material); err != nil {
			return jose.Key{}, err
		}
	}
	return jose.NewKey(a, material)
}

// usual returns the algorithm that a kind of key is used with.
func usual(material any) (jose.Algorithm, error) {
	switch m := material.(type) {
	case ed25519.PrivateKey, ed25519.PublicKey:
		return jose.EdDSA, nil
	case *ecdsa.PrivateKey:
		return usual(&m.PublicKey)
	case *ecdsa.PublicKey:
		switch m.Params().BitSize {
		case 256:
			return jose.ES256, nil
		case 384:
			return jose.ES384, nil
		case 521:
			return jose.ES512, nil
		}
		return "", fmt.Errorf("%w: its curve %s is not in use here; make one on P-256", ErrForeign, m.Params().Name)
	case *rsa.PrivateKey, *rsa.PublicKey:
		return "", fmt.Errorf("%w, RS256 if nobody asks for another", ErrAlgorithmNeeded)
	case []byte:
		return "", fmt.Errorf("%w, HS256 if nobody asks for another", ErrAlgorithmNeeded)
	}
	return "", fmt.Errorf("%w: of a kind that is not in use here; make one on P-256", ErrForeign)
}

// parseJWKs reads a JWK or, strictly, a JWK set: a key that cannot be used is an
// error, because an import of a set wants all of it.
func parseJWKs(text []byte, f Foreign) ([]jose.Key, error) {
	if len(text) > maxForeignKeySet {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrForeign, maxForeignKeySet)
	}
	object, err := strictjson.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForeign, err)
	}
	list, isSet := object.Get("keys")
	if !isSet {
		key, err := parseJWK(text, f)
		return []jose.Key{key}, err
	}
	jwks, err := list.Elements()
	if err != nil || len(jwks) == 0 || len(jwks) > maxKeys {
		return nil, fmt.Errorf("%w: a set has 1 to %d keys", ErrForeign, maxKeys)
	}
	keys, kids := make([]jose.Key, len(jwks)), map[string]bool{}
	for i, jwk := range jwks {
		if keys[i], err = parseJWK(jwk, f); err != nil {
			return nil, fmt.Errorf("key %d of the set: %w", i+1, err)
		}
		if kids[keys[i].Kid()] {
			return nil, fmt.Errorf("key %d of the set: %w: another has the same kid", i+1, ErrForeign)
		}
		kids[keys[i].Kid()] = true
	}
	return keys, nil
}

// parseJWK gives the algorithm to keys that have none of their own.
func parseJWK(text []byte, f Foreign) (jose.Key, error) {
	object, err := strictjson.Parse(text)
	if err != nil {
		return jose.Key{}, fmt.Errorf("%w: %w", ErrForeign, err)
	}
	_, names := object.Get("alg")
	kty, _ := object.Get("kty")
	needs := string(kty) == `"RSA"` || string(kty) == `"oct"`
	if f.Algorithm == "" && needs && !names {
		return jose.Key{}, ErrAlgorithmNeeded
	}
	var key jose.Key
	if names || f.Algorithm == "" {
		key, err = jose.ParseJWK(text)
	} else {
		key, err = jose.ParseJWKAs(text, f.Algorithm)
	}
	if err != nil {
		return jose.Key{}, err
	}
	return key, nil
}

// parseSecret reads a raw secret. It refuses the text of a public key. Errors hold nothing of it.
func parseSecret(data []byte, f Foreign) (secret any, err error) {
	if len(data) > maxForeignSecret {
		return nil, fmt.Errorf("%w: secret longer than %d bytes", ErrForeign, maxForeignSecret)
	}
	if err := checkText(data); err != nil {
		return nil, err
	}
	text := strings.TrimSpace(string(data))
	var raw []byte
	switch f.Encoding {
	case Raw:
		raw = data
	case Hex:
		raw, err = hex.DecodeString(text)
	case Base64:
		raw, err = lenient(text)
	default:
		return nil, fmt.Errorf("%w: secrets are written in %s, %s or %s", ErrForeign, Base64, Hex, Raw)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: the secret is not written in %s", ErrForeign, f.Encoding)
	}
	return raw, nil
}
