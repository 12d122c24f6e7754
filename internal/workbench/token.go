// Package workbench holds the commands that need no service: they sign, verify,
// encrypt, decrypt and explain tokens, with keys from files.
package workbench

import (
	"encoding/json"
	"errors"
	"fmt"
	"github.com/portaria/portaria/internal/workbench/keysource"
	"github.com/portaria/portaria/internal/workbench/refusal"
	"strings"

	"github.com/portaria/portaria/internal/cli"
	"github.com/portaria/portaria/internal/jose"
)

// TokenCommand is the command line for tokens.
type TokenCommand struct {
	Verify  tokenVerify  `cmd:"" effect:"reads" help:"Verify a signed token and print its claims."`
	Inspect tokenInspect `cmd:"" effect:"reads" help:"Explain a token and its weaknesses. Verifies nothing."`
	Sign    tokenSign    `cmd:"" effect:"reads" help:"Sign a token with the claims on standard input."`
	Encrypt tokenEncrypt `cmd:"" effect:"reads" help:"Encrypt a signed token, or claims."`
	Decrypt tokenDecrypt `cmd:"" effect:"reads" help:"Decrypt a token."`
}

// Help describes the input of all these commands.
func (TokenCommand) Help() string {
	return "The token is read from standard input, never from the arguments, which other users of the machine can read. " +
		"Exit status: 0 good, 1 refused, 2 wrong usage, or no key to be had. " +
		"--issuer, --audience and --leeway, which are settings elsewhere, are the expected values of a token here."
}

// readToken reads a token. One line break after it is allowed.
func readToken(c *cli.Call) (string, error) {
	text, err := c.ReadStdin(jose.MaxToken + 2)
	var tooLong cli.UsageError
	if errors.As(err, &tooLong) {
		return "", refusal.New("form", tooLong.Unwrap())
	}
	text = cli.TrimLine(text)
	if err == nil && len(text) == 0 {
		err = refusal.New("form", errors.New("no token on standard input"))
	}
	return string(text), err
}

// foreign are the flags for tokens that are not compact or hold no claims.
type foreign struct {
	Raw               bool `help:"Accept any payload and check no claims. Prints only the payload, byte for byte."`
	JSONSerialization bool `name:"json-serialization" help:"With --raw: also accept tokens in the JSON serialization."`
}

func (f foreign) validate(k keysource.Source, typ string) error {
	switch {
	case f.JSONSerialization && !f.Raw:
		return errors.New("--json-serialization goes with --raw: tokens with claims are compact (RFC 7519, section 1)")
	case f.JSONSerialization && k.Alg != "":
		return errors.New("--alg does not go with --json-serialization: each part names its own")
	case f.JSONSerialization && typ != "":
		return errors.New("--typ does not go with --json-serialization: each part has a header of its own")
	}
	return nil
}

// json reports whether to read the token in the JSON serialization.
func (f foreign) json(token string) (bool, error) {
	isJSON := strings.HasPrefix(strings.TrimLeft(token, " \t\r\n"), "{")
	if isJSON && !f.JSONSerialization {
		return false, refusal.New("form", errors.New("it is in the JSON serialization, which is accepted only with --raw --json-serialization"))
	}
	return isJSON, nil
}

type tokenVerify struct {
	keysource.Source
	foreign
	expectation
	DecryptKey string `help:"For a signed token inside an encrypted one: the key file that decrypts it." placeholder:"FILE"`
}

// Validate finds wrong usage before anything is done.
func (t tokenVerify) Validate() error { return t.validate(t.Source, t.Typ) }

// verdict is the outcome for programs.
type verdict struct {
	Valid  bool            `json:"valid"`
	Check  string          `json:"failed_check,omitempty"`
	Reason string          `json:"reason,omitempty"`
	Alg    jose.Algorithm  `json:"alg,omitempty"`
	Kid    string          `json:"kid,omitempty"`
	Typ    string          `json:"typ,omitempty"`
	Claims json.RawMessage `json:"claims,omitempty"`
}

// Run verifies a token.
func (t tokenVerify) Run(c *cli.Call) error {
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
	header, payload, err := t.verify(c, text, token)
	switch {
	case err != nil:
	case t.Raw:
		err = expect.checkType(header.Type)
	default:
		err = expect.check(payload, header.Type)
	}
	return t.report(c, expect, header, payload, err)
}

func (t tokenVerify) report(c *cli.Call, expect expectation, h jose.Header, payload []byte, err error) error {
	var r refusal.Error
	switch {
	case errors.As(err, &r) && c.JSON:
		return errors.Join(cli.AsJSON(c.Stdout, verdict{Check: r.Check, Reason: r.Reason()}), err)
	case err != nil:
		return err
	case t.Raw:
		_, err := c.Stdout.Write(payload)
		return err
	case c.JSON:
		return cli.AsJSON(c.Stdout, verdict{Valid: true, Alg: h.Algorithm, Kid: h.Kid, Typ: h.Type, Claims: payload})
	}
	fmt.Fprintf(c.Stderr, "good: signature (%s)%s\n", h.Algorithm, expect.checked())
	return printClaims(c.Stdout, payload)
}

// verify checks the signature and returns the signed content.
func (t tokenVerify) verify(c *cli.Call, text []byte, token string) (jose.Header, []byte, error) {
	if t.DecryptKey != "" {
		signed, err := t.unwrap(c, token)
		if err != nil {
			return jose.Header{}, nil, err
		}
		token = signed
	}
	isJSON, err := t.json(token)
	if err != nil {
		return jose.Header{}, nil, err
	}
	if isJSON {
		set, err := t.Set(c, text, "")
		if err != nil {
			return jose.Header{}, nil, err
		}
		payload, err := jose.VerifyJSON([]byte(token), set)
		return jose.Header{}, payload, refusal.Of("form", err)
	}
	message, err := jose.Parse(token)
	if err != nil {
		return message.Header, nil, refusal.Of("form", keysource.AboutHeader(token, err))
	}
	if t.Alg != "" && message.Header.Algorithm != t.Algorithm() {
		return message.Header, nil, refusal.New("algorithm", fmt.Errorf("it is %s, not %s", message.Header.Algorithm, cli.Printable(t.Alg)))
	}
	set, err := t.Set(c, text, "")
	if err != nil {
		return message.Header, nil, err
	}
	payload, err := set.Verify(message)
	if errors.Is(err, jose.ErrNoKey) {
		err = fmt.Errorf("%w: %w", jose.ErrKey,
			keysource.Wanted{Kid: message.Header.Kid, Alg: message.Header.Algorithm, Verb: "verify", Source: "the token"}.Missing(set))
	}
	return message.Header, payload, refusal.Of("form", withSkipped(err, set))
}

// unwrap decrypts a token and returns the signed token inside.
func (t tokenVerify) unwrap(c *cli.Call, token string) (string, error) {
	outer, err := jose.ParseEncrypted(token)
	if err != nil {
		return "", refusal.Of("form", keysource.AboutHeader(token, err))
	}
	source := keysource.Source{Key: t.DecryptKey, KeyFormat: keysource.KeyFormat{PassphraseFile: t.PassphraseFile}}
	text, err := source.Read(c)
	if err != nil {
		return "", err
	}
	set, err := source.Set(c, text, outer.Header.Algorithm)
	if err != nil {
		return "", err
	}
	key, err := set.FindEncrypted(outer.Header)
	if err != nil {
		return "", refusal.Of("key", lacking(outer.Header, set, err))
	}
	signed, err := outer.DecryptNested(key)
	return signed, refusal.Of("form", err)
}

// lacking returns the reason why a set has no key that decrypts the token.
func lacking(h jose.EncryptedHeader, set jose.KeySet, err error) error {
	if !errors.Is(err, jose.ErrNoKey) {
		return withSkipped(err, set)
	}
	reason := keysource.Wanted{Kid: h.Kid, Alg: h.Algorithm, Verb: "decrypt", Source: "the token", Private: true}.Missing(set)
	return withSkipped(fmt.Errorf("%w: %w", jose.ErrKey, reason), set)
}

// withSkipped adds the reasons why keys of a set are not used.
func withSkipped(err error, set jose.KeySet) error {
	if !errors.Is(err, jose.ErrKey) {
		return err
	}
	for _, s := range set.Skipped() {
		err = fmt.Errorf("%w; key %d of the set (kid %q) is not used: %w", err, s.Index+1, s.Kid, s.Reason)
	}
	return err
}
