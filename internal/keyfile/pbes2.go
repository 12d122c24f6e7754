package keyfile

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"hash"

	"github.com/portaria/portaria/internal/secret"
)

// maxIterations bounds the work that a file can demand before its passphrase is known
// to be right: a few seconds. OpenSSL uses 2,048 by default.
const maxIterations = 5_000_000

// encryptedKey is EncryptedPrivateKeyInfo (RFC 5958, section 3).
type encryptedKey struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

// pbes2Params and pbkdf2Params are of RFC 8018, appendices A.4 and A.2.
type pbes2Params struct {
	KDF    pkix.AlgorithmIdentifier
	Cipher pkix.AlgorithmIdentifier
}

type pbkdf2Params struct {
	Salt       []byte
	Iterations int
	KeyLength  int                      `asn1:"optional"`
	PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
}

// parseEncryptedPKCS8 opens a private key that is encrypted as OpenSSL has done
// since version 1.1: PBES2 with PBKDF2 and AES-CBC. Go's libraries have nothing
// for it. PBES1, scrypt and DES are refused with the way to convert.
func parseEncryptedPKCS8(der []byte, passphrase secret.Bytes) (any, error) {
	var key encryptedKey
	if err := unmarshal(der, &key); err != nil {
		return nil, err
	}
	var params pbes2Params
	if key.Algorithm.Algorithm.String() != "1.2.840.113549.1.5.13" {
		return nil, errConvert
	}
	if err := unmarshal(key.Algorithm.Parameters.FullBytes, &params); err != nil {
		return nil, err
	}
	block, iv, err := params.cipher(passphrase)
	if err != nil {
		return nil, err
	}
	if len(key.Data) == 0 || len(key.Data)%aes.BlockSize != 0 {
		return nil, errDamagedPKCS8
	}
	clear := make([]byte, len(key.Data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(clear, key.Data)
	clear = unpad(clear)
	if err := refusedKind(clear); err != nil {
		return nil, err
	}
	material, err := x509.ParsePKCS8PrivateKey(clear)
	if err != nil {
		return nil, ErrPassphraseWrong // nothing tells it from damage
	}
	return material, nil
}

var (
	errDamagedPKCS8 = fmt.Errorf("%w: its ENCRYPTED PRIVATE KEY is damaged", ErrForeign)
	errConvert      = fmt.Errorf("%w: it is encrypted in a way that is not read here; "+
		"convert it with `openssl pkcs8 -topk8 -v2 aes-256-cbc -in FILE -out NEW`", ErrForeign)
)

func unmarshal(der []byte, into any) error {
	if rest, err := asn1.Unmarshal(der, into); err != nil || len(rest) > 0 {
		return errDamagedPKCS8
	}
	return nil
}

// cipher derives the key of the cipher from the passphrase.
func (p pbes2Params) cipher(passphrase secret.Bytes) (cipher.Block, []byte, error) {
	sizes := map[string]int{
		"2.16.840.1.101.3.4.1.2": 16, "2.16.840.1.101.3.4.1.22": 24, "2.16.840.1.101.3.4.1.42": 32, // AES-CBC
	}
	size := sizes[p.Cipher.Algorithm.String()]
	if size == 0 || p.KDF.Algorithm.String() != "1.2.840.113549.1.5.12" {
		return nil, nil, errConvert
	}
	var iv []byte
	if err := unmarshal(p.Cipher.Parameters.FullBytes, &iv); err != nil || len(iv) != aes.BlockSize {
		return nil, nil, errDamagedPKCS8
	}
	var params pbkdf2Params
	if err := unmarshal(p.KDF.Parameters.FullBytes, &params); err != nil {
		return nil, nil, err
	}
	key, err := params.derive(passphrase, size)
	if err != nil {
		return nil, nil, err
	}
	block, err := aes.NewCipher(key)
	return block, iv, err
}

func (p pbkdf2Params) derive(passphrase secret.Bytes, size int) ([]byte, error) {
	h := prf(p.PRF)
	switch {
	case h == nil:
		return nil, errConvert
	case p.Iterations > maxIterations:
		return nil, fmt.Errorf("%w: it demands %d rounds of key derivation, more than %d", ErrForeign, p.Iterations, maxIterations)
	case p.Iterations < 1 || p.KeyLength != 0 && p.KeyLength != size:
		return nil, errDamagedPKCS8
	case len(passphrase) == 0:
		return nil, ErrPassphraseNeeded
	}
	key, err := pbkdf2.Key(h, string(passphrase), p.Salt, p.Iterations, size)
	if err != nil {
		return nil, fmt.Errorf("open encrypted key: %w", err)
	}
	return key, nil
}

// prf returns the hash of the pseudo-random function: HMAC with SHA-1 if none
// is named (RFC 8018, appendix A.2).
func prf(a pkix.AlgorithmIdentifier) func() hash.Hash {
	switch a.Algorithm.String() {
	case "", "1.2.840.113549.2.7":
		return sha1.New
	case "1.2.840.113549.2.8":
		return sha256.New224
	case "1.2.840.113549.2.9":
		return sha256.New
	case "1.2.840.113549.2.10":
		return sha512.New384
	case "1.2.840.113549.2.11":
		return sha512.New
	}
	return nil
}

// unpad removes the padding of CBC (RFC 8018, section 6.1.1), nil if it is
// wrong.
func unpad(clear []byte) []byte {
	n := int(clear[len(clear)-1])
	if n == 0 || n > aes.BlockSize || !bytes.HasSuffix(clear, bytes.Repeat([]byte{byte(n)}, n)) {
		return nil
	}
	return clear[:len(clear)-n]
}
