package jose

import (
	"cmp"
	"fmt"

	gojose "github.com/go-jose/go-jose/v4"
)

// EncryptOptions are the options of an encryption. The zero value has the defaults.
type EncryptOptions struct {
	// Encryption of the content. Default A256GCM; a key for [Dir] has its own.
	Encryption Encryption
	// Type and ContentType become "typ" and "cty"; left out when empty.
	Type, ContentType string
}

// Encrypt makes a compact JWE (RFC 7516, section 7.1) with the key's own algorithm and its
// kid. It never compresses, because the length would reveal something about the content.
// Errors wrap ErrKey, ErrAlgorithm or, above MaxToken bytes, ErrMalformed.
func (k Key) Encrypt(plaintext []byte, o EncryptOptions) (string, error) {
	if !k.wraps {
		return "", fmt.Errorf("%w: the key does not encrypt", ErrKey)
	}
	enc, err := k.encryption(o.Encryption)
	if err != nil {
		return "", err
	}
	options := new(gojose.EncrypterOptions)
	if o.Type != "" {
		options.WithType(gojose.ContentType(o.Type))
	}
	if o.ContentType != "" {
		options.WithContentType(gojose.ContentType(o.ContentType))
	}
	compact, err := k.encrypt(enc, plaintext, options)
	if err != nil {
		return "", fmt.Errorf("encrypt: %w", err)
	}
	if len(compact) > MaxToken {
		return "", fmt.Errorf("encrypt: %w: longer than %d bytes", ErrMalformed, MaxToken)
	}
	return compact, nil
}

func (k Key) encrypt(enc Encryption, plaintext []byte, o *gojose.EncrypterOptions) (string, error) {
	var material any = k.public
	if secret, ok := k.private.([]byte); ok {
		material = secret
	}
	recipient := gojose.Recipient{Algorithm: gojose.KeyAlgorithm(k.headerAlgorithm()), Key: material, KeyID: k.kid}
	encrypter, err := gojose.NewEncrypter(gojose.ContentEncryption(enc), recipient, o)
	if err != nil {
		return "", err
	}
	encrypted, err := encrypter.Encrypt(plaintext)
	if err != nil {
		return "", err
	}
	return encrypted.CompactSerialize()
}

// encryption returns the content encryption to use.
func (k Key) encryption(want Encryption) (Encryption, error) {
	if k.alg.scheme().direct {
		want = cmp.Or(want, Encryption(k.alg))
		if want != Encryption(k.alg) {
			return "", fmt.Errorf("%w: the key is for %s", ErrAlgorithm, k.alg)
		}
		return want, nil
	}
	want = cmp.Or(want, A256GCM)
	if want.keySize() == 0 {
		return "", fmt.Errorf("%w: no allowed content encryption", ErrAlgorithm)
	}
	return want, nil
}

// headerAlgorithm returns the key's algorithm as headers name it.
func (k Key) headerAlgorithm() Algorithm {
	if k.alg.scheme().direct {
		return Dir
	}
	return k.alg
}

// nestedType is the "cty" of a signed token inside an encrypted one (RFC 7519,
// section 5.2).
const nestedType = "JWT"

// EncryptNested encrypts a signed token: a nested JWT (RFC 7519, section
// 11.2). Errors are those of [Key.Encrypt]; ErrMalformed also means that the
// token is no compact JWS.
func (k Key) EncryptNested(signed string, enc Encryption) (string, error) {
	if _, err := Split(signed); err != nil {
		return "", fmt.Errorf("nest token: %w", err)
	}
	return k.Encrypt([]byte(signed), EncryptOptions{Encryption: enc, ContentType: nestedType})
}
