package jose

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/portaria/portaria/internal/secret"
)

// Key is a key that has exactly one algorithm. It prints as [secret] and
// never marshals by accident. The zero value has no algorithm and refuses
// everything.
type Key struct {
	secret.Hidden
	alg     Algorithm
	kid     string
	public  any // *ecdsa.PublicKey, ed25519.PublicKey, *rsa.PublicKey; nil when symmetric
	private any // the private counterpart, or []byte when symmetric; nil when only public
	signs   bool
	checks  bool
	wraps   bool // encrypts content encryption keys, or content
	unwraps bool // decrypts them
}

// Generate makes a new key; its kid is its thumbprint (RFC 7638). RSA keys
// have 3072 bits, HMAC secrets the size of their hash, EC keys that encrypt are
// on P-256, and a key for dir is one for A256GCM. Errors wrap ErrAlgorithm.
func Generate(a Algorithm) (Key, error) {
	if a == Dir {
		a = Algorithm(A256GCM)
	}
	for {
		private, err := generate(a.scheme())
		if err != nil {
			return Key{}, err
		}
		// One thumbprint in 64 starts with a dash, and command lines would read such a kid
		// as a flag.
		key, err := NewKey(a, private)
		if err != nil || !strings.HasPrefix(key.Kid(), "-") {
			return key, err
		}
	}
}

func generate(s scheme) (any, error) {
	switch s.kty {
	case "EC":
		return ecdsa.GenerateKey(curve(cmp.Or(s.crv, "P-256")), rand.Reader)
	case "OKP":
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	case "RSA":
		return rsa.GenerateKey(rand.Reader, 3072)
	case "oct":
		secret := make([]byte, s.leastSecret())
		_, err := io.ReadFull(rand.Reader, secret)
		return secret, err
	}
	return nil, fmt.Errorf("%w: no key can be made for it", ErrAlgorithm)
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

// leastSecret is the least length of a secret in bytes.
func (s scheme) leastSecret() int {
	if s.use == forEncryption {
		return s.secret
	}
	return s.hash.Size()
}

// NewKey binds a private or public key of crypto/ecdsa, crypto/ed25519 or crypto/rsa, or a
// secret as []byte, to one algorithm. Its kid is its thumbprint. It rejects keys of another
// kind or curve and weak keys: RSA outside 2048 to 4096 bits, with an exponent that is even
// or below 3, or with the ROCA weakness; Ed25519 points of low order; HMAC secrets shorter
// than the hash.
//
// A secret that encrypts has exactly the length that its algorithm requires. For [Dir] the
// length decides which GCM or CBC the key is for; CBC with 256 bits needs its own name,
// A128CBC-HS256. Errors wrap ErrKey or ErrAlgorithm.
func NewKey(a Algorithm, material any) (Key, error) {
	if secret, ok := material.([]byte); ok && a == Dir {
		a = directly(len(secret))
	}
	k, err := unbound(material)
	if err != nil {
		return Key{}, err
	}
	return k.bind(a)
}

// unbound returns a key that is strong enough and has no algorithm yet.
func unbound(material any) (Key, error) {
	var k Key
	switch m := material.(type) {
	case *ecdsa.PrivateKey:
		k.private, k.public = m, &m.PublicKey
	case ed25519.PrivateKey:
		if len(m) != ed25519.PrivateKeySize {
			return Key{}, fmt.Errorf("%w: it has a wrong length", ErrKey)
		}
		k.private, k.public = m, m.Public()
	case *rsa.PrivateKey:
		k.private, k.public = m, &m.PublicKey
	case []byte:
		k.private = slices.Clone(m)
	default:
		k.public = m
	}
	return k, k.check()
}

// bind binds the key to this algorithm and sets what it may do.
func (k Key) bind(a Algorithm) (Key, error) {
	k.alg = a
	if err := k.fits(); err != nil {
		return Key{}, err
	}
	private := k.private != nil
	signing := a.Signs()
	k.signs, k.checks = signing && private, signing
	k.unwraps, k.wraps = !signing && private, !signing
	k.kid = k.Thumbprint()
	return k, nil
}

// directly returns the content encryption for a key of this length.
func directly(size int) Algorithm {
	for _, e := range Encryptions() {
		if e.keySize() == size {
			return Algorithm(e)
		}
	}
	return Dir
}

// fits compares the key with what its algorithm requires.
func (k Key) fits() error {
	s := k.alg.scheme()
	if s.use == "" {
		return fmt.Errorf("%w: it is not allowed", ErrAlgorithm)
	}
	ok := false
	switch p := k.public.(type) {
	case *ecdsa.PublicKey:
		ok = s.kty == "EC" && (s.crv == "" || p.Curve == curve(s.crv))
	case ed25519.PublicKey:
		ok = s.kty == "OKP"
	case *rsa.PublicKey:
		ok = s.kty == "RSA"
	case nil:
		return k.fitsSecret(s)
	}
	if !ok {
		return fmt.Errorf("%w: it is no key for %s, or on another curve", ErrKey, k.alg)
	}
	return nil
}

func (k Key) fitsSecret(s scheme) error {
	secret, ok := k.private.([]byte)
	switch {
	case !ok || s.kty != "oct":
		return fmt.Errorf("%w: it is no key for %s", ErrKey, k.alg)
	case s.use == forSigning && len(secret) < s.hash.Size():
		return fmt.Errorf("%w: the secret has %d bytes, fewer than the hash of %s", ErrKey, len(secret), k.alg)
	case s.use == forEncryption && len(secret) != s.secret:
		return fmt.Errorf("%w: the secret has %d bytes, and %s requires %d", ErrKey, len(secret), k.alg, s.secret)
	}
	return nil
}

// WithKid returns the key with another kid.
func (k Key) WithKid(kid string) (Key, error) {
	if kid == "" || len(kid) > maxKid {
		return Key{}, fmt.Errorf("%w: the kid must have 1 to %d bytes", ErrKey, maxKid)
	}
	k.kid = kid
	return k, nil
}

// Algorithm returns the one algorithm of the key.
func (k Key) Algorithm() Algorithm { return k.alg }

// Kid returns the key's identifier.
func (k Key) Kid() string { return k.kid }

// Private reports whether the key has a private half or is a secret.
func (k Key) Private() bool { return k.private != nil }

// Public returns the public half, which verifies or encrypts. A symmetric key has none:
// the result is the zero Key.
func (k Key) Public() Key {
	if k.public == nil {
		return Key{}
	}
	k.private, k.signs, k.unwraps = nil, false, false
	return k
}

// CryptoPublic returns the public key as a type of crypto/*, nil when there is
// none.
func (k Key) CryptoPublic() crypto.PublicKey { return k.public }
