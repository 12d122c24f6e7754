package jose

import (
	"crypto"
	_ "crypto/sha256" // registers SHA-256
	_ "crypto/sha512" // registers SHA-384 and SHA-512
)

// Algorithm is the name of an algorithm as in RFC 7518 and RFC 8037. Names that are not in
// the table of this package, such as "none", are never accepted.
type Algorithm string

// The algorithms that sign. HS256, HS384 and HS512 are for a single service: everybody who
// can verify with the secret can also sign.
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

// The algorithms that encrypt a content encryption key, or agree on one.
// ECDH-ES+A256KW is the recommended one.
const (
	ECDHES       Algorithm = "ECDH-ES"
	ECDHESA128KW Algorithm = "ECDH-ES+A128KW"
	ECDHESA192KW Algorithm = "ECDH-ES+A192KW"
	ECDHESA256KW Algorithm = "ECDH-ES+A256KW"
	RSAOAEP      Algorithm = "RSA-OAEP" // legacy: with SHA-1
	RSAOAEP256   Algorithm = "RSA-OAEP-256"
	A128KW       Algorithm = "A128KW"
	A192KW       Algorithm = "A192KW"
	A256KW       Algorithm = "A256KW"
	A128GCMKW    Algorithm = "A128GCMKW"
	A192GCMKW    Algorithm = "A192GCMKW"
	A256GCMKW    Algorithm = "A256GCMKW"
	// Dir in a header says that the key encrypts the content itself. The algorithm of such
	// a key is its one content encryption.
	Dir Algorithm = "dir"
)

// AlgorithmOf returns the algorithm with this name, allowed or not. "Ed25519" is the name
// in RFC 9864 of EdDSA on the only curve that is allowed here.
func AlgorithmOf(name string) Algorithm {
	if name == "Ed25519" {
		return EdDSA
	}
	return Algorithm(name)
}

// Encryption is the name of a content encryption (RFC 7518, section 5).
type Encryption string

// The content encryptions. A256GCM is the recommended one.
const (
	A128GCM      Encryption = "A128GCM"
	A192GCM      Encryption = "A192GCM"
	A256GCM      Encryption = "A256GCM"
	A128CBCHS256 Encryption = "A128CBC-HS256"
	A192CBCHS384 Encryption = "A192CBC-HS384"
	A256CBCHS512 Encryption = "A256CBC-HS512"
)

// maxSignature is the length of the longest signature: RSA with 4096 bits.
const maxSignature = 512

// purposes of a key, as in "use" of a JWK.
const (
	forSigning    = "sig"
	forEncryption = "enc"
)

// scheme is one row of the table: what an algorithm requires of its key and how it works.
// The zero value is no algorithm.
type scheme struct {
	kty    string // "EC", "OKP", "RSA" or "oct"
	crv    string // of EC and OKP; empty if every allowed curve is possible
	hash   crypto.Hash
	size   int // of an EC coordinate in a signature, in bytes
	pss    bool
	use    string
	secret int  // exact size of a secret that encrypts, in bytes
	direct bool // the key is the content encryption key
}

// scheme returns the row of the table.
func (a Algorithm) scheme() scheme {
	if s := a.signing(); s.use != "" {
		return s
	}
	return a.encrypting()
}

func (a Algorithm) signing() scheme {
	switch a {
	case ES256:
		return scheme{kty: "EC", crv: "P-256", hash: crypto.SHA256, size: 32, use: forSigning}
	case ES384:
		return scheme{kty: "EC", crv: "P-384", hash: crypto.SHA384, size: 48, use: forSigning}
	case ES512:
		return scheme{kty: "EC", crv: "P-521", hash: crypto.SHA512, size: 66, use: forSigning}
	case EdDSA:
		return scheme{kty: "OKP", crv: "Ed25519", use: forSigning}
	case RS256, PS256:
		return scheme{kty: "RSA", hash: crypto.SHA256, pss: a == PS256, use: forSigning}
	case RS384, PS384:
		return scheme{kty: "RSA", hash: crypto.SHA384, pss: a == PS384, use: forSigning}
	case RS512, PS512:
		return scheme{kty: "RSA", hash: crypto.SHA512, pss: a == PS512, use: forSigning}
	case HS256:
		return scheme{kty: "oct", hash: crypto.SHA256, use: forSigning}
	case HS384:
		return scheme{kty: "oct", hash: crypto.SHA384, use: forSigning}
	case HS512:
		return scheme{kty: "oct", hash: crypto.SHA512, use: forSigning}
	}
	return scheme{}
}

func (a Algorithm) encrypting() scheme {
	switch a {
	case ECDHES, ECDHESA128KW, ECDHESA192KW, ECDHESA256KW:
		return scheme{kty: "EC", use: forEncryption}
	case RSAOAEP, RSAOAEP256:
		return scheme{kty: "RSA", use: forEncryption}
	case A128KW, A128GCMKW:
		return scheme{kty: "oct", secret: 16, use: forEncryption}
	case A192KW, A192GCMKW:
		return scheme{kty: "oct", secret: 24, use: forEncryption}
	case A256KW, A256GCMKW:
		return scheme{kty: "oct", secret: 32, use: forEncryption}
	}
	if e := Encryption(a); e.keySize() > 0 {
		return scheme{kty: "oct", secret: e.keySize(), use: forEncryption, direct: true}
	}
	return scheme{}
}

// keySize returns the length of the content encryption key in bytes, or zero if the
// encryption is not allowed.
func (e Encryption) keySize() int {
	switch e {
	case A128GCM:
		return 16
	case A192GCM:
		return 24
	case A256GCM, A128CBCHS256:
		return 32
	case A192CBCHS384:
		return 48
	case A256CBCHS512:
		return 64
	}
	return 0
}

// lengths returns the exact lengths of the initialization vector and the tag in bytes.
func (e Encryption) lengths() (iv, tag int) {
	switch e {
	case A128CBCHS256, A192CBCHS384, A256CBCHS512:
		return 16, e.keySize() / 2
	}
	return 12, 16
}

// agrees reports ECDH-ES in any of its forms.
func (a Algorithm) agrees() bool {
	return a.encrypting().kty == "EC"
}

// wrapsWithGCM reports AES-GCM key wrapping, whose header has an iv and a tag.
func (a Algorithm) wrapsWithGCM() bool {
	return a == A128GCMKW || a == A192GCMKW || a == A256GCMKW
}

// Signs reports whether the algorithm is an allowed one that signs.
func (a Algorithm) Signs() bool { return a.scheme().use == forSigning }

// Encrypts reports whether the algorithm is an allowed one that encrypts.
func (a Algorithm) Encrypts() bool { return a == Dir || a.scheme().use == forEncryption }

// Symmetric reports whether one secret both signs and verifies, or encrypts and decrypts.
// Then no part of the key may be published.
func (a Algorithm) Symmetric() bool { return a == Dir || a.scheme().kty == "oct" }

// Legacy reports an algorithm that is used for new tokens only if somebody names it:
// RSA-OAEP, which hashes with SHA-1.
func (a Algorithm) Legacy() bool { return a == RSAOAEP }

// SigningAlgorithms lists the algorithms that sign, the recommended one first.
func SigningAlgorithms() []Algorithm {
	return []Algorithm{ES256, EdDSA, ES384, ES512, PS256, PS384, PS512, RS256, RS384, RS512, HS256, HS384, HS512}
}

// EncryptionAlgorithms lists the algorithms that encrypt, the recommended one
// first.
func EncryptionAlgorithms() []Algorithm {
	return []Algorithm{ECDHESA256KW, ECDHESA192KW, ECDHESA128KW, ECDHES, RSAOAEP256, RSAOAEP,
		A256GCMKW, A192GCMKW, A128GCMKW, A256KW, A192KW, A128KW, Dir}
}

// Encryptions lists the content encryptions, the recommended one first.
func Encryptions() []Encryption {
	return []Encryption{A256GCM, A192GCM, A128GCM, A256CBCHS512, A192CBCHS384, A128CBCHS256}
}
