package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
)

// Sign signs a JWS signing input and returns the signature in the form of RFC 7518, section
// 3. Errors wrap ErrKey.
func (k Key) Sign(input string) ([]byte, error) {
	return k.AppendSign(nil, []byte(input))
}

// AppendSign is [Key.Sign], appended to into.
func (k Key) AppendSign(into, input []byte) ([]byte, error) {
	if !k.signs {
		return nil, fmt.Errorf("%w: the key does not sign", ErrKey)
	}
	s := k.alg.scheme()
	switch private := k.private.(type) {
	case *ecdsa.PrivateKey:
		der, err := ecdsa.SignASN1(rand.Reader, private, digest(s.hash, input))
		if err != nil {
			return nil, fmt.Errorf("sign: %w", err)
		}
		return appendFixed(into, der, s.size)
	case ed25519.PrivateKey:
		return append(into, ed25519.Sign(private, input)...), nil
	case *rsa.PrivateKey:
		signature, err := signRSA(private, s, digest(s.hash, input))
		return append(into, signature...), err
	case []byte:
		mac := hmac.New(s.hash.New, private)
		mac.Write(input)
		return mac.Sum(into), nil
	}
	return nil, fmt.Errorf("%w: its type is unknown", ErrKey)
}

func signRSA(private *rsa.PrivateKey, s scheme, sum []byte) ([]byte, error) {
	if s.pss {
		return rsa.SignPSS(rand.Reader, private, s.hash, sum, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	}
	return rsa.SignPKCS1v15(rand.Reader, private, s.hash, sum)
}

func digest(h crypto.Hash, input []byte) []byte {
	if h == crypto.SHA256 {
		sum := sha256.Sum256(input)
		return sum[:]
	}
	hash := h.New()
	hash.Write(input)
	return hash.Sum(nil)
}

// Verify checks a signature over a JWS signing input with the key's own
// algorithm. Errors wrap ErrKey or ErrSignature.
func (k Key) Verify(input string, signature []byte) error {
	if !k.checks {
		return fmt.Errorf("%w: the key does not verify", ErrKey)
	}
	if !k.verify([]byte(input), signature) {
		return ErrSignature
	}
	return nil
}

func (k Key) verify(input, signature []byte) bool {
	s := k.alg.scheme()
	switch public := k.public.(type) {
	case *ecdsa.PublicKey:
		var buffer [maxDER]byte
		der, ok := appendDER(buffer[:0], signature, s.size)
		return ok && ecdsa.VerifyASN1(public, digest(s.hash, input), der)
	case ed25519.PublicKey:
		return ed25519.Verify(public, input, signature)
	case *rsa.PublicKey:
		return verifyRSA(public, s, digest(s.hash, input), signature)
	}
	secret, ok := k.private.([]byte)
	if !ok {
		return false
	}
	mac := hmac.New(s.hash.New, secret)
	mac.Write(input)
	return hmac.Equal(signature, mac.Sum(nil))
}

func verifyRSA(public *rsa.PublicKey, s scheme, sum, signature []byte) bool {
	if s.pss {
		options := rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
		return rsa.VerifyPSS(public, s.hash, sum, signature, &options) == nil
	}
	return rsa.VerifyPKCS1v15(public, s.hash, sum, signature) == nil
}

// maxDER is the length of the longest ECDSA signature in DER: a sequence
// (3 bytes) of two integers (2 bytes and a sign byte each) of 66 bytes.
const maxDER = 3 + 2*(2+1+66)

// appendDER converts the two numbers of a JOSE signature to the DER form of crypto/ecdsa,
// without the four allocations of math/big.
func appendDER(into, signature []byte, size int) (der []byte, ok bool) {
	if len(signature) != 2*size {
		return nil, false
	}
	r, s := trim(signature[:size]), trim(signature[size:])
	length := derLength(r) + derLength(s)
	into = append(into, 0x30)
	if length >= 0x80 {
		into = append(into, 0x81)
	}
	into = append(into, byte(length))
	return appendInteger(appendInteger(into, r), s), true
}

// trim removes leading zeros, except the last one.
func trim(number []byte) []byte {
	for len(number) > 1 && number[0] == 0 {
		number = number[1:]
	}
	return number
}

func derLength(number []byte) int { return 2 + len(number) + int(number[0]>>7) }

func appendInteger(into, number []byte) []byte {
	into = append(into, 0x02, byte(derLength(number)-2))
	if number[0] >= 0x80 {
		into = append(into, 0)
	}
	return append(into, number...)
}

// appendFixed converts the DER form of crypto/ecdsa to two numbers of fixed size.
func appendFixed(into, der []byte, size int) ([]byte, error) {
	rest := der
	if len(rest) > 2 && rest[1] == 0x81 {
		rest = rest[1:]
	}
	if len(rest) < 2 {
		return nil, fmt.Errorf("%w: the signature is too short", ErrKey)
	}
	rest = rest[2:]
	for range 2 {
		if len(rest) < 3 || len(rest) < 2+int(rest[1]) || rest[1] == 0 {
			return nil, fmt.Errorf("%w: the signature is too short", ErrKey)
		}
		number := trim(rest[2 : 2+rest[1]])
		rest = rest[2+rest[1]:]
		if len(number) > size {
			return nil, fmt.Errorf("%w: signature too long", ErrKey)
		}
		into = append(into, zeros[:size-len(number)]...)
		into = append(into, number...)
	}
	return into, nil
}

// zeros returns the zeros to the left of a number.
const zeros = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
