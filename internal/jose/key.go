package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"log/slog"
	"slices"
)

// Bounds on RSA keys: below, they can be factored; above, one verification
// costs an attacker's victim too much.
const (
	minRSA = 2048
	maxRSA = 4096
)

const redacted = "[secret]"

// Key is a key that has exactly one algorithm. It prints as [secret] and
// never marshals by accident. The zero value has no algorithm and refuses
// everything.
type Key struct {
	alg     Algorithm
	kid     string
	public  any // *ecdsa.PublicKey, ed25519.PublicKey, *rsa.PublicKey; nil when symmetric
	private any // the private counterpart, or []byte when symmetric; nil when only public
	signs   bool
	checks  bool
}

// Generate makes a new key; its kid is its thumbprint (RFC 7638). RSA keys
// have 3072 bits, HMAC secrets the size of their hash. Errors wrap
// ErrAlgorithm.
func Generate(a Algorithm) (Key, error) {
	private, err := generate(a.scheme())
	if err != nil {
		return Key{}, err
	}
	return NewKey(a, private)
}

func generate(s scheme) (any, error) {
	switch s.kty {
	case "EC":
		return ecdsa.GenerateKey(curve(s.crv), rand.Reader)
	case "OKP":
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	case "RSA":
		return rsa.GenerateKey(rand.Reader, 3072)
	case "oct":
		secret := make([]byte, s.hash.Size())
		_, err := io.ReadFull(rand.Reader, secret)
		return secret, err
	}
	return nil, fmt.Errorf("%w: cannot make a key for it", ErrAlgorithm)
}

func curve(name string) elliptic.Curve {
	switch name {
	case "P-256":
		return elliptic.P256()
	case "P-384":
		return elliptic.P384()
	case "P-521":
		return elliptic.P521()
	}
	return nil
}

// NewKey binds a private or public key of crypto/ecdsa, crypto/ed25519 or
// crypto/rsa, or an HMAC secret as []byte, to one algorithm. It refuses keys
// of another kind or curve and weak ones: RSA outside 2048 to 4096 bits or
// with an even exponent, HMAC secrets shorter than the hash. Its kid is its
// thumbprint. Errors wrap ErrKey or ErrAlgorithm.
func NewKey(a Algorithm, material any) (Key, error) {
	if !a.Signs() {
		return Key{}, fmt.Errorf("%w: none that signs", ErrAlgorithm)
	}
	k := Key{alg: a, checks: true}
	switch m := material.(type) {
	case *ecdsa.PrivateKey:
		k.private, k.public = m, &m.PublicKey
	case ed25519.PrivateKey:
		if len(m) != ed25519.PrivateKeySize {
			return Key{}, fmt.Errorf("%w: wrong length", ErrKey)
		}
		k.private, k.public = m, m.Public()
	case *rsa.PrivateKey:
		k.private, k.public = m, &m.PublicKey
	case []byte:
		k.private = slices.Clone(m)
	default:
		k.public = m
	}
	k.signs = k.private != nil
	if err := k.check(); err != nil {
		return Key{}, err
	}
	k.kid = k.Thumbprint()
	return k, nil
}

// check compares the key with what its algorithm demands.
func (k Key) check() error {
	s := k.alg.scheme()
	switch p := k.public.(type) {
	case *ecdsa.PublicKey:
		if s.kty != "EC" || p.Curve != curve(s.crv) {
			return fmt.Errorf("%w: not on the curve of %s", ErrKey, k.alg)
		}
		if _, err := p.Bytes(); err != nil {
			return fmt.Errorf("%w: point not on its curve", ErrKey)
		}
	case ed25519.PublicKey:
		if s.kty != "OKP" || len(p) != ed25519.PublicKeySize {
			return fmt.Errorf("%w: not a key for %s", ErrKey, k.alg)
		}
	case *rsa.PublicKey:
		return k.checkRSA(p, s)
	case nil:
		secret, _ := k.private.([]byte)
		if s.kty != "oct" || len(secret) < s.hash.Size() {
			return fmt.Errorf("%w: not a secret of at least the size of the hash of %s", ErrKey, k.alg)
		}
	default:
		return fmt.Errorf("%w: unknown type", ErrKey)
	}
	return nil
}

func (k Key) checkRSA(p *rsa.PublicKey, s scheme) error {
	if s.kty != "RSA" {
		return fmt.Errorf("%w: not a key for %s", ErrKey, k.alg)
	}
	if p.N == nil || p.N.BitLen() < minRSA || p.N.BitLen() > maxRSA {
		return fmt.Errorf("%w: RSA keys have %d to %d bits", ErrKey, minRSA, maxRSA)
	}
	if p.E < 3 || p.E%2 == 0 || p.N.Bit(0) == 0 {
		return fmt.Errorf("%w: even or tiny RSA exponent or modulus", ErrKey)
	}
	if private, ok := k.private.(*rsa.PrivateKey); ok {
		if err := private.Validate(); err != nil {
			return fmt.Errorf("%w: inconsistent RSA key", ErrKey)
		}
	}
	return nil
}

// WithKid returns the key under another identifier, such as an imported one.
func (k Key) WithKid(kid string) (Key, error) {
	if kid == "" || len(kid) > maxKid {
		return Key{}, fmt.Errorf("%w: kid must have 1 to %d bytes", ErrKey, maxKid)
	}
	k.kid = kid
	return k, nil
}

// Algorithm returns the one algorithm of the key.
func (k Key) Algorithm() Algorithm { return k.alg }

// Kid returns the key's identifier.
func (k Key) Kid() string { return k.kid }

// Private reports whether the key holds more than may be published.
func (k Key) Private() bool { return k.private != nil }

// Public returns the public half, which verifies. A symmetric key has none:
// the result is the zero Key.
func (k Key) Public() Key {
	if k.public == nil {
		return Key{}
	}
	k.private, k.signs = nil, false
	return k
}

// CryptoPublic returns the public key as a type of crypto/*, nil when there is
// none.
func (k Key) CryptoPublic() crypto.PublicKey { return k.public }

// String keeps the key out of texts.
func (Key) String() string { return redacted }

// Format keeps the key out of every fmt verb.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue keeps the key out of logs.
func (Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText keeps the key out of JSON; see [Key.PublicJWK].
func (Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }
