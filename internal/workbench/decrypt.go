package workbench

import (
	"fmt"
	"github.com/portaria/portaria/internal/workbench/keysource"
	"github.com/portaria/portaria/internal/workbench/refusal"

	"github.com/portaria/portaria/internal/cli"
	"github.com/portaria/portaria/internal/jose"
)

type tokenDecrypt struct {
	keysource.Source
	foreign
	expectation
}

// Validate finds wrong usage before anything is done.
func (t tokenDecrypt) Validate() error { return t.validate(t.Source, t.Typ) }

// Run decrypts a token.
func (t tokenDecrypt) Run(c *cli.Call) error {
	expect, err := t.complete(c, t.Raw)
	if err != nil {
		return err
	}
	text, err := t.Read(c)
	if err != nil {
		return err
	}
	token, err := readToken(c)
	if err != nil {
		return err
	}
	header, plaintext, err := t.decrypt(c, text, token)
	if err != nil {
		return err
	}
	if t.Raw {
		if err := expect.checkType(header.Type); err != nil {
			return err
		}
		_, err := c.Stdout.Write(plaintext)
		return err
	}
	if _, err := jose.Split(string(plaintext)); err == nil {
		fmt.Fprintln(c.Stderr, "decrypted; inside is a signed token, not verified yet: portaria token verify")
		_, err = fmt.Fprintf(c.Stdout, "%s\n", plaintext)
		return err
	}
	if err := expect.check(plaintext, header.Type); err != nil {
		return err
	}
	if !header.Algorithm.Symmetric() {
		fmt.Fprintln(c.Stderr, "decrypted; not signed: anybody who has the public key can make this token")
	}
	return printClaims(c.Stdout, plaintext)
}

func (t tokenDecrypt) decrypt(c *cli.Call, text []byte, token string) (jose.EncryptedHeader, []byte, error) {
	isJSON, err := t.json(token)
	if err != nil {
		return jose.EncryptedHeader{}, nil, err
	}
	if isJSON {
		set, err := t.Set(c, text, "")
		if err != nil {
			return jose.EncryptedHeader{}, nil, err
		}
		plaintext, err := jose.DecryptJSON([]byte(token), set)
		return jose.EncryptedHeader{}, plaintext, refusal.Of("form", err)
	}
	encrypted, err := jose.ParseEncrypted(token)
	if err != nil {
		return encrypted.Header, nil, refusal.Of("form", keysource.AboutHeader(token, err))
	}
	if t.Alg != "" && encrypted.Header.Algorithm != t.Algorithm() {
		return encrypted.Header, nil, refusal.New("algorithm", fmt.Errorf("it is %s, not %s", encrypted.Header.Algorithm, cli.Printable(t.Alg)))
	}
	set, err := t.Set(c, text, encrypted.Header.Algorithm)
	if err != nil {
		return encrypted.Header, nil, err
	}
	plaintext, err := set.Decrypt(encrypted)
	return encrypted.Header, plaintext, refusal.Of("form", lacking(encrypted.Header, set, err))
}
