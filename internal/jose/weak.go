package jose

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"fmt"
	"math/big"

	"github.com/portaria/portaria/internal/publickey"
)

// ErrPublicSecret reports a secret that is a public key in one of its forms. Everybody
// knows it, so everybody could sign with it. It wraps ErrKey.
var ErrPublicSecret = fmt.Errorf("%w: the secret is a public key or the text of a key: everybody who knows it could sign", ErrKey)

// Bounds of RSA keys: smaller keys can be factored, and larger ones make each verification
// too expensive.
const (
	minRSA = 2048
	maxRSA = 4096
)

// check rejects keys that are weak for every purpose.
func (k Key) check() error {
	switch p := k.public.(type) {
	case *ecdsa.PublicKey:
		return checkEC(p)
	case ed25519.PublicKey:
		if len(p) != ed25519.PublicKeySize {
			return fmt.Errorf("%w: wrong length", ErrKey)
		}
		if lowOrder(p) {
			return fmt.Errorf("%w: the Ed25519 point has a low order: everybody can sign for it", ErrKey)
		}
	case *rsa.PublicKey:
		return k.checkRSA(p)
	case nil:
		secret, ok := k.private.([]byte)
		if !ok {
			return fmt.Errorf("%w: unknown type", ErrKey)
		}
		if kind := publickey.Kind(secret); kind != "" {
			return fmt.Errorf("%w (%s)", ErrPublicSecret, kind)
		}
	default:
		return fmt.Errorf("%w: unknown type", ErrKey)
	}
	return nil
}

func checkEC(p *ecdsa.PublicKey) error {
	switch p.Curve {
	case elliptic.P256(), elliptic.P384(), elliptic.P521():
	default:
		return fmt.Errorf("%w: the curve is too small or not supported; use P-256, P-384 or P-521", ErrKey)
	}
	if _, err := p.Bytes(); err != nil {
		return fmt.Errorf("%w: the point is not on its curve", ErrKey)
	}
	return nil
}

func (k Key) checkRSA(p *rsa.PublicKey) error {
	switch {
	case p.N == nil || p.N.BitLen() < minRSA || p.N.BitLen() > maxRSA:
		return fmt.Errorf("%w: RSA keys have %d to %d bits", ErrKey, minRSA, maxRSA)
	case p.E < 3 || p.E%2 == 0:
		return fmt.Errorf("%w: the RSA exponent is even or below 3", ErrKey)
	case p.N.Bit(0) == 0:
		return fmt.Errorf("%w: the RSA modulus is even", ErrKey)
	case closePrimes(p.N):
		return fmt.Errorf("%w: the two primes of the RSA modulus are too close: the private key can be computed (Fermat, CVE-2022-26320)", ErrKey)
	case roca(p.N):
		return fmt.Errorf("%w: the RSA modulus has the weakness of Infineon chips (ROCA, CVE-2017-15361)", ErrKey)
	}
	if private, ok := k.private.(*rsa.PrivateKey); ok {
		if err := private.Validate(); err != nil {
			return fmt.Errorf("%w: the parts of the RSA key do not match", ErrKey)
		}
	}
	return nil
}

// lowOrder reports an Ed25519 public key in the small subgroup. For this key one signature
// is valid for many messages, and no secret is needed to make it. The sign bit does not
// matter, so seven encodings stand for fourteen.
func lowOrder(p ed25519.PublicKey) bool {
	y := [ed25519.PublicKeySize]byte(p)
	y[31] &= 0x7f
	switch fmt.Sprintf("%x", y) {
	case "0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f":
		return true
	}
	return false
}

// roca reports a modulus with the fingerprint of "The Return of Coppersmith's
// Attack" (Nemec et al., 2017): modulo each small prime it is a power of
// 65537. A good modulus has it with a probability below 2^-27.
func roca(n *big.Int) bool {
	remainder, divisor := new(big.Int), new(big.Int)
	for _, prime := range []uint64{3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73,
		79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167} {
		want := remainder.Mod(n, divisor.SetUint64(prime)).Uint64()
		power := uint64(1)
		for range prime {
			if power == want {
				break
			}
			power = power * 65537 % prime
		}
		if power != want {
			return false
		}
	}
	return true
}

// fermatSteps is the number of steps of Fermat's method that must not factor a modulus. Two
// random primes of 1024 bits need more than 2^500.
const fermatSteps = 100

// closePrimes reports a modulus n that Fermat's method factors. The method looks for a
// square a*a - n, beginning with the least a, and finds two primes with a small difference
// at once. a*a - n grows by 2a + 1 in each step, so only two numbers are kept. The
// remainders of nearly every value show that it is no square.
func closePrimes(n *big.Int) bool {
	a := new(big.Int).Sqrt(n)
	square := new(big.Int).Mul(a, a)
	if square.Cmp(n) == 0 {
		return true // a prime squared
	}
	a.Add(a, big.NewInt(1))
	left := new(big.Int).Sub(square.Mul(a, a), n)
	grow, two := new(big.Int).Add(new(big.Int).Lsh(a, 1), big.NewInt(1)), big.NewInt(2)
	for range fermatSteps {
		if isSquare(left) {
			return true
		}
		left.Add(left, grow)
		grow.Add(grow, two)
	}
	return false
}

// isSquare reports a square. It computes the root only of the few values whose remainders
// allow one: 12 of 64 modulo 64, and 1 of 25 of those modulo the product of small primes.
func isSquare(v *big.Int) bool {
	low := v.Bits()
	if len(low) == 0 {
		return true
	}
	if !hasRoot(uint64(low[0])%64, 64) {
		return false
	}
	const product = 5 * 7 * 11 * 13 * 17 * 19
	remainder := new(big.Int).Mod(v, big.NewInt(product)).Uint64()
	for _, prime := range []uint64{5, 7, 11, 13, 17, 19} {
		if !hasRoot(remainder%prime, prime) {
			return false
		}
	}
	root := new(big.Int).Sqrt(v)
	return root.Mul(root, root).Cmp(v) == 0
}

// hasRoot reports whether a remainder is that of some square.
func hasRoot(remainder, modulus uint64) bool {
	for i := range modulus {
		if i*i%modulus == remainder {
			return true
		}
	}
	return false
}
