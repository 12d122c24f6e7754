// Package jose checks and makes tokens of JSON Object Signing and Encryption
// (RFC 7515–7519) around the JOSE library. It parses compact tokens strictly, holds the
// list of allowed algorithms, and binds each key to exactly one of them.
//
// It trusts nothing that a token says about itself: the header only confirms the
// algorithm of the key, and keys that a header names are not used. "none" is not an
// algorithm here.
//
// The package has more than 1,500 lines because signing, decrypting and key sets need
// the private parts of a [Key]. In packages of their own they would need an exported way
// to those parts, which every caller could use.
package jose

import (
	"errors"

	"github.com/portaria/portaria/internal/strictjson"
)

// Limits of the input. They are checked before anything is parsed.
const (
	// MaxToken is the greatest length of a compact token in bytes.
	MaxToken = 8 << 10
	// MaxKey is the greatest length of one JWK in bytes: a private RSA key of
	// 4096 bits with all its parts takes 3.3 kB.
	MaxKey = 16 << 10
	// maxKid is the greatest length of a key identifier in bytes.
	maxKid = 256
)

// Errors of this package. Their texts never contain a part of a token or key, so they may
// be logged.
var (
	// ErrMalformed reports a token that is not a compact JWS or JWE within the
	// limits.
	ErrMalformed = errors.New("jose: malformed token")
	// ErrHeader reports a header that this package does not allow.
	ErrHeader = errors.New("jose: header refused")
	// ErrJSON reports text that is not strict JSON; see package strictjson.
	ErrJSON = strictjson.ErrInvalid
	// ErrAlgorithm reports an algorithm that is unknown, not allowed, or not
	// the one that the key has.
	ErrAlgorithm = errors.New("jose: algorithm refused")
	// ErrKey reports a key that is malformed, too weak, or for another purpose.
	ErrKey = errors.New("jose: key refused")
	// ErrDecrypt reports an encrypted token that does not decrypt with the key.
	// It never says at which step, because that would help an attacker.
	ErrDecrypt = errors.New("jose: does not decrypt")
	// ErrSignature reports a signature that does not verify.
	ErrSignature = errors.New("jose: signature does not verify")
)
