// Package legacy recognises and verifies password hashes that other systems
// made, so that their accounts can move here without a new password
// (docs/adr/0011).
//
// [Parse] reads a foreign text and refuses parameters beyond fixed limits
// before it computes anything. [Hash.Digest] computes what a password gives, and
// [Hash.Matches] compares. [Hash.String] is the text that rests in the database, and
// [Stored] reads that text again.
//
// A weak hash must not rest in the database: [Hash.WrappedIn] replaces its digest by
// an Argon2id hash of the digest.
package legacy

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
)

var (
	// ErrUnknown reports a text of no known scheme.
	ErrUnknown = errors.New("password hash has no known scheme")
	// ErrMalformed reports a text that breaks the rules of its scheme.
	ErrMalformed = errors.New("password hash is malformed")
	// ErrTooCostly reports parameters beyond the limits of this package.
	ErrTooCostly = errors.New("password hash costs too much to verify")
)

// Limits of the texts that are read.
const (
	// MaxText is the greatest length of a foreign or stored text in bytes.
	MaxText = 2048
	// MaxPassword is the greatest length of a password in bytes. It is above
	// what a password of the service can have.
	MaxPassword = 4096
	// MaxSalt is the greatest length of a salt in bytes.
	MaxSalt = 256
	// MaxScheme is the greatest length of the name of a scheme.
	MaxScheme = 32

	maxKey = 128
	minTag = 16
	maxTag = 128
)

// The prefixes of the stored forms.
const (
	plainPrefix   = "$legacy$"
	wrappedPrefix = "$wrapped$"
)

// Hash is a password hash of another system whose parameters are within the
// limits. The zero value matches no password.
type Hash struct {
	scheme string
	cost   cost
	size   uint32 // of the digest in bytes
	salt   []byte
	key    []byte // a secret of the whole system: Firebase has one
	tag    []byte // the digest, or that of outer
	outer  *outer // not nil: tag is an Argon2id hash of the digest
}

// cost holds up to three parameters; their meaning depends on the scheme.
// For scrypt they are N, r and p, for Argon2 memory in KiB, passes and lanes.
type cost [3]uint32

// Scheme returns the name of the scheme, one of [Schemes].
func (h Hash) Scheme() string { return h.scheme }

// Wrapped reports whether the hash was made by [Hash.WrappedIn].
func (h Hash) Wrapped() bool { return h.outer != nil }

// Recognizes reports whether a stored text is one of this package. Use
// [Stored] to read it.
func Recognizes(text string) bool {
	return strings.HasPrefix(text, plainPrefix) || strings.HasPrefix(text, wrappedPrefix)
}

// String returns the text to store. It contains the salt and the digest. The
// text of a wrapped hash does not contain the digest of the scheme.
func (h Hash) String() string {
	prefix, end := plainPrefix, "$"+encode(h.tag)
	if h.outer != nil {
		prefix, end = wrappedPrefix, h.outer.phc(h.tag)
	}
	return fmt.Sprintf("%s%s$%d,%d,%d,%d$%s$%s%s", prefix, h.scheme, h.cost[0], h.cost[1], h.cost[2], h.size,
		encode(h.salt), encode(h.key), end)
}

// Stored reads a text that [Hash.String] returned. Errors: [ErrUnknown],
// [ErrMalformed], [ErrTooCostly].
func Stored(text string) (Hash, error) {
	if len(text) > MaxText {
		return Hash{}, fmt.Errorf("%w: longer than %d bytes", ErrMalformed, MaxText)
	}
	if !Recognizes(text) {
		return Hash{}, fmt.Errorf("%w: not a stored legacy hash", ErrUnknown)
	}
	f := strings.Split(text, "$")
	h := Hash{}
	var err error
	switch {
	case f[1] == "legacy" && len(f) == 7:
		h.tag, err = decode(f[6])
	case f[1] == "wrapped" && len(f) == 11:
		h.outer, h.tag, err = parseOuter(f[6:])
	default:
		err = fmt.Errorf("%w: wrong number of fields", ErrMalformed)
	}
	if err != nil {
		return Hash{}, err
	}
	h.scheme = f[2]
	if err := h.readFields(f[3:6]); err != nil {
		return Hash{}, err
	}
	if err := h.check(); err != nil {
		return Hash{}, err
	}
	// The comparison refuses every other spelling: signs, leading zeros, line
	// breaks, and loose bits of base64.
	if h.String() != text {
		return Hash{}, fmt.Errorf("%w: not in canonical form", ErrMalformed)
	}
	return h, nil
}

func (h *Hash) readFields(f []string) error {
	numbers := strings.Split(f[0], ",")
	into := []*uint32{&h.cost[0], &h.cost[1], &h.cost[2], &h.size}
	if len(numbers) != len(into) {
		return fmt.Errorf("%w: wrong number of parameters", ErrMalformed)
	}
	var err error
	for i, text := range numbers {
		if *into[i], err = number(text); err != nil {
			return err
		}
	}
	if h.salt, err = decode(f[1]); err != nil {
		return err
	}
	h.key, err = decode(f[2])
	return err
}

// check reports whether h may be computed.
func (h Hash) check() error {
	s, ok := schemes()[h.scheme]
	if !ok {
		return fmt.Errorf("%w: %q", ErrUnknown, shortened(h.scheme))
	}
	if len(h.salt) > MaxSalt || len(h.key) > maxKey || len(h.tag) > maxTag {
		return fmt.Errorf("%w: salt, key or digest is too long", ErrMalformed)
	}
	if h.outer == nil && int(h.size) != len(h.tag) {
		return fmt.Errorf("%w: digest has %d bytes", ErrMalformed, len(h.tag))
	}
	if s.size == 0 && (h.size < minTag || h.size > maxTag) || s.size != 0 && h.size != s.size {
		return fmt.Errorf("%w: length of the digest", ErrMalformed)
	}
	if !s.keyed && len(h.key) > 0 {
		return fmt.Errorf("%w: the scheme has no key", ErrMalformed)
	}
	return s.check(h)
}

// Recipe returns a stored text with the parameters of h and an empty digest. It is
// all that computing a digest needs.
func (h Hash) Recipe() string {
	h.outer, h.tag = nil, make([]byte, h.size)
	return h.String()
}

// DigestSize returns the length of [Hash.Digest] in bytes.
func (h Hash) DigestSize() int { return int(h.size) }

// Tag returns the digest of a hash that is not wrapped, and nil of one that is.
func (h Hash) Tag() []byte {
	if h.outer != nil {
		return nil
	}
	return h.tag
}

// Matches reports whether digest is that of a hash that is not wrapped. It compares
// in constant time.
func (h Hash) Matches(digest []byte) bool {
	return h.outer == nil && len(h.tag) > 0 && subtle.ConstantTimeCompare(digest, h.tag) == 1
}

// Digest computes the digest of the scheme, without the wrap.
func (h Hash) Digest(password []byte) ([]byte, error) {
	s, ok := schemes()[h.scheme]
	if !ok {
		return nil, fmt.Errorf("compute digest: %w", ErrUnknown)
	}
	if len(password) > MaxPassword {
		return nil, fmt.Errorf("compute digest: password is longer than %d bytes", MaxPassword)
	}
	return s.compute(h, password)
}

// Work returns what verifying costs, with the wrap, as memory in KiB × passes of an
// Argon2id hash that takes as long. The figures are measured ratios.
func (h Hash) Work() uint32 {
	work := h.work()
	if h.outer != nil {
		work += h.outer.cost[0] * h.outer.cost[1]
	}
	return work
}

func (h Hash) work() uint32 {
	s, ok := schemes()[h.scheme]
	if !ok {
		return 0
	}
	return uint32(min(s.work(h), maxWork))
}

// Weak reports whether guessing one password costs less than it does with
// least, the work of a new hash: memory in KiB × passes.
func (h Hash) Weak(least uint32) bool { return h.Work() < least }

// Schemes returns the names of all schemes, sorted.
func Schemes() []string {
	var names []string
	for name := range schemes() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func encode(b []byte) string { return base64.RawStdEncoding.EncodeToString(b) }

func decode(s string) ([]byte, error) {
	b, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil {
		return nil, fmt.Errorf("%w: not base64", ErrMalformed)
	}
	return b, nil
}

func shortened(s string) string { return s[:min(len(s), 32)] }
