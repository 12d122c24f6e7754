package jose

import (
	"crypto/ecdsa"
	"fmt"
	"strings"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/portaria/portaria/internal/strictjson"
)

// EncryptedHeader is what a JWE header says, once the guard has let it pass.
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
		return EncryptedHeader{}, fmt.Errorf("%w: not one that encrypts", ErrAlgorithm)
	case h.Encryption.keySize() == 0:
		return EncryptedHeader{}, fmt.Errorf("%w: no allowed content encryption", ErrAlgorithm)
	case h.CarriesKey:
		return EncryptedHeader{}, fmt.Errorf("%w: carries a key", ErrHeader)
	case h.epk != nil && !h.Algorithm.agrees(), (h.iv != nil || h.tag != nil) && !h.Algorithm.wrapsWithGCM():
		return EncryptedHeader{}, fmt.Errorf("%w: member of another algorithm", ErrHeader)
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
			err = fmt.Errorf("%w: other than DEF", ErrHeader)
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
		err = fmt.Errorf("%w: PBES2 is not in use here", ErrHeader)
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

// Encrypted is a JWE that the guard let pass, not yet decrypted.
type Encrypted struct {
	Header EncryptedHeader

	text string
	json bool // text is the flattened JSON serialization
}

// ParseEncrypted takes a compact JWE apart (RFC 7516, section 7.1) and passes
// each part through the guard: at most MaxToken bytes, exactly four dots,
// strict base64url, an allowed header, and of each part the length that the
// algorithms say: the library would take a longer tag and a shorter ciphertext
// for the same token. Errors wrap ErrMalformed, ErrJSON, ErrAlgorithm or
// ErrHeader.
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

// checkLengths compares the parts with what the algorithms say.
func (h EncryptedHeader) checkLengths(key, iv, tag []byte) error {
	ivLength, tagLength := h.Encryption.lengths()
	agreed := h.Algorithm == Dir || h.Algorithm == ECDHES
	switch {
	case agreed != (len(key) == 0):
		return fmt.Errorf("%w: encrypted key where none belongs, or none", ErrMalformed)
	case len(iv) != ivLength || len(tag) != tagLength:
		return fmt.Errorf("%w: initialization vector or tag of a wrong length", ErrMalformed)
	}
	switch {
	case agreed || h.Algorithm == RSAOAEP || h.Algorithm == RSAOAEP256:
		return nil
	case h.Algorithm.wrapsWithGCM():
		if len(h.iv) != 12 || len(h.tag) != 16 || len(key) != h.Encryption.keySize() {
			return fmt.Errorf("%w: wrapped key, its iv or tag of a wrong length", ErrMalformed)
		}
	case len(key) != h.Encryption.keySize()+8: // RFC 3394 adds eight bytes
		return fmt.Errorf("%w: wrapped key of a wrong length", ErrMalformed)
	}
	return nil
}

// Decrypt returns the plaintext, decrypted with the key's own algorithm; one
// that came compressed has at most 250 kB, where the library stops (RFC 8725,
// section 3.6 asks for a bound). Errors wrap ErrKey, ErrAlgorithm or
// ErrDecrypt.
func (e Encrypted) Decrypt(k Key) ([]byte, error) {
	if e.text == "" || !k.unwraps {
		return nil, fmt.Errorf("%w: does not decrypt", ErrKey)
	}
	if !k.decrypts(e.Header) {
		return nil, fmt.Errorf("%w: not the key's", ErrAlgorithm)
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

// decrypts reports whether the header confirms the key's algorithm.
func (k Key) decrypts(h EncryptedHeader) bool {
	return h.Algorithm == k.headerAlgorithm() && (h.Algorithm != Dir || h.Encryption == Encryption(k.alg))
}

// parse hands the token to the library, with its one algorithm to allow.
func (e Encrypted) parse() (*gojose.JSONWebEncryption, error) {
	algorithms := []gojose.KeyAlgorithm{gojose.KeyAlgorithm(e.Header.Algorithm)}
	encryptions := []gojose.ContentEncryption{gojose.ContentEncryption(e.Header.Encryption)}
	if e.json {
		return gojose.ParseEncryptedJSON(e.text, algorithms, encryptions)
	}
	return gojose.ParseEncryptedCompact(e.text, algorithms, encryptions)
}

// checkEphemeral refuses a sender's key that is not a point on the curve of
// ours: each answer to such a key would tell something of our private key.
func (h EncryptedHeader) checkEphemeral(private *ecdsa.PrivateKey) error {
	r := jwkReader{object: h.epk}
	if r.text("kty") != "EC" {
		return fmt.Errorf("%w: epk missing or of another kind", ErrKey)
	}
	public, ok := r.ec().(*ecdsa.PublicKey)
	if r.err != nil {
		return fmt.Errorf("read epk: %w", r.err)
	}
	if !ok || public.Curve != private.Curve {
		return fmt.Errorf("%w: epk not a public key on the curve of the key", ErrKey)
	}
	return nil
}

// DecryptNested decrypts a nested JWT (RFC 7519, section 5.2) and returns the
// signed token inside, not yet verified. It refuses a "cty" other than JWT and
// any content but a compact JWS, so that tokens nest once and no deeper. Errors
// are those of [Encrypted.Decrypt], ErrHeader or ErrMalformed.
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
