package workbench

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"github.com/portaria/portaria/internal/workbench/keysource"
	"github.com/portaria/portaria/internal/workbench/refusal"
	"slices"
	"time"

	"github.com/portaria/portaria/internal/cli"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/strictjson"
)

type tokenSign struct {
	keysource.Source
	keysource.Choice
	claiming
	Raw bool `help:"Sign standard input unchanged, also if it holds no claims."`
}

// Run signs a token.
func (t tokenSign) Run(c *cli.Call) error {
	if t.Raw {
		if err := t.withoutClaims(c); err != nil {
			return err
		}
	}
	text, err := t.Read(c)
	if err != nil {
		return err
	}
	set, err := t.Set(c, text, t.Algorithm())
	if err != nil {
		return err
	}
	key, err := t.Pick(set, t.Algorithm(), true, func(k jose.Key) bool { return k.Algorithm().Signs() && k.Private() })
	if err != nil {
		return err
	}
	payload, err := t.payload(c, t.Raw)
	if err != nil {
		return err
	}
	if key.Algorithm().Symmetric() {
		fmt.Fprintln(c.Stderr, "note:", keysource.OnlyHere(key.Algorithm()))
	}
	signed, err := compact(key, cmp.Or(t.Typ, defaultType(t.Raw)), payload)
	if err != nil {
		return refusal.Of("key", err)
	}
	if len(signed) > jose.MaxToken {
		return tooLarge(len(signed), payload)
	}
	_, err = fmt.Fprintln(c.Stdout, signed)
	return err
}

// tooLarge returns an error that names the largest claim.
func tooLarge(size int, payload []byte) error {
	claims, err := strictjson.Parse(payload)
	if err != nil || len(claims) == 0 {
		return cli.Misuse("the token would have %d bytes, %d are allowed", size, jose.MaxToken)
	}
	largest := slices.MaxFunc(claims, func(a, b strictjson.Member) int { return cmp.Compare(len(a.Value), len(b.Value)) })
	return cli.Misuse("the token would have %d bytes, %d are allowed; the largest claim is %s with %d bytes",
		size, jose.MaxToken, keysource.Quoted(largest.Name), len(largest.Value))
}

func defaultType(raw bool) string {
	if raw {
		return ""
	}
	return "JWT"
}

// compact makes a compact JWS.
func compact(key jose.Key, typ string, payload []byte) (string, error) {
	header := struct {
		Algorithm jose.Algorithm `json:"alg"`
		Kid       string         `json:"kid"`
		Type      string         `json:"typ,omitempty"`
	}{key.Algorithm(), key.Kid(), typ}
	text, err := json.Marshal(header)
	if err != nil {
		return "", fmt.Errorf("write header: %w", err)
	}
	input := jose.Encode(text) + "." + jose.Encode(payload)
	signature, err := key.Sign(input)
	if err != nil {
		return "", err
	}
	return input + "." + jose.Encode(signature), nil
}

type tokenEncrypt struct {
	keysource.Source
	keysource.Choice
	claiming
	Enc string `help:"Content encryption: A256GCM by default." placeholder:"ENC"`
	Raw bool   `help:"Encrypt standard input unchanged, also if it holds no claims."`
}

// Validate finds wrong usage before anything is done.
func (t tokenEncrypt) Validate() error {
	if t.Enc != "" && !slices.Contains(jose.Encryptions(), jose.Encryption(t.Enc)) {
		return fmt.Errorf("--enc is one of %v", jose.Encryptions())
	}
	return nil
}

// Run encrypts a token.
func (t tokenEncrypt) Run(c *cli.Call) error {
	if t.Raw {
		if err := t.withoutClaims(c); err != nil {
			return err
		}
	}
	text, err := t.Read(c)
	if err != nil {
		return err
	}
	set, err := t.Set(c, text, jose.ECDHESA256KW)
	if errors.Is(err, jose.ErrKey) { // in a file that says nothing but that it is RSA
		set, err = t.Set(c, text, jose.RSAOAEP256)
	}
	if err != nil {
		return err
	}
	key, err := t.Pick(set, t.Algorithm(), false, func(k jose.Key) bool { return k.Algorithm().Encrypts() })
	if err != nil {
		return err
	}
	payload, nested, err := t.content(c)
	if err != nil {
		return err
	}
	options := jose.EncryptOptions{Encryption: jose.Encryption(t.Enc), Type: t.Typ}
	if nested {
		options.ContentType = "JWT"
	} else if !t.Raw {
		options.Type = cmp.Or(t.Typ, defaultType(t.Raw))
	}
	encrypted, err := key.Encrypt(payload, options)
	if err != nil {
		return refusal.Of("form", err)
	}
	_, err = fmt.Fprintln(c.Stdout, encrypted)
	return err
}

// content returns the text to encrypt: a signed token, or claims.
func (t tokenEncrypt) content(c *cli.Call) (payload []byte, nested bool, err error) {
	if t.Raw {
		payload, err = input(c)
		return payload, false, err
	}
	text, err := input(c)
	if err != nil {
		return nil, false, err
	}
	signed := string(cli.TrimLine(text))
	if _, err := jose.Split(signed); err == nil {
		return []byte(signed), true, t.withoutClaims(c)
	}
	payload, err = t.build(c, text)
	return payload, false, err
}

// claiming are the flags for the claims of a new token.
type claiming struct {
	Subject    string   `help:"Claim sub." placeholder:"SUB"`
	TTL        lifetime `name:"ttl" help:"Lifetime, such as 15m or 7d: claims iat and exp." placeholder:"DURATION"`
	Typ        string   `help:"Header typ; JWT by default." placeholder:"TYP"`
	AllowNoExp bool     `name:"allow-no-exp" help:"Make a token that never expires."`
}

// lifetime is a duration as settings are written.
type lifetime time.Duration

// UnmarshalText reads a lifetime of at least one second.
func (l *lifetime) UnmarshalText(text []byte) error {
	d, err := config.ParseDuration(string(text))
	switch {
	case err != nil:
		return fmt.Errorf("%s %w", keysource.Quoted(string(text)), err)
	case d < time.Second:
		return fmt.Errorf("%s is less than a second", keysource.Quoted(string(text)))
	}
	*l = lifetime(d)
	return nil
}
