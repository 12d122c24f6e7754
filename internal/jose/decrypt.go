package jose

import (
	"crypto/ecdsa"
	"fmt"
	"strings"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/portaria/portaria/internal/strictjson"
)

// EncryptedHeader is the checked header of a JWE.
type EncryptedHeader struct {
	Header
	// Encryption is one of the allowed content encryptions.
	Encryption Encryption
	// Compressed reports "zip": "DEF".
	Compressed bool

	epk     strictjson.Object
	iv, tag []byte // of AES-GCM key wrapping
}

// parseEncryptedHeader reads the header of a JWE: a strict JSON object with an
// allowed "alg" and "enc". It refuses any "crit" and keys in the header.
func parseEncryptedHeader(object strictjson.Object) (EncryptedHeader, error) {
	var h EncryptedHeader
	for _, m := range object {
		if err := h.set(m); err != nil {
			return EncryptedHeader{}, fmt.Errorf("read header member %s: %w", m.Name, err)
		}
	}
	switch {
	case !h.Algorithm.Encrypts() || h.Algorithm.scheme().direct:
		return EncryptedHeader{}, fmt.Errorf("%w: it does not encrypt", ErrAlgorithm)
	case h.Encryption.keySize() == 0:
		return EncryptedHeader{}, fmt.Errorf("%w: the content encryption is not allowed", ErrAlgorithm)
	case h.CarriesKey:
		return EncryptedHeader{}, fmt.Errorf("%w: it contains a key", ErrHeader)
	case h.epk != nil && !h.Algorithm.agrees(), (h.iv != nil || h.tag != nil) && !h.Algorithm.wrapsWithGCM():
		return EncryptedHeader{}, fmt.Errorf("%w: it has a member of another algorithm", ErrHeader)
	}
	return h, nil
}

func (h *EncryptedHeader) set(m strictjson.Member) (err error) {
	var text string
	switch m.Name {
	case "enc":
		text, err = m.Value.Text()
		h.Encryption = Encryption(text)
	case "zip":
		if text, err = m.Value.Text(); err == nil && text != "DEF" {
			err = fmt.Errorf("%w: only DEF is allowed", ErrHeader)
		}
		h.Compressed = true
	case "epk":
		h.epk, err = strictjson.Parse(m.Value)
	case "apu", "apv":
		_, err = decodeValue(m.Value)
	case "iv":
		h.iv, err = decodeValue(m.Value)
	case "tag":
		h.tag, err = decodeValue(m.Value)
	case "p2s", "p2c":
		err = fmt.Errorf("%w: PBES2 is not supported", ErrHeader)
	default:
		err = h.Header.set(m)
	}
	return err
}

func decodeValue(v strictjson.Value) ([]byte, error) {
	text, err := v.Text()
	if err != nil {
		return nil, err
	}
	return Decode(text)
}

// Encrypted is a JWE with a checked header. It is not decrypted yet.
type Encrypted struct {
	Header EncryptedHeader

	text string
	json bool // text is the flattened JSON serialization
}

// ParseEncrypted splits a compact JWE (RFC 7516, section 7.1) and checks each part: at most
// MaxToken bytes, exactly four dots, strict base64url, an allowed header, and the exact
// length of each part. The library would accept a longer tag and a shorter ciphertext for
// the same token. Errors wrap ErrMalformed, ErrJSON, ErrAlgorithm or ErrHeader.
func ParseEncrypted(compact string) (Encrypted, error) {
	if len(compact) > MaxToken {
		return Encrypted{}, fmt.Errorf("%w: longer than %d bytes", ErrMalformed, MaxToken)
	}
	if strings.Count(compact, ".") != 4 {
		return Encrypted{}, notParts(compact, "five parts of a compact JWE")
	}
	var parts [5][]byte
	for i, text := range strings.Split(compact, ".") {
		var err error
		if parts[i], err = Decode(text); err != nil {
			return Encrypted{}, err
		}
	}
	object, err := strictjson.Parse(parts[0])
	if err != nil {
		return Encrypted{}, err
	}
	header, err := parseEncryptedHeader(object)
	if err != nil {
		return Encrypted{}, err
	}
	if err := header.checkLengths(parts[1], parts[2], parts[4]); err != nil {
		return Encrypted{}, err
	}
	return Encrypted{Header: header, text: compact}, nil
}

// checkLengths checks the lengths of the parts, which the algorithms define.
func (h EncryptedHeader) checkLengths(key, iv, tag []byte) error {
	ivLength, tagLength := h.Encryption.lengths()
	agreed := h.Algorithm == Dir || h.Algorithm == ECDHES
	switch {
	case agreed != (len(key) == 0):
		return fmt.Errorf("%w: the encrypted key is missing, or must not be there", ErrMalformed)
	case len(iv) != ivLength || len(tag) != tagLength:
		return fmt.Errorf("%w: the initialization vector or the tag has a wrong length", ErrMalformed)
	}
	switch {
	case agreed || h.Algorithm == RSAOAEP || h.Algorithm == RSAOAEP256:
		return nil
	case h.Algorithm.wrapsWithGCM():
		if len(h.iv) != 12 || len(h.tag) != 16 || len(key) != h.Encryption.keySize() {
			return fmt.Errorf("%w: the wrapped key, its iv or its tag has a wrong length", ErrMalformed)
		}
	case len(key) != h.Encryption.keySize()+8: // RFC 3394 adds eight bytes
		return fmt.Errorf("%w: the wrapped key has a wrong length", ErrMalformed)
	}
	return nil
}

// Decrypt decrypts with the key's own algorithm and returns the plaintext. The library
// stops after 250 kB of compressed plaintext (RFC 8725, section 3.6 requires a bound).
// Errors wrap ErrKey, ErrAlgorithm or ErrDecrypt.
func (e Encrypted) Decrypt(k Key) ([]byte, error) {
	if e.text == "" || !k.unwraps {
		return nil, fmt.Errorf("%w: the key does not decrypt", ErrKey)
	}
	if !k.decrypts(e.Header) {
		return nil, fmt.Errorf("%w: it is not the algorithm of the key", ErrAlgorithm)
	}
	if private, ok := k.private.(*ecdsa.PrivateKey); ok {
		if err := e.Header.checkEphemeral(private); err != nil {
			return nil, err
		}
	}
	encrypted, err := e.parse()
	if err != nil {
		return nil, ErrDecrypt
	}
	plaintext, err := encrypted.Decrypt(k.private)
	if err != nil {
		return nil, ErrDecrypt
	}
	return plaintext, nil
}

// decrypts reports whether the header names the key's algorithm.
func (k Key) decrypts(h EncryptedHeader) bool {
	return h.Algorithm == k.headerAlgorithm() && (h.Algorithm != Dir || h.Encryption == Encryption(k.alg))
}

// parse parses the token with the library, which may use only one algorithm.
func (e Encrypted) parse() (*gojose.JSONWebEncryption, error) {
	algorithms := []gojose.KeyAlgorithm{gojose.KeyAlgorithm(e.Header.Algorithm)}
	encryptions := []gojose.ContentEncryption{gojose.ContentEncryption(e.Header.Encryption)}
	if e.json {
		return gojose.ParseEncryptedJSON(e.text, algorithms, encryptions)
	}
	return gojose.ParseEncryptedCompact(e.text, algorithms, encryptions)
}

// checkEphemeral rejects a sender's key that is not a point on the curve of our key. Each
// response to a key off the curve would reveal a part of our private key.
func (h EncryptedHeader) checkEphemeral(private *ecdsa.PrivateKey) error {
	r := jwkReader{object: h.epk}
	if r.text("kty") != "EC" {
		return fmt.Errorf("%w: epk is missing or of another kind", ErrKey)
	}
	public, ok := r.ec().(*ecdsa.PublicKey)
	if r.err != nil {
		return fmt.Errorf("read epk: %w", r.err)
	}
	if !ok || public.Curve != private.Curve {
		return fmt.Errorf("%w: epk is not a public key on the curve of the key", ErrKey)
	}
	return nil
}

// DecryptNested decrypts a nested JWT (RFC 7519, section 5.2) and returns the signed token
// inside, which is not verified yet. It rejects a "cty" other than JWT and any content but
// a compact JWS, so that tokens nest only once. Errors are those of [Encrypted.Decrypt],
// ErrHeader or ErrMalformed.
func (e Encrypted) DecryptNested(k Key) (string, error) {
	if strings.TrimPrefix(strings.ToLower(e.Header.ContentType), "application/") != "jwt" {
		return "", fmt.Errorf("%w: cty is not JWT", ErrHeader)
	}
	plaintext, err := e.Decrypt(k)
	if err != nil {
		return "", err
	}
	signed := string(plaintext)
	if _, err := Split(signed); err != nil {
		return "", fmt.Errorf("read nested token: %w", err)
	}
	return signed, nil
}
