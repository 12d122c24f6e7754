package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/portaria/portaria/internal/app"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keyring"
)

// succession says when a new key begins to sign.
type succession struct {
	At    time.Time `help:"When it begins to sign, as 2030-01-02T03:04:05Z; by default as soon as everybody can know it." placeholder:"TIME"`
	Drill bool      `help:"Only say what would happen when; change nothing."`
}

// order rotates, or rehearses it, and says what comes of it.
func (s succession) order(c *call, keys *app.LocalKeys, now time.Time, key jose.Key) error {
	order := keyring.Order{Key: key, At: s.At}
	if s.Drill {
		rotation, plan, err := keys.Drill(now, order)
		if err != nil {
			return err
		}
		return c.rehearsed(rotation, plan)
	}
	rotation, err := keys.Rotate(c, now, order)
	if err != nil {
		return err
	}
	return c.rotated(rotation)
}

// rotationView is a rotation for programs.
type rotationView struct {
	Predecessor string    `json:"predecessor"`
	Successor   string    `json:"successor,omitempty"`
	At          time.Time `json:"at"`
	GoneAt      time.Time `json:"gone_at,omitzero"`
	// Already says that the rotation was under way before.
	Already bool       `json:"already"`
	Drill   bool       `json:"drill,omitempty"`
	Steps   []stepView `json:"steps,omitempty"`
}

type stepView struct {
	At    time.Time `json:"at"`
	Kid   string    `json:"kid"`
	State string    `json:"state"`
	Why   string    `json:"why"`
}

func viewRotation(r keyring.Rotation) rotationView {
	return rotationView{Predecessor: r.Predecessor, Successor: r.Successor, At: r.At, GoneAt: r.GoneAt, Already: r.Already}
}

func (c *call) rotated(r keyring.Rotation) error {
	begin := "published now"
	if r.Already {
		begin = "under way already: nothing was changed"
	}
	return c.say(viewRotation(r), "%s\n%s signs from %s\n%s leaves the key set at %s, when its last token has expired",
		begin, printable(r.Successor), when(r.At), printable(r.Predecessor), when(r.GoneAt))
}

func (c *call) rehearsed(r keyring.Rotation, plan keyring.Plan) error {
	v := viewRotation(r)
	v.Drill = true
	rows := [][]string{{"WHEN", "KEY", "BECOMES", "WHY"}}
	for _, s := range plan.Steps {
		v.Steps = append(v.Steps, stepView{s.At, s.Kid, s.State.String(), s.Why})
		rows = append(rows, []string{when(s.At), s.Kid, s.State.String(), s.Why})
	}
	if !c.JSON {
		fmt.Fprintln(c.out, "a rehearsal: nothing was changed")
	}
	return c.print(v, rows)
}

type keyRotate struct{ succession }

// Run has a new key follow the active one.
func (k keyRotate) Run(c *call) error {
	return c.withKeys(func(keys *app.LocalKeys, now time.Time) error {
		return k.order(c, keys, now, jose.Key{})
	})
}

type keyGenerate struct {
	Alg       string `help:"Algorithm: ${algorithms}. By default ES256, or the setting key_algorithm. RS256 and ES256 work nearly everywhere; EdDSA and PS256 do not. HS256 is for a single service." placeholder:"ALG"`
	Out       string `help:"Write the key to this new file (private JWK) instead of the service's keys." placeholder:"FILE"`
	PublicOut string `help:"Write its public half to this new file (JWK)." placeholder:"FILE"`
	Kid       string `help:"Its name in the file; by default its thumbprint (RFC 7638)." placeholder:"KID"`
	succession
}

// Validate finds wrong usage before anything is done.
func (k keyGenerate) Validate() error {
	a := jose.Algorithm(k.Alg)
	switch {
	case k.Alg != "" && !a.Signs() && !a.Encrypts():
		return fmt.Errorf("--alg is one of %s", algorithms())
	case k.Out == "" && (k.PublicOut != "" || k.Kid != ""):
		return errors.New("--public-out and --kid go with --out")
	case k.Out == "" && k.Alg != "" && !a.Signs():
		return fmt.Errorf("%s does not sign; for a key file for other uses, add --out", k.Alg)
	case k.Out != "" && (k.Drill || !k.At.IsZero()):
		return errors.New("--drill and --at do not go with --out")
	case k.PublicOut != "" && a.Symmetric():
		return fmt.Errorf("--public-out: a key for %s is a secret; there is no public half", k.Alg)
	}
	return nil
}

func algorithms() string {
	var names []string
	for _, a := range append(jose.SigningAlgorithms(), jose.EncryptionAlgorithms()...) {
		names = append(names, string(a))
	}
	return strings.Join(names, ", ")
}

// Run makes a key.
func (k keyGenerate) Run(c *call) error {
	if k.Out != "" {
		return k.file(c)
	}
	if k.Alg == "" {
		return keyRotate{k.succession}.Run(c)
	}
	var key jose.Key
	var err error
	if !k.Drill { // a rehearsal must not show the kid of a key that will never be
		if key, err = jose.Generate(jose.Algorithm(k.Alg)); err != nil {
			return err
		}
	}
	return c.withKeys(func(keys *app.LocalKeys, now time.Time) error {
		return k.order(c, keys, now, key)
	})
}

// file makes a key file for other uses.
func (k keyGenerate) file(c *call) error {
	key, err := jose.Generate(cmp.Or(jose.Algorithm(k.Alg), jose.ES256))
	if err == nil && k.Kid != "" {
		key, err = key.WithKid(k.Kid)
	}
	if err != nil {
		return err
	}
	if err := writeNew(k.Out, append(key.RevealJWK(), '\n'), 0o600); err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	if k.PublicOut != "" {
		if err := writeNew(k.PublicOut, append(key.PublicJWK(), '\n'), 0o644); err != nil {
			return fmt.Errorf("write public key: %w", err)
		}
	}
	if key.Algorithm().Symmetric() && key.Algorithm().Signs() {
		fmt.Fprintln(c.err, "note:", onlyHere(key.Algorithm()))
	}
	made := map[string]string{"kid": key.Kid(), "alg": string(key.Algorithm()), "file": k.Out}
	return c.say(made, "made %s key %s in %s", key.Algorithm(), printable(key.Kid()), k.Out)
}

type keyImport struct {
	File string `arg:"" optional:"" default:"-" help:"Key file (PEM, OpenSSH, JWK, JWK set, raw secret); - or nothing is standard input."`
	Kid  string `help:"Its name here; by default the one that it brings, or its thumbprint." placeholder:"KID"`
	keyFormat
	succession
}

// Run takes over keys.
func (k keyImport) Run(c *call) error {
	keys, err := k.read(c)
	if err != nil {
		return err
	}
	if keys[0].Private() && len(keys) > 1 {
		return misuse("the set holds private keys: import one at a time, because one follows another")
	}
	return c.withKeys(func(ring *app.LocalKeys, now time.Time) error {
		if keys[0].Private() {
			return k.succeed(c, ring, now, keys[0])
		}
		return k.trust(c, ring, now, keys)
	})
}

func (k keyImport) read(c *call) ([]jose.Key, error) {
	var text []byte
	var err error
	if k.File == "-" {
		text, err = readAll(c.in, "standard input", jose.MaxKeySet)
	} else {
		text, err = readFile(k.File, jose.MaxKeySet)
	}
	if err != nil {
		return nil, err
	}
	keys, err := k.parse(c, text, k.algorithm())
	if err != nil || k.Kid == "" {
		return keys, err
	}
	if len(keys) > 1 {
		return nil, misuse("--kid names one key; there are %d", len(keys))
	}
	keys[0], err = keys[0].WithKid(k.Kid)
	return keys, err
}

func (k keyImport) succeed(c *call, ring *app.LocalKeys, now time.Time, key jose.Key) error {
	if key.Algorithm().Symmetric() {
		fmt.Fprintln(c.err, "note:", onlyHere(key.Algorithm()))
	}
	return k.order(c, ring, now, key)
}

func (k keyImport) trust(c *call, ring *app.LocalKeys, now time.Time, keys []jose.Key) error {
	if k.Drill || !k.At.IsZero() {
		return misuse("--drill and --at are for private keys: a public one signs nothing")
	}
	kids := []string{}
	for _, key := range keys {
		if key.Private() {
			return misuse("the set holds private keys: import one at a time, because one follows another")
		}
	}
	for _, key := range keys {
		if err := ring.Trust(c, now, key); err != nil {
			return err
		}
		kids = append(kids, key.Kid())
	}
	return c.say(map[string]any{"kids": kids}, "published %s: tokens that they signed are accepted until you retire them\n"+
		"whoever holds the private half can make such tokens", printable(strings.Join(kids, ", ")))
}

type keyRetire struct{ oneKey }

// Run retires a key.
func (k keyRetire) Run(c *call) error {
	return c.withKeys(func(keys *app.LocalKeys, now time.Time) error {
		if _, err := k.find(keys); err != nil {
			return err
		}
		r, err := keys.Retire(c, now, k.Kid)
		switch {
		case err != nil:
			return err
		case r.Successor != "": // it signs: somebody has to
			return c.rotated(r)
		}
		return c.say(viewRotation(r), "%s verifies only what was signed before, and leaves the key set at %s",
			printable(k.Kid), when(r.GoneAt))
	})
}

type keyKill struct {
	oneKey
	Yes bool `help:"Do not ask."`
}

// killView is a kill for programs.
type killView struct {
	Kid   string `json:"kid"`
	Was   string `json:"was"`
	Signs string `json:"signs"`
}

// Run kills a key.
func (k keyKill) Run(c *call) error {
	return c.withKeys(func(keys *app.LocalKeys, now time.Time) error {
		key, err := k.find(keys)
		if err != nil {
			return err
		}
		if err := k.confirm(c, key.State(now)); err != nil {
			return err
		}
		killed, err := keys.Kill(c, now, k.Kid)
		if err != nil {
			return err
		}
		v := killView{killed.Kid, killed.Was.String(), killed.Signs}
		return c.say(v, "killed %s, which was %s\n%s signs", printable(v.Kid), v.Was, printable(v.Signs))
	})
}

// confirm says what follows, and asks whoever can answer.
func (k keyKill) confirm(c *call, was keyring.State) error {
	fmt.Fprintln(c.err, k.consequences(was))
	if k.Yes {
		return nil
	}
	if !term.IsTerminal(int(c.in.Fd())) {
		return misuse("nothing was changed: killing a key cannot be undone; say --yes")
	}
	fmt.Fprint(c.err, "Kill it? Type yes: ")
	answer, err := bufio.NewReader(io.LimitReader(c.in, 16)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read answer: %w", err)
	}
	if strings.TrimSpace(answer) != "yes" {
		return errors.New("nothing was changed")
	}
	return nil
}

func (k keyKill) consequences(was keyring.State) string {
	const refused = "every token that it signed is refused: by this service within ten seconds, by others when they next fetch the key set (key_set_max_age at the latest)"
	name := printable(k.Kid)
	switch was {
	case keyring.Active:
		return name + " is active: " + refused + ".\nClients get a new token by refreshing; nobody has to sign in again. If it signs, another key does at once."
	case keyring.Retired:
		return name + " is retired: " + refused + "."
	case keyring.Next:
		return name + " is next: it has signed nothing yet, and leaves the key set. Another one is made in its place."
	default:
		return name + " is " + was.String() + ": nothing is accepted from it already."
	}
}

type keyReseal struct{}

// Help says how to change the master key.
func (keyReseal) Help() string {
	return "To change the master key: put a new one (openssl rand -base64 32) on a line before the old one in the " +
		"master key file, restart every process of the service, run this, then take the old line out."
}

// Run seals everything anew.
func (keyReseal) Run(c *call) error {
	return c.withKeys(func(keys *app.LocalKeys, _ time.Time) error {
		done, err := keys.Reseal(c)
		if err != nil {
			return err
		}
		v := map[string]int{"keys": done.Keys, "secrets": done.Secrets, "already": done.Already}
		return c.say(v, "sealed anew: %d keys, %d secrets; sealed with the first master key before: %d\n"+
			"the other master keys may now be taken out of the file", done.Keys, done.Secrets, done.Already)
	})
}
