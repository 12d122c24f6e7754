package main

import (
	"errors"
	"fmt"

	"github.com/portaria/portaria/internal/app"
)

type backupCommand struct {
	File string `arg:"" help:"The file to make. It must not exist."`
}

// Help says what a backup is worth, and without what it is worth nothing.
func (backupCommand) Help() string {
	return "The copy holds everything that was acknowledged before the command began. A copy made with cp while the service " +
		"runs lacks what was written last, or everything. Keep the master key as well, in another place: without it nobody can open the " +
		"copy. After restoring a copy, run portaria revoke new-epoch. PostgreSQL has pg_dump."
}

// Run copies the database.
func (b backupCommand) Run(c *call) error {
	settings, err := c.settings()
	if err != nil {
		return err
	}
	done, err := app.Backup(c, settings, b.File)
	switch {
	case errors.Is(err, app.ErrNoBackup):
		return misuse("%w", err)
	case err != nil:
		return err
	}
	if done.MissingWAL {
		fmt.Fprintln(c.err, "warning:", app.MissingWAL)
	}
	if settings.MasterKey.IsZero() {
		fmt.Fprintf(c.err, "note: nobody can open the copy without the master key; keep %s in another place\n", printable(settings.MasterKeyFile))
	} else {
		fmt.Fprintln(c.err, "note: nobody can open the copy without the master key; keep it in another place")
	}
	view := map[string]any{"file": b.File, "accounts": done.Accounts, "keys": done.Keys}
	return c.say(view, "backed up %s to %s: %d accounts, %d keys", settings.Database, printable(b.File), done.Accounts, done.Keys)
}
