package keycli

import (
	"errors"
	"fmt"

	"github.com/portaria/portaria/internal/app"
	"github.com/portaria/portaria/internal/cli"
)

// BackupCommand is the command line for backups.
type BackupCommand struct {
	File string `arg:"" help:"File to create. It must not exist."`
}

// Help says that a backup also needs the master key.
func (BackupCommand) Help() string {
	return "The copy holds everything that was acknowledged before the command began. A copy made with cp while the service " +
		"runs lacks the last writes, or everything. Also keep a copy of the master key somewhere else: without it nobody can open the " +
		"copy. After restoring a copy, run portaria revoke new-epoch. PostgreSQL has pg_dump."
}

// Run copies the database.
func (b BackupCommand) Run(c *cli.Call) error {
	settings, err := c.Settings()
	if err != nil {
		return err
	}
	done, err := app.Backup(c, settings, b.File)
	switch {
	case errors.Is(err, app.ErrNoBackup):
		return cli.Misuse("%w", err)
	case err != nil:
		return err
	}
	if done.MissingWAL {
		fmt.Fprintln(c.Stderr, "warning:", app.MissingWAL)
	}
	if settings.MasterKey == "" {
		fmt.Fprintf(c.Stderr, "note: nobody can open the copy without the master key; keep a copy of %s somewhere else\n", cli.Printable(settings.MasterKeyFile))
	} else {
		fmt.Fprintln(c.Stderr, "note: nobody can open the copy without the master key; keep a copy of it somewhere else")
	}
	view := map[string]any{"file": b.File, "accounts": done.Accounts, "keys": done.Keys}
	return c.Say(view, "backed up %s to %s: %d accounts, %d keys", settings.Database, cli.Printable(b.File), done.Accounts, done.Keys)
}
