// Package keycli holds the commands for the keys and secrets of a service. They work
// on its database and master key, beside the running service.
package keycli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/portaria/portaria/internal/app"
	"github.com/portaria/portaria/internal/cli"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keyfile"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/workbench/keysource"
)

// KeyCommand is the command line for keys.
type KeyCommand struct {
	List         keyList         `cmd:"" effect:"reads" help:"List the service's keys with their state."`
	Show         keyShow         `cmd:"" effect:"reads" help:"Show a key and its public key."`
	Generate     keyGenerate     `cmd:"" effect:"changes" help:"Generate the service's next signing key, or with --out a key file."`
	Import       keyImport       `cmd:"" effect:"changes" help:"Import a key. A private key signs next; a public key only verifies."`
	Rotate       keyRotate       `cmd:"" effect:"changes" help:"Start signing with a new key, after verifiers have had time to fetch it."`
	Retire       keyRetire       `cmd:"" effect:"changes" help:"Stop signing with a key; its tokens stay valid until they expire."`
	Kill         RevokeKey       `cmd:"" effect:"destroys" help:"Revoke a signing key. Every token that it signed is rejected."`
	Reseal       keyReseal       `cmd:"" effect:"changes" help:"Seal all keys with the first key of the master key file."`
	RotateSecret keyRotateSecret `cmd:"" effect:"destroys" help:"Replace the secret that refresh tokens, client secrets, webhook secrets or device tokens depend on."`

	Export keyExport `cmd:"" effect:"reads" help:"Print public keys as JWK set, JWK or PEM."`
}

// Help names the database and the master key.
func (KeyCommand) Help() string {
	return "These commands use the database and the master key of the settings directly. The service may run; it reads changes " +
		"within ten seconds. Write -- before a KID that begins with a dash."
}

// WithKeys opens the local keys, calls act and closes them.
func WithKeys(c *cli.Call, act func(*app.LocalKeys, time.Time) error) error {
	settings, err := c.Settings()
	if err != nil {
		return err
	}
	now := time.Now()
	keys, err := app.Keys(c, settings, now)
	if err != nil {
		return err
	}
	return errors.Join(act(keys, now), keys.Close())
}

// keyView is a key for output.
type keyView struct {
	Kid       string `json:"kid"`
	Algorithm string `json:"alg"`
	State     string `json:"state"`
	// Signs is false for keys that only verify what another system signed.
	Signs      bool            `json:"signs"`
	CreatedAt  time.Time       `json:"created_at"`
	ActivateAt time.Time       `json:"activate_at,omitzero"`
	RetireAt   time.Time       `json:"retire_at,omitzero"`
	KilledAt   time.Time       `json:"killed_at,omitzero"`
	GoneAt     time.Time       `json:"gone_at,omitzero"`
	Public     json.RawMessage `json:"public,omitempty"`
}

func view(key keyring.Key, now time.Time) keyView {
	r := key.Record()
	return keyView{
		Kid: r.Kid, Algorithm: r.Algorithm, State: key.State(now).String(), Signs: len(r.Sealed) > 0,
		CreatedAt: r.CreatedAt, ActivateAt: r.ActivateAt, RetireAt: r.RetireAt, KilledAt: r.KilledAt, GoneAt: r.GoneAt(),
		Public: key.PublicJWK(),
	}
}

// label returns the state for people. A key of another system is active but never
// signs.
func (v keyView) label() string {
	if !v.Signs && v.State == keyring.Active.String() {
		return "verifies only"
	}
	return v.State
}

func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return cli.Clock(t)
}

type keyList struct{}

// Run lists keys.
func (keyList) Run(c *cli.Call) error {
	return WithKeys(c, func(keys *app.LocalKeys, now time.Time) error {
		views := []keyView{}
		for _, key := range keys.Keys() {
			v := view(key, now)
			views = append(views, v)
		}
		return c.List(map[string]any{"keys": views}, keyTable(views))
	})
}

func keyTable(list []keyView) cli.Table {
	t := cli.Table{Columns: cli.Columns("#KID", "=ALG", "=STATE", "=FROM", "=UNTIL", "=PUBLISHED UNTIL")}
	for _, v := range list {
		t.Rows = append(t.Rows, []string{v.Kid, v.Algorithm, v.label(), when(v.ActivateAt), when(v.RetireAt), when(v.published())})
	}
	return t
}

// published returns when the key leaves the key set. A revoked key left it at once.
func (v keyView) published() time.Time {
	if !v.KilledAt.IsZero() {
		return v.KilledAt
	}
	return v.GoneAt
}

// OneKey names a key of the service.
type OneKey struct {
	Kid string `arg:"" help:"The key's kid, as key list shows it, or its beginning."`
}

// Find returns the key with this kid, or the only key whose kid begins with it.
func (o OneKey) Find(keys *app.LocalKeys) (keyring.Key, error) {
	byKid := map[string]keyring.Key{}
	for _, key := range keys.Keys() {
		byKid[key.Kid()] = key
	}
	kid, ok, err := cli.Match("keys", o.Kid, slices.Collect(maps.Keys(byKid)))
	if err == nil && !ok {
		err = fmt.Errorf("no key is called %s", cli.Printable(o.Kid))
	}
	return byKid[kid], err
}

type keyShow struct{ OneKey }

// Run shows a key.
func (k keyShow) Run(c *cli.Call) error {
	return WithKeys(c, func(keys *app.LocalKeys, now time.Time) error {
		key, err := k.Find(keys)
		if err != nil {
			return err
		}
		v := view(key, now)
		if c.JSON {
			return cli.AsJSON(c.Stdout, v)
		}
		return c.Show(keyDetails(v, key))
	})
}

func keyDetails(v keyView, key keyring.Key) cli.Table {
	public := string(v.Public)
	if v.Public == nil {
		public = "nothing: " + keysource.OnlyHere(key.Algorithm())
	}
	return cli.Details([][]string{
		{"kid", v.Kid},
		{"algorithm", v.Algorithm},
		{"state", v.label()},
		{"created", cli.Clock(v.CreatedAt)},
		{"signs from", when(v.ActivateAt)},
		{"signs until", when(v.RetireAt)},
		{"published until", when(v.published())},
		{"longest token", key.LongestTTL().String()},
		{"public", public},
	})
}

type keyExport struct {
	Kids   []string `arg:"" optional:"" name:"kid" help:"Keys of the service; by default all that are published."`
	Key    []string `help:"Export the public half of this key file instead." placeholder:"FILE" sep:"none"`
	Format string   `help:"Output format: ${enum}." enum:"jwks,jwk,pem" default:"jwks"`
	keysource.KeyFormat
}

// Validate finds wrong usage before anything is done.
func (k keyExport) Validate() error {
	if len(k.Kids) > 0 && len(k.Key) > 0 {
		return errors.New("give either keys of the service or --key")
	}
	return nil
}

// Run writes public keys.
func (k keyExport) Run(c *cli.Call) error {
	if len(k.Key) > 0 {
		return k.files(c)
	}
	return WithKeys(c, func(keys *app.LocalKeys, now time.Time) error {
		if len(k.Kids) == 0 && k.Format == "jwks" {
			// What the service publishes, byte for byte.
			_, err := fmt.Fprintf(c.Stdout, "%s\n", keys.KeySet(now).JSON)
			return err
		}
		chosen, err := k.choose(keys, now)
		if err != nil {
			return err
		}
		return k.write(c.Stdout, chosen)
	})
}

func (k keyExport) choose(keys *app.LocalKeys, now time.Time) (chosen []jose.Key, err error) {
	for _, kid := range k.Kids {
		key, err := OneKey{kid}.Find(keys)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, key.Key)
	}
	if len(k.Kids) > 0 {
		return chosen, nil
	}
	for _, key := range keys.Keys() {
		if key.State(now).Published() && key.CryptoPublic() != nil {
			chosen = append(chosen, key.Key)
		}
	}
	return chosen, nil
}

func (k keyExport) files(c *cli.Call) error {
	var all []jose.Key
	for _, name := range k.Key {
		text, err := cli.ReadFile(name, jose.MaxKeySet)
		if err != nil {
			return err
		}
		keys, err := k.Parse(c, text, k.Algorithm())
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, keys...)
	}
	return k.write(c.Stdout, all)
}

// write writes only the public halves.
func (k keyExport) write(out io.Writer, keys []jose.Key) error {
	var text strings.Builder
	if k.Format == "jwks" {
		set, err := keyfile.PublicKeySet(keys)
		if err != nil {
			return err
		}
		text.Write(set)
		text.WriteByte('\n')
	}
	for _, key := range keys {
		switch k.Format {
		case "jwk":
			if key.CryptoPublic() == nil {
				return fmt.Errorf("key %s has no public half: %s", cli.Printable(key.Kid()), keysource.OnlyHere(key.Algorithm()))
			}
			text.Write(key.PublicJWK())
			text.WriteByte('\n')
		case "pem":
			block, err := keyfile.PublicPEM(key)
			if err != nil {
				return err
			}
			text.Write(block)
		}
	}
	_, err := io.WriteString(out, text.String())
	return err
}
