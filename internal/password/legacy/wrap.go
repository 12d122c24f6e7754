package legacy

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// outer is the Argon2id hash around a digest.
type outer struct {
	cost cost
	salt []byte
}

// WrappedIn returns a hash whose stored text has an Argon2id hash in place of the
// digest. phc is the PHC string of that hash, whose password is [Hash.Tag].
func (h Hash) WrappedIn(phc string) (Hash, error) {
	if h.outer != nil {
		return Hash{}, fmt.Errorf("%w: it is wrapped already", ErrMalformed)
	}
	f := strings.Split(phc, "$")
	if len(f) != 6 || f[0] != "" {
		return Hash{}, fmt.Errorf("%w: the wrap is not a PHC string", ErrMalformed)
	}
	o, tag, err := parseOuter(f[1:])
	if err != nil {
		return Hash{}, err
	}
	h.outer, h.tag = o, tag
	return h, h.check()
}

// Outer returns the Argon2id hash of a wrapped hash as a PHC string. Its
// password is the [Hash.Digest] of the real password. It is empty for a hash
// that is not wrapped.
func (h Hash) Outer() string {
	if h.outer == nil {
		return ""
	}
	return h.outer.phc(h.tag)
}

func (o *outer) phc(tag []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, o.cost[0], o.cost[1], o.cost[2], encode(o.salt), encode(tag))
}

// parseOuter reads the five fields of a PHC string. [Stored] checks that the
// spelling is canonical.
func parseOuter(f []string) (*outer, []byte, error) {
	if f[0] != "argon2id" || f[1] != "v="+strconv.Itoa(argon2.Version) {
		return nil, nil, fmt.Errorf("%w: the wrap is not Argon2id", ErrMalformed)
	}
	o := &outer{}
	values, err := parameters(f[2], ",", "m", "t", "p")
	if err != nil {
		return nil, nil, err
	}
	o.cost = values
	if err := checkArgon2(o.cost, maxOuterMemory); err != nil {
		return nil, nil, err
	}
	if o.salt, err = decode(f[3]); err != nil {
		return nil, nil, err
	}
	tag, err := decode(f[4])
	if err == nil && (len(o.salt) < 8 || len(o.salt) > 64 || len(tag) < minTag || len(tag) > 64) {
		err = fmt.Errorf("%w: length of the wrap", ErrMalformed)
	}
	return o, tag, err
}

// parameters reads name=number pairs in any order. All names are required,
// others are refused.
func parameters(text, separator string, names ...string) (cost, error) {
	var out cost
	pairs := strings.Split(text, separator)
	if len(pairs) != len(names) {
		return out, fmt.Errorf("%w: want the parameters %v", ErrMalformed, names)
	}
	for i, name := range names {
		found := false
		for _, pair := range pairs {
			digits, ok := strings.CutPrefix(pair, name+"=")
			if !ok {
				continue
			}
			n, err := number(digits)
			if err != nil {
				return out, fmt.Errorf("parameter %s: %w", name, err)
			}
			out[i], found = n, true
		}
		if !found {
			return out, fmt.Errorf("%w: parameter %s is missing", ErrMalformed, name)
		}
	}
	return out, nil
}

// number reads a decimal number. A number that does not fit is a cost beyond
// every limit.
func number(digits string) (uint32, error) {
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, fmt.Errorf("%w: not a number", ErrMalformed)
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%w: number of %d digits", ErrTooCostly, len(digits))
	}
	return uint32(n), nil
}
