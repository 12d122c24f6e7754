package jose

import (
	"crypto"
	_ "crypto/sha256" // registers SHA-256
	_ "crypto/sha512" // registers SHA-384 and SHA-512
)

// Algorithm is the name of an algorithm in the words of RFC 7518 and RFC 8037.
// Names that are not in the table of this package, "none" among them, are
// never accepted.
type Algorithm string

// The algorithms that sign. HS256, HS384 and HS512 are for a single service:
// whoever can verify with them can also sign.
const (
	ES256 Algorithm = "ES256"
	ES384 Algorithm = "ES384"
	ES512 Algorithm = "ES512"
	EdDSA Algorithm = "EdDSA"
	RS256 Algorithm = "RS256"
	RS384 Algorithm = "RS384"
	RS512 Algorithm = "RS512"
	PS256 Algorithm = "PS256"
	PS384 Algorithm = "PS384"
	PS512 Algorithm = "PS512"
	HS256 Algorithm = "HS256"
	HS384 Algorithm = "HS384"
	HS512 Algorithm = "HS512"
)

// maxSignature is the length of the longest signature: RSA with 4096 bits.
const maxSignature = 512

// scheme is one row of the table: what an algorithm demands of its key and how
// it works. The zero value is no algorithm.
type scheme struct {
	kty  string // "EC", "OKP", "RSA" or "oct"
	crv  string // of EC and OKP
	hash crypto.Hash
	size int // of an EC coordinate, in bytes
	pss  bool
	use  string // "sig"
}

// scheme returns the row of the table.
func (a Algorithm) scheme() scheme {
	switch a {
	case ES256:
		return scheme{kty: "EC", crv: "P-256", hash: crypto.SHA256, size: 32, use: "sig"}
	case ES384:
		return scheme{kty: "EC", crv: "P-384", hash: crypto.SHA384, size: 48, use: "sig"}
	case ES512:
		return scheme{kty: "EC", crv: "P-521", hash: crypto.SHA512, size: 66, use: "sig"}
	case EdDSA:
		return scheme{kty: "OKP", crv: "Ed25519", use: "sig"}
	case RS256, PS256:
		return scheme{kty: "RSA", hash: crypto.SHA256, pss: a == PS256, use: "sig"}
	case RS384, PS384:
		return scheme{kty: "RSA", hash: crypto.SHA384, pss: a == PS384, use: "sig"}
	case RS512, PS512:
		return scheme{kty: "RSA", hash: crypto.SHA512, pss: a == PS512, use: "sig"}
	case HS256:
		return scheme{kty: "oct", hash: crypto.SHA256, use: "sig"}
	case HS384:
		return scheme{kty: "oct", hash: crypto.SHA384, use: "sig"}
	case HS512:
		return scheme{kty: "oct", hash: crypto.SHA512, use: "sig"}
	}
	return scheme{}
}

// Signs reports whether the algorithm is an allowed one that signs.
func (a Algorithm) Signs() bool { return a.scheme().use == "sig" }

// Symmetric reports whether one secret both signs and verifies, so that
// nothing of its key may ever be published.
func (a Algorithm) Symmetric() bool { return a.scheme().kty == "oct" }

// SigningAlgorithms lists the algorithms that sign, the recommended one first.
func SigningAlgorithms() []Algorithm {
	return []Algorithm{ES256, EdDSA, ES384, ES512, PS256, PS384, PS512, RS256, RS384, RS512, HS256, HS384, HS512}
}
