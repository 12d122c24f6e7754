package keycli

import (
	"fmt"
	"time"

	"github.com/portaria/portaria/internal/app"
	"github.com/portaria/portaria/internal/cli"
	"github.com/portaria/portaria/internal/config"
)

type keyRotateSecret struct {
	Name   string `arg:"" help:"Which secret: ${enum}." enum:"refresh-token,client-secret,webhook"`
	Honour string `help:"How long the old secret stays valid." default:"7d" placeholder:"7d"`
	Now    bool   `help:"End the old secret at once; for leaks."`
	cli.Consent
}

// Help says what each secret does.
func (keyRotateSecret) Help() string {
	return "refresh-token authenticates refresh tokens, client-secret is what the secrets of clients are hashed under, and the secrets " +
		"of webhooks are derived from webhook. The running service takes over the new secret: after two minutes, or with --now " +
		"within ten seconds."
}

// consequences says what ends with the old secret.
func (k keyRotateSecret) consequences() string {
	switch k.Name {
	case "refresh-token":
		return "Who has not refreshed by then must sign in again. Access tokens live on until they expire: portaria revoke issuer ends them."
	case "client-secret":
		return "Give every client a new secret by then: portaria client rotate-secret ID. Clients of the settings get theirs at the next start."
	}
	return "Give every receiver its new secret by then: portaria webhook rotate-secret ID."
}

// rotatedSecret is what happened, for programs.
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
		return cli.Misuse("--honour must be a duration such as 10m, 24h or 7d; --now ends the old secret at once")
	}
	if k.Now {
		honour = 0
	}
	return WithKeys(c, func(keys *app.LocalKeys, now time.Time) error {
		if k.Now {
			fmt.Fprintf(c.Stderr, "What the secret %s made is refused at once. %s\n", k.Name, k.consequences())
			if err := k.Ask(c, "ending a secret", "End it?"); err != nil {
				return err
			}
		}
		done, err := keys.RotateSecret(c, k.Name, honour, now)
		if err != nil {
			return err
		}
		view := rotatedSecret{done.Name, done.Generation, done.From, done.Until}
		if k.Now {
			return c.Say(view, "rotated %s: generation %d; the ones before it ended", done.Name, done.Generation)
		}
		return c.Say(view, "rotated %s: generation %d is used from %s; the ones before it count until %s\n%s",
			done.Name, done.Generation, when(done.From), when(done.Until), k.consequences())
	})
}
