package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrationLock is the number of our advisory lock in PostgreSQL: "Portaria"
// in ASCII.
const migrationLock int64 = 0x506f727461726961

// migratePostgres lets one process migrate while the others wait. The lock
// belongs to a transaction that stays open meanwhile, and not to a session: a
// connection pooler would leave a session's lock with a connection of others.
func migratePostgres(ctx context.Context, db *sql.DB) error {
	if current, err := isCurrent(ctx, db); err != nil || current {
		return err
	}
	lock, err := lockMigrations(ctx, db)
	if err != nil {
		return wrap("lock for migration", translate(err))
	}
	// There is nothing in it to keep.
	defer func() { _ = lock.Rollback() }()
	return migrate(ctx, db, goose.DialectPostgres)
}

// lockMigrations asks for the lock ten times a second. It does not wait inside
// one statement: that statement's snapshot would be one that CREATE INDEX
// CONCURRENTLY waits for. Nor does it keep a connection while it waits, of which
// a pooler may have few.
func lockMigrations(ctx context.Context, db *sql.DB) (*sql.Tx, error) {
	for {
		tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
		if err != nil {
			return nil, err
		}
		var locked bool
		// The simple protocol, because the other one leaves a portal open, and its
		// snapshot.
		err = tx.QueryRowContext(ctx, "SELECT pg_try_advisory_xact_lock($1)", pgx.QueryExecModeSimpleProtocol, migrationLock).Scan(&locked)
		if err == nil && locked {
			return tx, nil
		}
		if err := errors.Join(err, tx.Rollback()); err != nil {
			return nil, err
		}
		if err := pause(ctx, lockEvery); err != nil {
			return nil, err
		}
	}
}

const lockEvery = 100 * time.Millisecond

func migrate(ctx context.Context, db *sql.DB, dialect goose.Dialect) error {
	folder, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	if dialect == goose.DialectPostgres {
		folder = concurrently{folder}
	}
	// Not the registry of Go migrations: it is global, and any package's.
	provider, err := goose.NewProvider(dialect, db, folder, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return wrap("migrate", err)
	}
	return nil
}

// isCurrent tells whether there is nothing to migrate, without the work that
// goose does to find out: a start must be quick.
func isCurrent(ctx context.Context, db *sql.DB) (bool, error) {
	known, err := newestMigration()
	if err != nil {
		return false, err
	}
	var version int64
	err = db.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&version)
	switch {
	case err != nil && noTable(err):
		return false, nil
	case err != nil:
		return false, wrap("read schema version", translate(err))
	case version > known:
		return false, fmt.Errorf("%w: version %d, this program knows %d", ErrSchemaNewer, version, known)
	}
	return version == known, nil
}

// newestMigration is the version of the last file, by its number.
func newestMigration() (int64, error) {
	entries, err := migrations.ReadDir("migrations")
	if err != nil || len(entries) == 0 {
		return 0, errors.Join(errors.New("no migrations"), err)
	}
	number, _, _ := strings.Cut(entries[len(entries)-1].Name(), "_")
	return strconv.ParseInt(number, 10, 64)
}
