package keycli

import (
	"time"

	"github.com/portaria/portaria/internal/app"
	"github.com/portaria/portaria/internal/cli"
	"github.com/portaria/portaria/internal/config"
)

type keyRotateSecret struct {
	Name   string `arg:"" help:"Which secret: ${enum}." enum:"refresh-token,client-secret,webhook,device"`
	Honour string `help:"How long the old secret stays valid." default:"7d" placeholder:"7d"`
	Now    bool   `help:"Invalidate the old secret at once; for leaks."`
	cli.Consent
}

// Help says what depends on each secret.
func (keyRotateSecret) Help() string {
	return "refresh-token authenticates refresh tokens. client-secret is the key of the hashes of client secrets. The secrets " +
		"of webhooks are derived from webhook. device signs device tokens. The running service uses the new secret after two minutes, or with --now " +
		"within ten seconds."
}

// Destroys reports whether the old secret ends at once.
func (k keyRotateSecret) Destroys() bool { return k.Now }

// Consequence names what is rejected when the old secret ends at once.
func (k keyRotateSecret) Consequence(*cli.Call) (string, error) {
	return "Everything that depends on the old secret " + k.Name + " will be rejected at once. " + k.instruction(), nil
}

// instruction returns what people have to do before the old secret ends.
func (k keyRotateSecret) instruction() string {
	switch k.Name {
	case "refresh-token":
		return "People who have not refreshed by then must sign in again. Access tokens stay valid until they expire; portaria revoke issuer revokes them."
	case "client-secret":
		return "Give every client a new secret by then: portaria client rotate-secret ID. Clients of the settings get theirs at the next start."
	case "device":
		return "Devices that have not signed in again by then are strangers at their next sign-in: see docs/guides/guessing.md."
	}
	return "Give every receiver its new secret by then: portaria webhook rotate-secret ID."
}

// rotatedSecret is the result for programs.
type rotatedSecret struct {
	Name       string    `json:"name"`
	Generation int       `json:"generation"`
	From       time.Time `json:"from"`
	Until      time.Time `json:"old_until"`
}

// Run rotates a secret.
func (k keyRotateSecret) Run(c *cli.Call) error {
	honour, err := config.ParseDuration(k.Honour)
	if err != nil || honour <= 0 {
		return cli.Misuse("--honour must be a duration such as 10m, 24h or 7d; --now invalidates the old secret at once")
	}
	if k.Now {
		honour = 0
	}
	return WithKeys(c, func(keys *app.LocalKeys, now time.Time) error {
		done, err := keys.RotateSecret(c, k.Name, honour, now)
		if err != nil {
			return err
		}
		view := rotatedSecret{done.Name, done.Generation, done.From, done.Until}
		if k.Now {
			return c.Say(view, "rotated %s: generation %d; earlier ones are invalid", done.Name, done.Generation)
		}
		return c.Say(view, "rotated %s: generation %d is used from %s; earlier ones stay valid until %s\n%s",
			done.Name, done.Generation, when(done.From), when(done.Until), k.instruction())
	})
}
