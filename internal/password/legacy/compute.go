package legacy

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"hash"

	foreign "github.com/go-crypt/x/argon2"
	"github.com/go-crypt/x/bcrypt"
	"github.com/go-crypt/x/crypt"
	"github.com/go-crypt/x/yescrypt"
	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/scrypt"
)

// bcryptDigest returns the 31 characters of bcrypt's own base64. Like every
// implementation it reads the first 72 bytes of the password only.
func bcryptDigest(h Hash, password []byte) ([]byte, error) {
	return bcrypt.Key(password, h.salt, int(h.cost[0]))
}

// wordPressDigest hashes first, so that bcrypt's 72 bytes hold the whole
// password (WordPress 6.8, wp_hash_password).
func wordPressDigest(h Hash, password []byte) ([]byte, error) {
	mac := hmac.New(sha512.New384, []byte("wp-sha384"))
	mac.Write(password)
	return bcryptDigest(h, []byte(base64.StdEncoding.EncodeToString(mac.Sum(nil))))
}

func argon2Digest(h Hash, password []byte) ([]byte, error) {
	memory, passes, lanes := h.cost[0], h.cost[1], h.cost[2]
	switch h.scheme {
	case "argon2id":
		return argon2.IDKey(password, h.salt, passes, memory, uint8(lanes), h.size), nil
	case "argon2i":
		return argon2.Key(password, h.salt, passes, memory, uint8(lanes), h.size), nil
	}
	return foreign.DKey(password, h.salt, passes, memory, lanes, h.size), nil
}

func scryptDigest(h Hash, password []byte) ([]byte, error) {
	return scrypt.Key(password, h.salt, int(h.cost[0]), int(h.cost[1]), int(h.cost[2]), int(h.size))
}

// firebaseDigest encrypts the project's signer key with a key that scrypt
// derives (github.com/firebase/scrypt).
func firebaseDigest(h Hash, password []byte) ([]byte, error) {
	derived, err := scrypt.Key(password, h.salt, int(h.cost[0]), int(h.cost[1]), int(h.cost[2]), 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, err
	}
	out := make([]byte, len(h.key))
	cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(out, h.key)
	return out, nil
}

func yescryptDigest(h Hash, password []byte) ([]byte, error) {
	return yescrypt.Key(password, h.salt, int(h.cost[0]), int(h.cost[1]), int(h.cost[2]), int(h.size))
}

func pbkdf2Digest(f func() hash.Hash) func(Hash, []byte) ([]byte, error) {
	return func(h Hash, password []byte) ([]byte, error) {
		return pbkdf2.Key(f, string(password), h.salt, int(h.cost[0]), int(h.size))
	}
}

func shaCrypt(f func() hash.Hash) func(Hash, []byte) ([]byte, error) {
	return func(h Hash, password []byte) ([]byte, error) {
		return crypt.KeySHACrypt(f, password, h.salt, int(h.cost[0])), nil
	}
}

// simple hashes the password and the salt once.
func simple(f func() hash.Hash, order string) func(Hash, []byte) ([]byte, error) {
	return func(h Hash, password []byte) ([]byte, error) {
		sum := f()
		switch order {
		case saltHMAC:
			sum = hmac.New(f, h.salt)
			sum.Write(password)
		case saltLast:
			sum.Write(password)
			sum.Write(h.salt)
		default:
			sum.Write(h.salt)
			sum.Write(password)
		}
		return sum.Sum(nil), nil
	}
}

// phpassDigest is the "portable" hash of phpass: WordPress before 6.8, phpBB,
// Drupal 6.
func phpassDigest(h Hash, password []byte) ([]byte, error) {
	sum := md5.Sum(append(append([]byte{}, h.salt...), password...))
	input := append(make([]byte, md5.Size), password...)
	for range 1 << h.cost[0] {
		copy(input, sum[:])
		sum = md5.Sum(input)
	}
	return yescrypt.Encode64(sum[:]), nil
}

// md5Crypt is the MD5 scheme of crypt(3); Apache's apr1 differs in magic only.
func md5Crypt(magic string) func(Hash, []byte) ([]byte, error) {
	return func(h Hash, password []byte) ([]byte, error) {
		sum := md5Start(magic, h.salt, password)
		for i := range 1000 {
			var input []byte
			if i%2 == 1 {
				input = append(input, password...)
			} else {
				input = append(input, sum[:]...)
			}
			if i%3 != 0 {
				input = append(input, h.salt...)
			}
			if i%7 != 0 {
				input = append(input, password...)
			}
			if i%2 == 1 {
				input = append(input, sum[:]...)
			} else {
				input = append(input, password...)
			}
			sum = md5.Sum(input)
		}
		return md5Order(sum), nil
	}
}

func md5Start(magic string, salt, password []byte) [md5.Size]byte {
	inner := md5.Sum(fmt.Appendf(nil, "%s%s%s", password, salt, password))
	input := fmt.Appendf(nil, "%s%s%s", password, magic, salt)
	for left := len(password); left > 0; left -= md5.Size {
		input = append(input, inner[:min(left, md5.Size)]...)
	}
	for n := len(password); n > 0; n >>= 1 {
		if n&1 == 1 {
			input = append(input, 0)
		} else {
			input = append(input, password[0])
		}
	}
	return md5.Sum(input)
}

// md5Order writes the digest in the order and the alphabet of crypt(3).
func md5Order(sum [md5.Size]byte) []byte {
	var out []byte
	for i := range 5 {
		last := i + 12
		if i == 4 {
			last = 5
		}
		out = append(out, yescrypt.Encode64([]byte{sum[last], sum[i+6], sum[i]})...)
	}
	return append(out, yescrypt.Encode64(sum[11:12])...)
}
