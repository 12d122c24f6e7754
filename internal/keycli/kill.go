package keycli

import (
	"fmt"
	"time"

	"github.com/portaria/portaria/internal/app"
	"github.com/portaria/portaria/internal/cli"
	"github.com/portaria/portaria/internal/keyring"
)

type keyRetire struct{ OneKey }

// Run retires a key.
func (k keyRetire) Run(c *cli.Call) error {
	return WithKeys(c, func(keys *app.LocalKeys, now time.Time) error {
		if _, err := k.Find(keys); err != nil {
			return err
		}
		r, err := keys.Retire(c, now, k.Kid)
		switch {
		case err != nil:
			return err
		case r.Successor != "": // it signs: somebody has to
			return rotated(c, r)
		}
		return c.Say(viewRotation(r), "%s verifies only what was signed before, and leaves the key set at %s",
			cli.Printable(k.Kid), when(r.GoneAt))
	})
}

type keyKill struct {
	OneKey
	cli.Consent
}

// killView is a kill for programs.
type killView struct {
	Kid   string `json:"kid"`
	Was   string `json:"was"`
	Signs string `json:"signs"`
}

// Run kills a key.
func (k keyKill) Run(c *cli.Call) error {
	return WithKeys(c, func(keys *app.LocalKeys, now time.Time) error {
		key, err := k.Find(keys)
		if err != nil {
			return err
		}
		if err := Confirm(c, k.Consent, k.Kid, key.State(now)); err != nil {
			return err
		}
		killed, err := keys.Kill(c, now, k.Kid)
		if err != nil {
			return err
		}
		v := killView{killed.Kid, killed.Was.String(), killed.Signs}
		return c.Say(v, "killed %s, which was %s\n%s signs", cli.Printable(v.Kid), v.Was, cli.Printable(v.Signs))
	})
}

// Texts of the confirmation, shared by key kill and revoke key.
const (
	Revoking       = "revoking a key"
	RevokeQuestion = "Revoke it?"
)

// Confirm explains what revoking a key does and asks for confirmation.
func Confirm(c *cli.Call, consent cli.Consent, kid string, was keyring.State) error {
	fmt.Fprintln(c.Stderr, consequences(cli.Printable(kid), was))
	return consent.Ask(c, Revoking, RevokeQuestion)
}

func consequences(name string, was keyring.State) string {
	const rejected = "Every token that it signed is rejected: by this service within ten seconds, " +
		"by others when they next fetch the key set (key_set_max_age at the latest)."
	switch was {
	case keyring.Active:
		return name + " is active. " + rejected + "\nClients get a new token by refreshing; nobody has to sign in again. " +
			"If the key signs, the next key signs at once, or a new key if there is no next one."
	case keyring.Retired:
		return name + " is retired. " + rejected
	case keyring.Next:
		return name + " is next. It has signed nothing yet and leaves the key set. A new next key replaces it."
	default:
		return name + " is " + was.String() + ". Its tokens are rejected already."
	}
}

type keyReseal struct{}

// Help says how to change the master key.
func (keyReseal) Help() string {
	return "To change the master key: put a new one (openssl rand -base64 32) on a line before the old one in the " +
		"master key file, restart every process of the service, run this, then take the old line out. " +
		"In this order: a process that was not restarted has only the old key, and cannot open what is sealed with the new one."
}

// Run seals everything anew.
func (keyReseal) Run(c *cli.Call) error {
	return WithKeys(c, func(keys *app.LocalKeys, _ time.Time) error {
		// Nobody here can know which processes there are.
		fmt.Fprintln(c.Stderr, "note: first put the new master key before the old one in each process's file, and restart each: "+
			"one that was not cannot open what is sealed from now on")
		done, err := keys.Reseal(c)
		if err != nil {
			return err
		}
		v := map[string]int{"keys": done.Keys, "secrets": done.Secrets, "already": done.Already}
		return c.Say(v, "sealed anew: %d keys, %d secrets; sealed with the first master key before: %d\n"+
			"the other master keys may now be taken out of the file", done.Keys, done.Secrets, done.Already)
	})
}
