package password

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// ErrMalformed is a stored hash that is not a PHC string of Argon2id, or one
// whose parameters are beyond the bounds below.
var ErrMalformed = errors.New("stored password hash is malformed")

const (
	saltSize = 16
	tagSize  = 32
)

// Bounds of what is computed at all. Parameters come out of the database and
// out of imports: without a bound one row could ask for 4 TiB or for a year.
const (
	maxPHC        = 256
	maxMemoryKiB  = 1 << 20
	maxIterations = 64
	maxLanes      = 32
	maxWorkKiB    = 4 << 20 // memory × iterations
	minSalt       = 8
	maxSalt       = 64
	minTag        = 16
	maxTag        = 64
)

// params are m, t and p of RFC 9106.
type params struct {
	memoryKiB   uint32
	iterations  uint32
	parallelism uint8
}

func (p params) check() error {
	switch {
	case p.parallelism < 1 || p.parallelism > maxLanes:
		return fmt.Errorf("parallelism %d is not within 1 and %d", p.parallelism, maxLanes)
	case p.iterations < 1 || p.iterations > maxIterations:
		return fmt.Errorf("%d iterations are not within 1 and %d", p.iterations, maxIterations)
	case p.memoryKiB < 8*uint32(p.parallelism) || p.memoryKiB > maxMemoryKiB:
		return fmt.Errorf("memory of %d KiB is not within 8 for each lane and %d", p.memoryKiB, maxMemoryKiB)
	case uint64(p.memoryKiB)*uint64(p.iterations) > maxWorkKiB:
		return fmt.Errorf("memory × iterations is above %d KiB", maxWorkKiB)
	}
	return nil
}

// work is what a hash costs, near enough: memory × iterations.
func (p params) work() uint32 { return p.memoryKiB * p.iterations } // bounded by maxWorkKiB

// rest returns a computation that costs the difference between spent and whole.
// It needs no more memory than p. ok is false when too little is left for one.
func (p params) rest(spent, whole uint32) (extra params, ok bool) {
	least := 8 * uint32(p.parallelism)
	if whole < least || spent > whole-least {
		return params{}, false
	}
	left := whole - spent
	extra = p
	extra.memoryKiB = min(p.memoryKiB, left)
	extra.iterations = min((left+extra.memoryKiB/2)/extra.memoryKiB, maxIterations)
	return extra, true
}

// digest is one PHC string, taken apart.
type digest struct {
	params
	salt []byte
	tag  []byte
}

func (d digest) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		d.memoryKiB, d.iterations, d.parallelism, b64.EncodeToString(d.salt), b64.EncodeToString(d.tag))
}

// outdated tells whether d was made in another way than a new hash would be.
func (d digest) outdated(current params) bool {
	return d.params != current || len(d.salt) < saltSize || len(d.tag) != tagSize
}

// parsePHC accepts exactly what [digest.String] writes; the comparison at the
// end refuses every other spelling (signs, leading zeros, line breaks, loose
// base64) without a rule for each.
func parsePHC(s string) (digest, error) {
	if len(s) > maxPHC {
		return digest{}, fmt.Errorf("%w: longer than %d bytes", ErrMalformed, maxPHC)
	}
	f := strings.Split(s, "$")
	if len(f) != 6 || f[1] != "argon2id" || f[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return digest{}, fmt.Errorf("%w: not $argon2id$v=%d$…", ErrMalformed, argon2.Version)
	}
	var d digest
	var err error
	if d.params, err = parseParams(f[3]); err != nil {
		return digest{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if d.salt, err = decode(f[4], minSalt, maxSalt); err != nil {
		return digest{}, fmt.Errorf("%w: salt: %w", ErrMalformed, err)
	}
	if d.tag, err = decode(f[5], minTag, maxTag); err != nil {
		return digest{}, fmt.Errorf("%w: tag: %w", ErrMalformed, err)
	}
	if d.String() != s {
		return digest{}, fmt.Errorf("%w: not in canonical form", ErrMalformed)
	}
	return d, nil
}

func parseParams(s string) (params, error) {
	f := strings.Split(s, ",")
	if len(f) != 3 {
		return params{}, errors.New("not m=…,t=…,p=…")
	}
	m, errM := number(f[0], "m=", 32)
	t, errT := number(f[1], "t=", 32)
	p, errP := number(f[2], "p=", 8)
	if err := errors.Join(errM, errT, errP); err != nil {
		return params{}, err
	}
	out := params{memoryKiB: uint32(m), iterations: uint32(t), parallelism: uint8(p)}
	return out, out.check()
}

func number(s, prefix string, bits int) (uint64, error) {
	digits, ok := strings.CutPrefix(s, prefix)
	if !ok {
		return 0, fmt.Errorf("parameter %s missing", prefix)
	}
	n, err := strconv.ParseUint(digits, 10, bits)
	if err != nil {
		return 0, fmt.Errorf("parameter %s is not a number in range", prefix)
	}
	return n, nil
}

func decode(s string, least, most int) ([]byte, error) {
	b, err := base64.RawStdEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, errors.New("not base64 without padding")
	}
	if len(b) < least || len(b) > most {
		return nil, fmt.Errorf("%d bytes are not within %d and %d", len(b), least, most)
	}
	return b, nil
}
