// Package keysource reads the keys that a command names: files, or a published key
// set. It says which key is missing and why.
package keysource

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"github.com/portaria/portaria/internal/workbench/refusal"
	"slices"
	"strings"

	"golang.org/x/term"

	"github.com/portaria/portaria/internal/cli"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keyfile"
	"github.com/portaria/portaria/internal/keyring"
)

// maxPassphrase bounds a passphrase file, in bytes.
const maxPassphrase = 4 << 10

// KeyFormat holds the flags for what a key file does not contain.
type KeyFormat struct {
	Alg            string `help:"Algorithm of the key, if the key does not name it. RS256 and ES256 work nearly everywhere; EdDSA and PS256 do not." placeholder:"ALG"`
	PassphraseFile string `help:"File with the passphrase of the key; by default the terminal asks for it." placeholder:"FILE"`
	Secret         string `help:"The key file is a raw secret in this encoding: base64, hex, raw." enum:",base64,hex,raw" default:"" placeholder:"ENCODING"`
}

// Algorithm returns the algorithm that the flag names.
func (f KeyFormat) Algorithm() jose.Algorithm { return jose.Algorithm(f.Alg) }

// Parse reads the keys of a file. It asks for a passphrase if one is needed.
func (f KeyFormat) Parse(c *cli.Call, text []byte, a jose.Algorithm) ([]jose.Key, error) {
	return f.ParseOr(c, text, a, "")
}

// ParseOr is Parse with an algorithm for keys that need one and have none. It is used
// only if it fits.
func (f KeyFormat) ParseOr(c *cli.Call, text []byte, a, otherwise jose.Algorithm) ([]jose.Key, error) {
	foreign := keyfile.Foreign{Algorithm: a, Encoding: keyfile.Encoding(f.Secret)}
	if f.PassphraseFile != "" {
		line, err := cli.ReadFile(f.PassphraseFile, maxPassphrase)
		if err != nil {
			return nil, err
		}
		foreign.Passphrase = keyring.Secret(cli.TrimLine(line))
	}
	parse := func() ([]jose.Key, error) {
		keys, err := keyfile.ParseKeys(text, foreign)
		if otherwise != "" && errors.Is(err, keyfile.ErrAlgorithmNeeded) {
			fallback := foreign
			fallback.Algorithm = otherwise
			if fit, mismatch := keyfile.ParseKeys(text, fallback); mismatch == nil {
				return fit, nil
			}
		}
		return keys, err
	}
	keys, err := parse()
	switch {
	case errors.Is(err, keyfile.ErrAlgorithmNeeded):
		return nil, cli.Misuse("%w (--alg)", err)
	case errors.Is(err, jose.ErrPublicSecret) && f.Secret != "":
		return nil, cli.Misuse("%w; if you mean the key, leave out --secret", err)
	case !errors.Is(err, keyfile.ErrPassphraseNeeded):
		return keys, err
	case !term.IsTerminal(int(c.Stdin.Fd())):
		return nil, cli.Misuse("%w (--passphrase-file)", err)
	}
	typed, err := c.Password("Passphrase of the key: ")
	if err != nil {
		return nil, err
	}
	foreign.Passphrase = keyring.Secret(typed)
	return parse()
}

// Source names the keys of a token command.
type Source struct {
	Key string `required:"" help:"Key file (JWK, JWK set, PEM, OpenSSH), or the https address of a key set." placeholder:"FILE|URL"`
	KeyFormat
}

// read reads the text of the key, before the token is read.
func (k Source) Read(c *cli.Call) ([]byte, error) {
	if k.remote() {
		return fetchKeySet(c, k.Key)
	}
	return cli.ReadFile(k.Key, jose.MaxKeySet)
}

// remote reports whether the keys are fetched from a URL.
func (k Source) remote() bool {
	return strings.HasPrefix(k.Key, "https://") || strings.HasPrefix(k.Key, "http://")
}

// set reads the keys. A JWK that does not name its algorithm may have any that its
// kind allows. A secret, or a key in PEM or OpenSSH, has the algorithm of --alg, of
// hint, or of its curve, in this order. To verify, hint is empty: the token must not
// choose the algorithm.
func (k Source) Set(c *cli.Call, text []byte, hint jose.Algorithm) (jose.KeySet, error) {
	if k.Secret == "" && bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		set, err := jose.ParseKeySet(text)
		if k.remote() && slices.ContainsFunc(set.Keys(), jose.Key.Private) {
			return set, cli.Misuse("this key set publishes private keys or secrets: everybody who reads it can sign; its owner has to replace them")
		}
		return set, refusal.Of("key", err)
	}
	if k.Alg != "" {
		hint = k.Algorithm()
	}
	keys, err := k.Parse(c, text, hint)
	if err != nil {
		return jose.KeySet{}, refusal.Of("key", err)
	}
	set, err := setOf(keys)
	return set, refusal.Of("key", err)
}

// setOf makes a set of keys without kid, from PEM and OpenSSH files. They verify a
// token with any kid.
func setOf(keys []jose.Key) (jose.KeySet, error) {
	var jwks []json.RawMessage
	for _, key := range keys {
		members := map[string]json.RawMessage{}
		if err := json.Unmarshal(key.RevealJWK(), &members); err != nil {
			return jose.KeySet{}, fmt.Errorf("write key: %w", err)
		}
		delete(members, "kid")
		jwk, err := json.Marshal(members)
		if err != nil {
			return jose.KeySet{}, fmt.Errorf("write key: %w", err)
		}
		jwks = append(jwks, jwk)
	}
	text, err := json.Marshal(map[string]any{"keys": jwks})
	if err != nil {
		return jose.KeySet{}, fmt.Errorf("write keys: %w", err)
	}
	return jose.ParseKeySet(text)
}

// Choice selects one key of a set to make a token with.
type Choice struct {
	Kid string `help:"Which key of the set." placeholder:"KID"`
}

// pick returns the one suitable key with this kid and this algorithm, if they are
// given. If a key has several algorithms, it returns the first one, or with strict set
// an error.
func (k Choice) Pick(set jose.KeySet, a jose.Algorithm, strict bool, fit func(jose.Key) bool) (jose.Key, error) {
	var found []jose.Key
	for _, key := range set.Keys() {
		if fit(key) && (k.Kid == "" || key.Kid() == k.Kid) && (a == "" || hasAlgorithm(key, a)) {
			found = append(found, key)
		}
	}
	another := func(key jose.Key) bool { return key.Kid() != found[0].Kid() }
	switch {
	case len(found) == 0:
		w := Wanted{Kid: k.Kid, Alg: a, Verb: "encrypt", Source: "the command"}
		if strict {
			w.Verb, w.Private = "sign", true
		}
		return jose.Key{}, refusal.Of("key", w.Missing(set))
	case slices.ContainsFunc(found, another):
		return jose.Key{}, cli.Misuse("several keys of the set are possible: choose one with --kid")
	case strict && len(found) > 1:
		return jose.Key{}, cli.Misuse("the key does not say which algorithm it is for: choose one with --alg, such as %s", found[len(found)-1].Algorithm())
	}
	return found[0], nil
}

// hasAlgorithm reports whether the key is for the algorithm, as headers name it.
func hasAlgorithm(key jose.Key, a jose.Algorithm) bool {
	direct := slices.Contains(jose.Encryptions(), jose.Encryption(key.Algorithm()))
	return key.Algorithm() == a || a == jose.Dir && direct
}
