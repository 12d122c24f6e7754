package keyfile

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/secret"
)

// parsePEM reads the one key of a PEM file.
func parsePEM(text []byte, passphrase secret.Bytes) (any, error) {
	block, err := onlyBlock(text)
	if err != nil {
		return nil, err
	}
	if block.Headers["DEK-Info"] != "" {
		return nil, fmt.Errorf("%w: it is encrypted in the old way of OpenSSL; "+
			"convert it with `openssl pkcs8 -topk8 -in FILE -out NEW`", ErrForeign)
	}
	var material any
	switch block.Type {
	case "RSA PRIVATE KEY":
		material, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		material, err = x509.ParseECPrivateKey(block.Bytes)
	case "PRIVATE KEY":
		material, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "PUBLIC KEY":
		material, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		material, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "ENCRYPTED PRIVATE KEY":
		return parseEncryptedPKCS8(block.Bytes, passphrase)
	case "OPENSSH PRIVATE KEY":
		return parseOpenSSHPrivate(block, passphrase)
	case "CERTIFICATE":
		return nil, fmt.Errorf("%w: it is a certificate; take the key out with `openssl x509 -in FILE -noout -pubkey`", ErrForeign)
	default:
		return nil, fmt.Errorf("%w: PEM of a kind that is not a key in use here", ErrForeign)
	}
	if refused := refusedKind(block.Bytes); refused != nil {
		return nil, refused
	}
	if err != nil { // it may hold parts of the key: not repeated
		return nil, fmt.Errorf("%w: its %s is damaged, or of a kind or curve that is not in use here", ErrForeign, block.Type)
	}
	return material, nil
}

// onlyBlock returns the only PEM block. The curve that `openssl ecparam` writes
// before the key is in the key as well.
func onlyBlock(text []byte) (*pem.Block, error) {
	var only *pem.Block
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "EC PARAMETERS" {
			continue
		}
		if only != nil {
			return nil, fmt.Errorf("%w: more than one PEM block in the file; put each key in a file of its own", ErrForeign)
		}
		only = block
	}
	if only == nil {
		return nil, fmt.Errorf("%w: its PEM is damaged", ErrForeign)
	}
	return only, nil
}

func parseOpenSSHPrivate(block *pem.Block, passphrase secret.Bytes) (any, error) {
	if cipher := unreadCipher(block); cipher != "" {
		return nil, fmt.Errorf("%w: it is encrypted with %s, which is not read here; "+
			"run: ssh-keygen -p -Z aes256-ctr -f FILE", ErrForeign, cipher)
	}
	text := pem.EncodeToMemory(block)
	material, err := ssh.ParseRawPrivateKey(text)
	var missing *ssh.PassphraseMissingError
	if errors.As(err, &missing) {
		if len(passphrase) == 0 {
			return nil, ErrPassphraseNeeded
		}
		material, err = ssh.ParseRawPrivateKeyWithPassphrase(text, passphrase)
	}
	switch {
	case errors.Is(err, x509.IncorrectPasswordError):
		return nil, ErrPassphraseWrong
	case err != nil:
		return nil, fmt.Errorf("%w: the OpenSSH key is damaged or of a kind that is not in use here; "+
			"make one with `ssh-keygen -t ed25519` or `-t ecdsa`", ErrForeign)
	}
	return material, nil
}

// isOpenSSH reports whether a line begins like an OpenSSH public key.
func isOpenSSH(text []byte) bool {
	for _, prefix := range []string{"ssh-", "ecdsa-sha2-", "sk-"} {
		if bytes.HasPrefix(text, []byte(prefix)) {
			return true
		}
	}
	return false
}

func parseOpenSSHPublic(text []byte) (any, error) {
	public, _, options, rest, err := ssh.ParseAuthorizedKey(text)
	if err != nil {
		return nil, fmt.Errorf("%w: the OpenSSH public key is damaged", ErrForeign)
	}
	if len(options) > 0 || len(bytes.TrimSpace(rest)) > 0 {
		return nil, fmt.Errorf("%w: more than one line; put each key in a file of its own", ErrForeign)
	}
	holder, ok := public.(ssh.CryptoPublicKey)
	if !ok || bytes.HasPrefix(text, []byte("sk-")) {
		return nil, fmt.Errorf("%w: keys on security keys and certificates cannot sign tokens", ErrForeign)
	}
	return holder.CryptoPublicKey(), nil
}

// PublicPEM returns the public half of a key as PEM (PKIX, "PUBLIC KEY"). A
// symmetric key has none: ErrNoPublicHalf.
func PublicPEM(key jose.Key) ([]byte, error) {
	if key.CryptoPublic() == nil {
		return nil, fmt.Errorf("export public key: %w", ErrNoPublicHalf)
	}
	der, err := x509.MarshalPKIXPublicKey(key.CryptoPublic())
	if err != nil {
		return nil, fmt.Errorf("export public key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// PublicKeySet returns the public halves of keys as a JWK set (RFC 7517,
// section 5). A symmetric key has none: ErrNoPublicHalf.
func PublicKeySet(keys []jose.Key) ([]byte, error) {
	jwks := make([][]byte, len(keys))
	for i, key := range keys {
		if jwks[i] = key.PublicJWK(); jwks[i] == nil {
			return nil, fmt.Errorf("export key set: key %s: %w", key.Kid(), ErrNoPublicHalf)
		}
	}
	return jose.KeySetJSON(jwks), nil
}
