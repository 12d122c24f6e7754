package legacy

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"math/bits"
)

// Limits of what is computed. Parameters come from imported files and from the
// database: without limits one line could ask for terabytes or years. Each
// limit allows a few seconds of work on one core.
const (
	maxMemory      = 256 << 10 // KiB, for Argon2, scrypt and yescrypt
	maxOuterMemory = 1 << 20   // KiB, the limit of the service's own hashes
	maxPasses      = 64
	maxLanes       = 32
	maxWork        = 4 << 20 // KiB × passes

	minBcrypt, maxBcrypt     = 4, 16
	maxBlock                 = 32      // r of scrypt
	maxScrypt                = 1 << 23 // N × r × p
	maxPBKDF2                = 5_000_000
	minRounds, maxRounds     = 1000, 1_000_000 // sha256-crypt, sha512-crypt
	minPhpass, maxPhpass     = 7, 22
	minYescrypt, maxYescrypt = 10, 18
)

// scheme says how the hashes of one kind are checked and computed.
type scheme struct {
	size    uint32 // of the digest in bytes; 0: from minTag to maxTag
	keyed   bool   // has a key
	check   func(Hash) error
	compute func(Hash, []byte) ([]byte, error)
	work    func(Hash) uint64 // see [Hash.Work]
}

// digests are the hash functions of the simple schemes.
func digests() map[string]func() hash.Hash {
	return map[string]func() hash.Hash{"md5": md5.New, "sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New}
}

// The suffixes of the simple schemes: how the salt is used.
const (
	saltFirst = "-salt-password"
	saltLast  = "-password-salt"
	saltHMAC  = "-hmac" // HMAC of the password with the salt as key
)

func schemes() map[string]scheme {
	all := map[string]scheme{
		"bcrypt":           {31, false, checkBcrypt, bcryptDigest, workBcrypt},
		"wordpress-bcrypt": {31, false, checkBcrypt, wordPressDigest, workBcrypt},
		"argon2i":          {0, false, checkArgon2Hash, argon2Digest, workArgon2},
		"argon2d":          {0, false, checkArgon2Hash, argon2Digest, workArgon2},
		"argon2id":         {0, false, checkArgon2Hash, argon2Digest, workArgon2},
		"scrypt":           {0, false, checkScrypt, scryptDigest, workScrypt},
		"firebase-scrypt":  {0, true, checkFirebase, firebaseDigest, workScrypt},
		"yescrypt":         {32, false, checkYescrypt, yescryptDigest, workScrypt},
		"md5-crypt":        {22, false, checkCryptSalt(8), md5Crypt("$1$"), constant(100)},
		"apr1":             {22, false, checkCryptSalt(8), md5Crypt("$apr1$"), constant(100)},
		"sha256-crypt":     {43, false, checkSHACrypt, shaCrypt(sha256.New), perRound(0.5)},
		"sha512-crypt":     {86, false, checkSHACrypt, shaCrypt(sha512.New), perRound(0.9)},
		"phpass":           {22, false, checkPhpass, phpassDigest, func(h Hash) uint64 { return 1 << h.cost[0] / 8 }},
	}
	for name, f := range digests() {
		size := uint32(f().Size())
		all[name] = scheme{size, false, checkUnsalted, simple(f, ""), constant(0)}
		for _, order := range []string{saltFirst, saltLast, saltHMAC} {
			all[name+order] = scheme{size, false, checkSalted, simple(f, order), constant(0)}
		}
		if name != "md5" {
			all["pbkdf2-"+name] = scheme{0, false, checkPBKDF2(size), pbkdf2Digest(f), workPBKDF2(name, size)}
		}
	}
	return all
}

func constant(n uint64) func(Hash) uint64 { return func(Hash) uint64 { return n } }

func perRound(n float64) func(Hash) uint64 {
	return func(h Hash) uint64 { return uint64(n * float64(h.cost[0])) }
}

func checkUnsalted(h Hash) error {
	if len(h.salt) > 0 {
		return fmt.Errorf("%w: %s has no salt; declare %s%s or %s%s", ErrMalformed, h.scheme, h.scheme, saltFirst, h.scheme, saltLast)
	}
	return checkNoCost(h)
}

func checkSalted(h Hash) error {
	if len(h.salt) == 0 {
		return fmt.Errorf("%w: %s needs a salt", ErrMalformed, h.scheme)
	}
	return checkNoCost(h)
}

func checkNoCost(h Hash) error {
	if h.cost != (cost{}) {
		return fmt.Errorf("%w: %s has no parameters", ErrMalformed, h.scheme)
	}
	return nil
}

func checkCryptSalt(longest int) func(Hash) error {
	return func(h Hash) error {
		if len(h.salt) > longest {
			return fmt.Errorf("%w: salt has more than %d characters", ErrMalformed, longest)
		}
		return checkNoCost(h)
	}
}

func within(what string, n, least, most uint32) error {
	if n > most {
		return fmt.Errorf("%w: %s is above %d", ErrTooCostly, what, most)
	}
	if n < least {
		return fmt.Errorf("%w: %s is below %d", ErrMalformed, what, least)
	}
	return nil
}

func checkBcrypt(h Hash) error {
	if len(h.salt) != 16 || h.cost[1] != 0 || h.cost[2] != 0 {
		return fmt.Errorf("%w: bcrypt needs one cost and a salt of 16 bytes", ErrMalformed)
	}
	return within("bcrypt cost", h.cost[0], minBcrypt, maxBcrypt)
}

func checkArgon2Hash(h Hash) error {
	if len(h.salt) < 8 {
		return fmt.Errorf("%w: salt of Argon2 is shorter than 8 bytes", ErrMalformed)
	}
	return checkArgon2(h.cost, maxMemory)
}

func checkArgon2(c cost, memory uint32) error {
	if err := within("Argon2 parallelism", c[2], 1, maxLanes); err != nil {
		return err
	}
	if err := within("number of Argon2 passes", c[1], 1, maxPasses); err != nil {
		return err
	}
	if err := within("Argon2 memory in KiB", c[0], 8*c[2], memory); err != nil {
		return err
	}
	if uint64(c[0])*uint64(c[1]) > maxWork {
		return fmt.Errorf("%w: memory × passes of Argon2 is above %d KiB", ErrTooCostly, maxWork)
	}
	return nil
}

func checkScrypt(h Hash) error {
	n, r, p := h.cost[0], h.cost[1], h.cost[2]
	if err := within("r of scrypt", r, 1, maxBlock); err != nil {
		return err
	}
	if err := within("p of scrypt", p, 1, maxLanes); err != nil {
		return err
	}
	if n < 2 || bits.OnesCount32(n) != 1 {
		return fmt.Errorf("%w: N of scrypt is not a power of two", ErrMalformed)
	}
	if uint64(n)*uint64(r) > maxMemory*1024/128 || uint64(n)*uint64(r)*uint64(p) > maxScrypt {
		return fmt.Errorf("%w: memory of scrypt is above %d KiB, or p is too great", ErrTooCostly, maxMemory)
	}
	return nil
}

func checkFirebase(h Hash) error {
	if len(h.key) != int(h.size) || h.cost[2] != 1 {
		return fmt.Errorf("%w: the digest of Firebase has the length of the signer key, and p is 1", ErrMalformed)
	}
	return checkScrypt(h)
}

func checkYescrypt(h Hash) error {
	n := bits.Len32(h.cost[0]) - 1
	if err := within("N of yescrypt (log2)", uint32(max(n, 0)), minYescrypt, maxYescrypt); err != nil {
		return err
	}
	if h.cost[2] != 1 {
		return fmt.Errorf("%w: p of yescrypt is not 1", ErrMalformed)
	}
	return checkScrypt(h)
}

func checkSHACrypt(h Hash) error {
	if len(h.salt) > 16 || h.cost[1] != 0 || h.cost[2] != 0 {
		return fmt.Errorf("%w: salt has more than 16 characters", ErrMalformed)
	}
	return within("number of rounds", h.cost[0], minRounds, maxRounds)
}

func checkPhpass(h Hash) error {
	if len(h.salt) != 8 || h.cost[1] != 0 || h.cost[2] != 0 {
		return fmt.Errorf("%w: phpass needs a salt of 8 characters", ErrMalformed)
	}
	return within("phpass cost (log2)", h.cost[0], minPhpass, maxPhpass)
}

// checkPBKDF2 counts the blocks of the digest: each costs all iterations.
func checkPBKDF2(size uint32) func(Hash) error {
	return func(h Hash) error {
		if h.cost[0] < 1 || h.cost[1] != 0 || h.cost[2] != 0 {
			return fmt.Errorf("%w: PBKDF2 needs a number of iterations", ErrMalformed)
		}
		if uint64(h.cost[0])*blocks(h.size, size) > maxPBKDF2 {
			return fmt.Errorf("%w: iterations of PBKDF2 × blocks of its digest are above %d", ErrTooCostly, maxPBKDF2)
		}
		return nil
	}
}

func blocks(length, size uint32) uint64 { return uint64((length + size - 1) / size) }

// The ratios below were measured with BenchmarkWork.

func workBcrypt(h Hash) uint64 { return 75 << h.cost[0] }

func workArgon2(h Hash) uint64 { return uint64(h.cost[0]) * uint64(h.cost[1]) }

func workScrypt(h Hash) uint64 {
	return uint64(h.cost[0]) * uint64(h.cost[1]) * uint64(h.cost[2]) * 128 / 1024 * 4
}

func workPBKDF2(name string, size uint32) func(Hash) uint64 {
	perIteration := map[string]float64{"sha1": 0.25, "sha256": 0.25, "sha512": 0.7}[name]
	return func(h Hash) uint64 {
		return uint64(perIteration * float64(h.cost[0]) * float64(blocks(h.size, size)))
	}
}
