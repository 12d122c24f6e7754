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

// migrate brings the schema up to the newest migration. The caller holds the
// lock for migrations.
func migrate(ctx context.Context, db *sql.DB, dialect goose.Dialect) error {
	// Another process may have migrated while this one waited for the lock.
	if current, err := isCurrent(ctx, db); err != nil || current {
		return err
	}
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
	since, err := readableSince(migrations)
	if err != nil {
		return err
	}
	// First, so that no older program starts while a migration contracts the
	// schema; and again, because the table may be new.
	if err := raiseReadable(ctx, db, since); err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return wrap("migrate", err)
	}
	return raiseReadable(ctx, db, since)
}

// isCurrent reports whether there is nothing to migrate, without the work that
// goose does to find out: a start must be quick. A newer schema is current if
// this program can use it, and ErrSchemaNewer otherwise.
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
		return canUse(ctx, db, version, known)
	}
	return version == known, nil
}

// canUse reports whether a program that knows the schema up to known can use the
// newer schema version.
func canUse(ctx context.Context, db *sql.DB, version, known int64) (bool, error) {
	var since int64
	err := db.QueryRowContext(ctx, "SELECT since FROM schema_readable WHERE one = 1").Scan(&since)
	switch {
	case noTable(err) || errors.Is(err, sql.ErrNoRows):
		since = version
	case err != nil:
		return false, wrap("read schema_readable", translate(err))
	}
	if since > known {
		return false, fmt.Errorf("%w: the schema has version %d and needs a program that knows version %d or later; "+
			"this program knows version %d: start a newer version of portaria", ErrSchemaNewer, version, since, known)
	}
	return true, nil
}

// raiseReadable stores the oldest schema version whose program can use the
// database. It never lowers it. A database without the table is left as it is.
func raiseReadable(ctx context.Context, db *sql.DB, since int64) error {
	_, err := db.ExecContext(ctx, "UPDATE schema_readable SET since = $1 WHERE one = 1 AND since < $1", since)
	if noTable(err) {
		return nil
	}
	return wrap("raise schema_readable", err)
}

// readableSince returns the greatest readable_since of the migrations in a
// folder. Each file states it in its first line, and never more than its own
// number.
func readableSince(folder fs.FS) (int64, error) {
	names, err := fs.Glob(folder, "migrations/*.sql")
	if err != nil {
		return 0, err
	}
	var greatest int64
	for _, name := range names {
		text, err := fs.ReadFile(folder, name)
		if err != nil {
			return 0, err
		}
		first, _, _ := strings.Cut(string(text), "\n")
		value, found := strings.CutPrefix(first, "-- readable_since: ")
		since, err := strconv.ParseInt(value, 10, 64)
		number, _, _ := strings.Cut(strings.TrimPrefix(name, "migrations/"), "_")
		own, errOwn := strconv.ParseInt(number, 10, 64)
		if !found || err != nil || errOwn != nil || since < 1 || since > own {
			return 0, fmt.Errorf("%s: the first line must be \"-- readable_since: N\", N from 1 to the file's number", name)
		}
		greatest = max(greatest, since)
	}
	return greatest, nil
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
