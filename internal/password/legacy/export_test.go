package legacy

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"strings"

	"golang.org/x/crypto/argon2"
)

// ErrMismatch reports a password that does not match the hash.
var ErrMismatch = errors.New("password does not match the hash")

// Verify returns nil if the password is that of the hash, and [ErrMismatch] if
// it is not. It does all the work of the scheme and of the wrap.
func (h Hash) Verify(password []byte) error {
	digest, err := h.Digest(password)
	if err != nil {
		return err
	}
	if h.outer != nil {
		digest = h.outer.key(digest, len(h.tag))
	}
	if len(h.tag) == 0 || subtle.ConstantTimeCompare(digest, h.tag) != 1 {
		return ErrMismatch
	}
	return nil
}

// Wrap returns h inside of an Argon2id hash.
func (h Hash) Wrap(memoryKiB, passes uint32, lanes uint8) (Hash, error) {
	o := outer{cost: cost{memoryKiB, passes, uint32(lanes)}, salt: make([]byte, 16)}
	_, _ = rand.Read(o.salt)
	return h.WrappedIn(o.phc(o.key(h.tag, 32)))
}

func (o *outer) key(digest []byte, size int) []byte {
	return argon2.IDKey(digest, o.salt, o.cost[1], o.cost[0], uint8(o.cost[2]), uint32(size))
}

// Memory returns the bytes that computing a memory-hard scheme needs.
func Memory(h Hash) (uint64, bool) {
	switch {
	case strings.HasPrefix(h.scheme, "argon2"):
		return uint64(h.cost[0]) << 10, true
	case strings.HasSuffix(h.scheme, "scrypt"):
		return uint64(h.cost[0]) * uint64(h.cost[1]) * 128, true
	}
	return 0, false
}
