package app

import (
	"context"
	"fmt"

	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/store/sqlstore"
)

// MissingWAL explains to operators why the last writes of a database are missing.
const MissingWAL = "the database file was copied while it was in use, or its -wal file was removed; " +
	"accounts, sessions and keys that were written last may be missing; copy it with portaria backup"

// ErrNoBackup reports a database that is not SQLite.
var ErrNoBackup = sqlstore.ErrNotSQLite

// Backup copies the SQLite database that the settings name to a new file; see
// [sqlstore.Backup].
func Backup(ctx context.Context, c config.Config, file string) (sqlstore.Backed, error) {
	done, err := sqlstore.Backup(ctx, c.Database.Reveal(), file)
	if err != nil {
		return done, fmt.Errorf("%s: %w", c.Database, err)
	}
	return done, nil
}
