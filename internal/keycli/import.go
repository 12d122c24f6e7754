package keycli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/portaria/portaria/internal/app"
	"github.com/portaria/portaria/internal/cli"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/workbench/keysource"
)

type keyImport struct {
	File string `arg:"" optional:"" default:"-" help:"Key file (PEM, OpenSSH, JWK, JWK set, raw secret); - or nothing is standard input."`
	Kid  string `help:"The key's kid here; by default the kid in the file, or its thumbprint." placeholder:"KID"`
	keysource.KeyFormat
	succession
	replacement
}

// Run imports keys.
func (k keyImport) Run(c *cli.Call) error {
	keys, err := k.read(c)
	if err != nil {
		return err
	}
	if keys[0].Private() && len(keys) > 1 {
		return cli.Misuse("the set holds private keys: import one at a time, because one follows another")
	}
	err = WithKeys(c, func(ring *app.LocalKeys, now time.Time) error {
		if keys[0].Private() {
			return k.succeed(c, ring, now, keys[0])
		}
		return k.trust(c, ring, now, keys)
	})
	if errors.Is(err, app.ErrNoKeys) && keys[0].Private() && !k.Drill && k.At.IsZero() {
		return k.found(c, keys[0], time.Now())
	}
	return err
}

// found makes the key the first one of a new service.
func (k keyImport) found(c *cli.Call, key jose.Key, now time.Time) error {
	settings, err := c.Settings()
	if err != nil {
		return err
	}
	ring, made, err := app.Found(c, settings, key, now)
	if err != nil {
		return err
	}
	defer func() { _ = ring.Close() }() // everything is written
	for _, name := range []string{made.Database, made.MasterKey} {
		if name != "" {
			fmt.Fprintln(c.Stderr, "made", cli.Printable(name))
		}
	}
	k.notes(c, settings, key)
	return c.Say(rotationView{Successor: key.Kid(), At: now}, "%s signs: it is the first key of this service", cli.Printable(key.Kid()))
}

// notes prints facts about a key that people easily overlook.
func (k keyImport) notes(c *cli.Call, settings config.Config, key jose.Key) {
	if key.Algorithm().Symmetric() {
		fmt.Fprintln(c.Stderr, "note:", keysource.OnlyHere(key.Algorithm()))
	}
	if string(key.Algorithm()) != settings.KeyAlgorithm {
		fmt.Fprintf(c.Stderr, "note: this key is for %s; the next key that Portaria makes will be for %s (setting key_algorithm)\n",
			key.Algorithm(), settings.KeyAlgorithm)
	}
}

func (k keyImport) read(c *cli.Call) ([]jose.Key, error) {
	var text []byte
	var err error
	if k.File == "-" {
		text, err = c.ReadStdin(jose.MaxKeySet)
	} else {
		text, err = cli.ReadFile(k.File, jose.MaxKeySet)
	}
	if err != nil {
		return nil, err
	}
	settings, err := c.Settings()
	if err != nil {
		return nil, err
	}
	keys, err := k.ParseOr(c, text, k.Algorithm(), jose.Algorithm(settings.KeyAlgorithm))
	if err != nil || k.Kid == "" {
		return keys, err
	}
	if len(keys) > 1 {
		return nil, cli.Misuse("--kid names one key; there are %d", len(keys))
	}
	keys[0], err = keys[0].WithKid(k.Kid)
	return keys, err
}

func (k keyImport) succeed(c *cli.Call, ring *app.LocalKeys, now time.Time, key jose.Key) error {
	settings, err := c.Settings()
	if err != nil {
		return err
	}
	k.notes(c, settings, key)
	unused, err := ring.Unused(c)
	if err != nil {
		return err
	}
	return k.order(c, ring, now, keyring.Order{Key: key, Replace: k.Replace, AtOnce: unused})
}

func (k keyImport) trust(c *cli.Call, ring *app.LocalKeys, now time.Time, keys []jose.Key) error {
	if k.Drill || k.Replace || !k.At.IsZero() {
		return cli.Misuse("--drill, --at and --replace are for private keys: a public one signs nothing")
	}
	kids := []string{}
	for _, key := range keys {
		if key.Private() {
			return cli.Misuse("the set holds private keys: import one at a time, because one follows another")
		}
		if !key.Algorithm().Signs() {
			return cli.Misuse("key %s is for %s: only keys that verify belong in the key set", cli.Printable(key.Kid()), key.Algorithm())
		}
	}
	for _, key := range keys {
		if err := ring.Trust(c, now, key); err != nil {
			return err
		}
		kids = append(kids, key.Kid())
	}
	return c.Say(map[string]any{"kids": kids}, "published %s: tokens that they signed are accepted until you retire them\n"+
		"everybody who has the private key can make them", cli.Printable(strings.Join(kids, ", ")))
}
