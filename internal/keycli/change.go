package keycli

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/portaria/portaria/internal/app"
	"github.com/portaria/portaria/internal/cli"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/workbench/keysource"
)

// succession holds the flags for when a new key begins to sign.
type succession struct {
	At    time.Time `help:"Time to start signing, as 2030-01-02T03:04:05Z; by default as soon as verifiers have had time to fetch the key." placeholder:"TIME"`
	Drill bool      `help:"Print the plan and change nothing."`
}

// replacement holds the flag for the previous next key.
type replacement struct {
	Replace bool `help:"Replace the next key, if there is one; it has signed nothing yet."`
}

// order rotates, or rehearses a rotation, and prints the result.
func (s succession) order(c *cli.Call, keys *app.LocalKeys, now time.Time, order keyring.Order) error {
	return advise(s.carryOut(c, keys, now, order))
}

// advise adds the flag that solves the error.
func advise(err error) error {
	if errors.Is(err, keyring.ErrRotating) {
		return fmt.Errorf("%w (--replace)", err)
	}
	return err
}

func (s succession) carryOut(c *cli.Call, keys *app.LocalKeys, now time.Time, order keyring.Order) error {
	order.At = s.At
	if s.Drill {
		rotation, plan, err := keys.Drill(now, order)
		if err != nil {
			return err
		}
		return rehearsed(c, rotation, plan)
	}
	rotation, err := keys.Rotate(c, now, order)
	if err != nil {
		return err
	}
	return rotated(c, rotation)
}

// rotationView is a rotation for programs.
type rotationView struct {
	Predecessor string    `json:"predecessor"`
	Successor   string    `json:"successor,omitempty"`
	At          time.Time `json:"at"`
	GoneAt      time.Time `json:"gone_at,omitzero"`
	// Already reports that the rotation was in progress before.
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

func rotated(c *cli.Call, r keyring.Rotation) error {
	begin := "published now"
	if r.Already {
		begin = "a rotation is in progress: nothing was changed"
	}
	return c.Say(viewRotation(r), "%s\n%s signs from %s\n%s leaves the key set at %s, when its last token has expired",
		begin, cli.Printable(r.Successor), when(r.At), cli.Printable(r.Predecessor), when(r.GoneAt))
}

func rehearsed(c *cli.Call, r keyring.Rotation, plan keyring.Plan) error {
	v := viewRotation(r)
	v.Drill = true
	for _, s := range plan.Steps {
		v.Steps = append(v.Steps, stepView{s.At, s.Kid, s.State.String(), s.Why})
	}
	if !c.JSON {
		fmt.Fprintln(c.Stdout, "rehearsal: nothing was changed")
		if r.Already {
			fmt.Fprintf(c.Stdout, "a rotation is in progress: nothing would be changed; %s signs from %s\n", cli.Printable(r.Successor), when(r.At))
		}
	}
	return c.List(v, planTable(v.Steps))
}

func planTable(steps []stepView) cli.Table {
	t := cli.Table{Columns: cli.Columns("=WHEN", "#KEY", "=BECOMES", "WHY")}
	for _, s := range steps {
		t.Rows = append(t.Rows, []string{when(s.At), s.Kid, s.State, s.Why})
	}
	return t
}

type keyRotate struct{ succession }

// Run creates a key that follows the active one.
func (k keyRotate) Run(c *cli.Call) error {
	return WithKeys(c, func(keys *app.LocalKeys, now time.Time) error {
		return k.order(c, keys, now, keyring.Order{})
	})
}

type keyGenerate struct {
	Alg       string `help:"Algorithm, by default ES256, or the setting key_algorithm; ECDH-ES+A256KW encrypts. RS256 and ES256 work nearly everywhere; EdDSA and PS256 do not. HS256 is for a single service." placeholder:"ALG"`
	Out       string `help:"Write the key to this new file (private JWK) instead of the service's keys." placeholder:"FILE"`
	PublicOut string `help:"Write its public half to this new file (JWK)." placeholder:"FILE"`
	Kid       string `help:"The key's kid in the file; by default its thumbprint (RFC 7638)." placeholder:"KID"`
	succession
	replacement
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
	case k.Out != "" && (k.Drill || k.Replace || !k.At.IsZero()):
		return errors.New("--drill, --at and --replace do not go with --out")
	case k.Out == "-" || k.PublicOut == "-":
		return errors.New("--out and --public-out name files; key export prints public keys")
	case k.Out != "" && k.PublicOut == k.Out:
		return errors.New("--out and --public-out are two files")
	case k.PublicOut != "" && a.Symmetric():
		return fmt.Errorf("--public-out: a key for %s is a secret; there is no public half", k.Alg)
	}
	return nil
}

func algorithms() string {
	var names []string
	for _, a := range append(jose.SigningAlgorithms(), jose.EncryptionAlgorithms()...) {
		if a.Legacy() {
			a += " (legacy)"
		}
		names = append(names, string(a))
	}
	return strings.Join(names, ", ")
}

// Run generates a key.
func (k keyGenerate) Run(c *cli.Call) error {
	if k.Out != "" {
		return k.file(c)
	}
	return WithKeys(c, func(keys *app.LocalKeys, now time.Time) error {
		return k.order(c, keys, now, keyring.Order{Algorithm: jose.Algorithm(k.Alg), Replace: k.Replace})
	})
}

// file writes a key file for other uses.
func (k keyGenerate) file(c *cli.Call) error {
	key, err := jose.Generate(cmp.Or(jose.Algorithm(k.Alg), jose.ES256))
	if err == nil && k.Kid != "" {
		key, err = key.WithKid(k.Kid)
	}
	if err != nil {
		return err
	}
	if err := cli.WriteNew(k.Out, append(key.RevealJWK(), '\n'), 0o600); err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	if k.PublicOut != "" {
		if err := cli.WriteNew(k.PublicOut, append(key.PublicJWK(), '\n'), 0o644); err != nil {
			return fmt.Errorf("write public key: %w", err)
		}
	}
	if key.Algorithm().Symmetric() && key.Algorithm().Signs() {
		fmt.Fprintln(c.Stderr, "note:", keysource.OnlyHere(key.Algorithm()))
	}
	made := map[string]string{"kid": key.Kid(), "alg": string(key.Algorithm()), "file": k.Out}
	return c.Say(made, "made %s key %s in %s", key.Algorithm(), cli.Printable(key.Kid()), k.Out)
}
