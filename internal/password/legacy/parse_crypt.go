package legacy

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/go-crypt/x/yescrypt"
)

const (
	cryptAlphabet  = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	bcryptAlphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

// readBcrypt reads COST$ and 53 characters. $2x$ marks the hashes of a broken
// implementation and is not read.
func readBcrypt(scheme string) func(string) (Hash, error) {
	return func(rest string) (Hash, error) {
		digits, encoded, _ := strings.Cut(rest, "$")
		if len(digits) != 2 || len(encoded) != 53 {
			return Hash{}, fmt.Errorf("%w: bcrypt has two digits of cost and 53 characters", ErrMalformed)
		}
		n, err := number(digits)
		if err != nil {
			return Hash{}, err
		}
		// Not strict: old implementations leave loose bits in the last character.
		salt, err := base64.NewEncoding(bcryptAlphabet).WithPadding(base64.NoPadding).DecodeString(encoded[:22])
		if err != nil || !onlyOf(bcryptAlphabet, encoded) {
			return Hash{}, fmt.Errorf("%w: not the base64 of bcrypt", ErrMalformed)
		}
		return Hash{scheme: scheme, cost: cost{n}, salt: salt, tag: []byte(encoded[22:])}, nil
	}
}

// readDjangoBcrypt reads what follows "bcrypt$" in Django's BCryptPasswordHasher.
func readDjangoBcrypt(rest string) (Hash, error) {
	for _, version := range []string{"a$", "b$", "y$"} {
		if end, ok := strings.CutPrefix(rest, version); ok {
			return readBcrypt("bcrypt")(end)
		}
	}
	return Hash{}, fmt.Errorf("%w: version of bcrypt", ErrMalformed)
}

func readMD5Crypt(scheme string) func(string) (Hash, error) {
	return func(rest string) (Hash, error) {
		salt, tag, ok := strings.Cut(rest, "$")
		if !ok || !onlyOf(cryptAlphabet, tag) {
			return Hash{}, fmt.Errorf("%w: want a salt and a digest", ErrMalformed)
		}
		return Hash{scheme: scheme, salt: []byte(salt), tag: []byte(tag)}, nil
	}
}

// readSHACrypt reads [rounds=N$]SALT$DIGEST. Without rounds it is 5000.
func readSHACrypt(scheme string) func(string) (Hash, error) {
	return func(rest string) (Hash, error) {
		rounds := uint32(5000)
		if digits, after, ok := strings.Cut(rest, "$"); ok && strings.HasPrefix(digits, "rounds=") {
			n, err := number(strings.TrimPrefix(digits, "rounds="))
			if err != nil {
				return Hash{}, err
			}
			rounds, rest = n, after
		}
		h, err := readMD5Crypt(scheme)(rest)
		h.cost[0] = rounds
		return h, err
	}
}

// readYescrypt reads jNR$SALT$DIGEST, the form that crypt(3) writes: N and r
// are one character each.
func readYescrypt(rest string) (Hash, error) {
	f := strings.Split(rest, "$")
	if len(f) != 3 || len(f[0]) != 3 || f[0][0] != 'j' || !onlyOf(cryptAlphabet, f[0]) {
		return Hash{}, fmt.Errorf("%w: only yescrypt with the default flags is supported", ErrMalformed)
	}
	log, r := strings.IndexByte(cryptAlphabet, f[0][1])+1, strings.IndexByte(cryptAlphabet, f[0][2])+1
	if log > maxYescrypt {
		return Hash{}, fmt.Errorf("%w: N of yescrypt (log2) is above %d", ErrTooCostly, maxYescrypt)
	}
	salt, tag := yescrypt.Decode64([]byte(f[1])), yescrypt.Decode64([]byte(f[2]))
	if salt == nil || tag == nil {
		return Hash{}, fmt.Errorf("%w: not the base64 of yescrypt", ErrMalformed)
	}
	return Hash{scheme: "yescrypt", cost: cost{1 << log, uint32(r), 1}, salt: salt, tag: tag}, nil
}

// readPhpass reads one character of cost (log2), 8 of salt, 22 of digest.
func readPhpass(rest string) (Hash, error) {
	if len(rest) != 31 || !onlyOf(cryptAlphabet, rest[:1]) || !onlyOf(cryptAlphabet, rest[9:]) {
		return Hash{}, fmt.Errorf("%w: phpass has 31 characters after its prefix", ErrMalformed)
	}
	log := uint32(strings.IndexByte(cryptAlphabet, rest[0]))
	return Hash{scheme: "phpass", cost: cost{log}, salt: []byte(rest[1:9]), tag: []byte(rest[9:])}, nil
}

func onlyOf(alphabet, text string) bool { return strings.Trim(text, alphabet) == "" }
