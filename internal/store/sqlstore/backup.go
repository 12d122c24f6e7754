package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

var (
	// ErrNotSQLite says that a backup is a matter of the database server.
	ErrNotSQLite = errors.New("only a SQLite database is backed up here: use pg_dump for PostgreSQL")
	// ErrDamaged says that the integrity check of SQLite found a fault.
	ErrDamaged = errors.New("database is damaged")
)

// Backed says what a backup holds.
type Backed struct {
	Accounts, Keys int64
	// MissingWAL is [Store.MissingWAL] of the database that was copied.
	MissingWAL bool
}

// Backup writes a copy of a SQLite database to a new file (mode 0600). A
// service may use the database meanwhile: the copy is what it held at one
// moment. The file has its name only once it is whole, checked and on disk. An
// existing file is never replaced: the error is fs.ErrExist. Nothing is
// migrated.
func Backup(ctx context.Context, url, name string) (Backed, error) {
	backed, err := backup(ctx, url, name)
	return backed, wrap("back up database", err)
}

func backup(ctx context.Context, url, name string) (Backed, error) {
	path, ok := strings.CutPrefix(url, "sqlite:")
	if !ok {
		return Backed{}, ErrNotSQLite
	}
	if _, err := os.Stat(path); err != nil {
		return Backed{}, err // before anything is created
	}
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return Backed{}, errors.Join(err, fmt.Errorf("%s: %w", name, fs.ErrExist))
	}
	part, err := os.CreateTemp(filepath.Dir(name), ".portaria-backup-*") // mode 0600
	if err != nil {
		return Backed{}, err
	}
	defer func() { _ = os.Remove(part.Name()) }()
	if err := part.Close(); err != nil {
		return Backed{}, err
	}
	missing, err := copySQLite(ctx, path, part.Name())
	if err != nil {
		return Backed{}, err
	}
	backed, err := checkSQLite(ctx, part.Name())
	if err != nil {
		return Backed{}, err
	}
	backed.MissingWAL = missing
	return backed, publish(part.Name(), name)
}

// copySQLite copies what the database holds into an empty file.
func copySQLite(ctx context.Context, path, to string) (missingWAL bool, err error) {
	connector, err := connectSQLite(path)
	if err != nil {
		return false, err
	}
	file, err := openSQLiteFile(path, true)
	if err != nil {
		return false, err
	}
	db := sql.OpenDB(connector)
	if err := file.arrive(ctx, db); err != nil {
		return false, errors.Join(err, db.Close(), file.turn.Close())
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return false, errors.Join(translate(err), db.Close(), file.turn.Close())
	}
	_, err = conn.ExecContext(ctx, "VACUUM INTO ?", to)
	left := file.leave(conn, func() error { return errors.Join(conn.Close(), db.Close()) })
	return file.missingWAL, errors.Join(translate(err), left)
}

// checkSQLite has SQLite check the copy, and counts what is in it.
func checkSQLite(ctx context.Context, path string) (b Backed, err error) {
	connector, err := connectSQLite(path)
	if err != nil {
		return b, err
	}
	db := sql.OpenDB(connector)
	defer func() { err = errors.Join(err, db.Close()) }()
	var found string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&found); err != nil {
		return b, translate(err)
	}
	if found != "ok" {
		return b, fmt.Errorf("%w: %s", ErrDamaged, found)
	}
	err = db.QueryRowContext(ctx, "SELECT (SELECT COUNT(*) FROM accounts), (SELECT COUNT(*) FROM keys)").Scan(&b.Accounts, &b.Keys)
	if noTable(err) {
		err = errors.New("the file holds no accounts: it is not the database of a service")
	}
	return b, translate(err)
}

// publish gives a file its name, with everything on disk.
func publish(part, name string) error {
	if err := syncFile(part); err != nil {
		return err
	}
	// Unlike a rename, a link never replaces a file.
	if err := os.Link(part, name); err != nil {
		return err
	}
	return syncFile(filepath.Dir(name))
}

func syncFile(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
