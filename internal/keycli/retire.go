package keycli

import (
	"fmt"
	"time"

	"github.com/portaria/portaria/internal/app"
	"github.com/portaria/portaria/internal/cli"
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
		case r.Successor != "": // it was the active key, so another key follows
			return rotated(c, r)
		}
		return c.Say(viewRotation(r), "%s signs no more tokens; it leaves the key set at %s",
			cli.Printable(k.Kid), when(r.GoneAt))
	})
}

type keyReseal struct{}

// Help says how to change the master key.
func (keyReseal) Help() string {
	return "To change the master key: put a new one (openssl rand -base64 32) on a line before the old one in the " +
		"master key file, restart every process of the service, run this command, then delete the old line. " +
		"Keep this order: a process that was not restarted has only the old key and cannot open what the new key seals."
}

// Run seals all keys and secrets again.
func (keyReseal) Run(c *cli.Call) error {
	return WithKeys(c, func(keys *app.LocalKeys, _ time.Time) error {
		// This command does not know which processes there are.
		fmt.Fprintln(c.Stderr, "note: every process must already have the new master key before the old one in its file, and must have been "+
			"restarted since; other processes cannot open values that are sealed from now on")
		done, err := keys.Reseal(c)
		if err != nil {
			return err
		}
		v := map[string]int{"keys": done.Keys, "secrets": done.Secrets, "already": done.Already}
		return c.Say(v, "sealed again: %d keys, %d secrets; already sealed with the first master key: %d\n"+
			"you may now delete the other master keys from the file", done.Keys, done.Secrets, done.Already)
	})
}
