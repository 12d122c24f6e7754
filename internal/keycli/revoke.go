package keycli

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/app"
	"github.com/portaria/portaria/internal/cli"
	"github.com/portaria/portaria/internal/keyring"
)

// RevokeKey is the command that revokes a signing key. It has two names: revoke key
// and key kill.
type RevokeKey struct {
	Kid string `arg:"" help:"The key's kid, as key list shows it, or its beginning."`
	cli.Consent
	Unseen bool `help:"Revoke a key that is not one of the service's, such as one that verifiers were given by hand."`
	cli.Confirmation
}

// Help says how it works without the service.
func (RevokeKey) Help() string {
	return "The running service revokes the key and returns a receipt. If the service cannot be reached, the command " +
		"revokes the key in the database; the service reads that when it runs again. revoke key and key kill are the same command."
}

// revokedKey is the result for programs.
type revokedKey struct {
	Kid string `json:"kid"`
	// Was is the state of the key until now, if it is one of the service's.
	Was string `json:"was,omitempty"`
	// Signs is the key that signs from now on, unless the key is not one of the service's.
	Signs string `json:"signs,omitempty"`
	// Receipt is missing if the service could not be reached.
	*api.Receipt
}

// Consequence says which tokens will be rejected. It rejects an unknown kid: after a typing
// error, the key that was meant would stay in use.
func (r RevokeKey) Consequence(c *cli.Call) (text string, err error) {
	if r.Unseen {
		return fmt.Sprintf("Every token signed with key %s will be rejected.", cli.Printable(r.Kid)), nil
	}
	return text, WithKeys(c, func(keys *app.LocalKeys, now time.Time) error {
		key, err := r.find(keys)
		text = consequences(cli.Printable(key.Kid()), key.State(now))
		return err
	})
}

func (r RevokeKey) find(keys *app.LocalKeys) (keyring.Key, error) {
	key, err := (OneKey{r.Kid}).Find(keys)
	if err != nil {
		return key, fmt.Errorf("%w; nothing was revoked. If verifiers were given the key by hand, add --unseen", err)
	}
	return key, nil
}

// Run revokes a key.
func (r RevokeKey) Run(c *cli.Call) error {
	if r.Unseen {
		receipt, err := r.Revoke(c, api.Revoke{Target: api.Target{Key: r.Kid}, Mode: "hard", Unseen: true})
		if err != nil {
			return err
		}
		return sayRevoked(c, revokedKey{Kid: r.Kid, Receipt: &receipt})
	}
	return WithKeys(c, func(keys *app.LocalKeys, now time.Time) error {
		key, err := r.find(keys)
		if err != nil {
			return err
		}
		done := revokedKey{Kid: key.Kid(), Was: key.State(now).String()}
		receipt, err := r.Revoke(c, api.Revoke{Target: api.Target{Key: done.Kid}, Mode: "hard"})
		var unreachable *url.Error
		switch {
		case err == nil:
			done.Receipt = &receipt
		case errors.As(err, &unreachable) && c.Err() == nil:
			fmt.Fprintf(c.Stderr, "note: the service cannot be reached (%v); revoking the key in the database\n", unreachable.Err)
		default:
			return err
		}
		// After the service has revoked the key, this only makes the key that replaces it.
		killed, err := keys.Kill(c, now, done.Kid)
		if err != nil {
			return err
		}
		done.Signs = killed.Signs
		return sayRevoked(c, done)
	})
}

// sayRevoked prints the result.
func sayRevoked(c *cli.Call, r revokedKey) error {
	text := "revoked key " + cli.Printable(r.Kid)
	if r.Was != "" {
		text += ", which was " + r.Was
	}
	if r.Signs != "" {
		text += "\nkey " + cli.Printable(r.Signs) + " signs"
	}
	if r.Receipt != nil {
		text += "\n" + cli.DescribeReceipt(*r.Receipt)
	}
	return c.Say(r, "%s", text)
}

func consequences(name string, was keyring.State) string {
	const rejected = "Every token that it signed is rejected: by this service within ten seconds, " +
		"by others when they next fetch the key set (key_set_max_age at the latest)."
	switch was {
	case keyring.Active:
		return "Key " + name + " is active. " + rejected + "\nClients get a new token by refreshing; nobody has to sign in again. " +
			"If the key signs, the next key signs at once, or a new key if there is no next one."
	case keyring.Retired:
		return "Key " + name + " is retired. " + rejected
	case keyring.Next:
		return "Key " + name + " is next. It has signed nothing yet and leaves the key set. A new next key replaces it."
	default:
		return "Key " + name + " is " + was.String() + ". Its tokens are rejected already."
	}
}
