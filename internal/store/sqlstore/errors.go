package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/store"
)

// The SQLSTATE codes of PostgreSQL that are handled.
const (
	pgForeignKey    = "23503"
	pgUnique        = "23505"
	pgInvalidText   = "22021"
	pgSerialization = "40001"
	pgDeadlock      = "40P01"
	pgNoTable       = "42P01"
	pgLockTimeout   = "55P03"

	// The server is a standby, or was made read-only.
	pgReadOnly = "25006"
	// The prepared statements of the connection are others than pgx believes:
	// a pooler changed the server, or a migration the tables.
	pgNoStatement     = "26000"
	pgStatementExists = "42P05"
	pgPlanChanged     = "0A000"

	// Classes of codes: the connection failed; the role may not connect; out of
	// memory, connections or disk; shutting down or starting up; the system
	// under PostgreSQL failed.
	pgConnection    = "08"
	pgAuthorization = "28"

	pgResources = "53"
	pgOperator  = "57"
	pgSystem    = "58"
)

// taken returns the error of the domain for a unique violation in a table.
func taken(table string) error {
	switch table {
	case "identifiers":
		return account.ErrIdentifierTaken
	case "keys", "secrets":
		return keyring.ErrConflict
	case "credentials":
		return account.ErrCredential
	case "links":
		return account.ErrLinkTaken
	case "clients":
		return clients.ErrTaken
	case "assertions":
		return clients.ErrReplayed
	}
	return nil
}

// translate converts the error of an engine to one of the domain. All engines' errors
// pass through here; others stay as they are.
func translate(err error) error {
	var pg *pgconn.PgError
	var lite *sqlite.Error
	var known error
	switch {
	case errors.As(err, &pg):
		known = meaningPostgres(pg)
	case errors.As(err, &lite):
		known = meaningSQLite(lite)
	}
	if known != nil {
		return known
	}
	if unavailable(err) {
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	return err
}

// unavailable reports that the database is not there, or not well.
func unavailable(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code[:min(2, len(pg.Code))] {
		case pgConnection, pgAuthorization, pgResources, pgOperator, pgSystem:
			return true
		}
		return pg.Code == pgLockTimeout || spoils(pg.Code) || transient(err)
	}
	return errors.Is(err, context.DeadlineExceeded) || broken(err) || undone(err)
}

// broken reports that the connection to PostgreSQL could not be made, or broke.
func broken(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || pgconn.SafeToRetry(err)
}

func meaningPostgres(err *pgconn.PgError) error {
	switch err.Code {
	case pgUnique:
		return taken(err.TableName)
	case pgForeignKey:
		return account.ErrChanged // all foreign keys name an account
	case pgInvalidText:
		return ErrInvalidText
	}
	return nil
}

func meaningSQLite(err *sqlite.Error) error {
	switch err.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		// "… UNIQUE constraint failed: table.column, … (2067)"
		_, where, _ := strings.Cut(err.Error(), "UNIQUE constraint failed: ")
		table, _, _ := strings.Cut(where, ".")
		return taken(table)
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return account.ErrChanged
	case sqlite3.SQLITE_NOTADB:
		return ErrNotDatabase
	}
	return nil
}

// transient reports that PostgreSQL undid a transaction to let another go
// ahead; the same again will do.
func transient(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == pgSerialization || pg.Code == pgDeadlock)
}

// spoilt reports that the server refused a statement, and did nothing of it,
// for a reason that ends with the connection. When a server shuts down, that is
// not known: its last word may follow a commit.
func spoilt(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	switch pg.Code {
	case pgReadOnly, pgNoStatement, pgStatementExists, pgPlanChanged:
		return true
	}
	return false
}

// ended reports that the connection is gone, or of no more use.
func ended(err error) bool {
	var pg *pgconn.PgError
	return broken(err) || errors.As(err, &pg) && spoils(pg.Code)
}

// noTable reports that a query named a table that is not there.
func noTable(err error) bool {
	var pg *pgconn.PgError
	var lite *sqlite.Error
	switch {
	case errors.As(err, &pg):
		return pg.Code == pgNoTable
	case errors.As(err, &lite):
		return strings.Contains(lite.Error(), "no such table")
	}
	return false
}

// busy reports that another process holds SQLite's lock.
func busy(err error) bool {
	var lite *sqlite.Error
	return errors.As(err, &lite) && lite.Code()&0xff == sqlite3.SQLITE_BUSY
}

// undone reports an error after which SQLite may have rolled back the whole
// transaction on its own, with all that others have in it: those that
// sqlite.org/lang_transaction.html names, and a damaged file.
func undone(err error) bool {
	var lite *sqlite.Error
	if !errors.As(err, &lite) {
		return false
	}
	switch lite.Code() & 0xff { // the primary code of an extended one
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_BUSY,
		sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_CORRUPT:
		return true
	}
	return false
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// missing wraps err, with notFound for an absent row, and for a text that no row can
// hold.
func missing(what string, err, notFound error) error {
	if errors.Is(err, sql.ErrNoRows) || errors.Is(err, ErrInvalidText) {
		err = notFound
	}
	return wrap(what, err)
}

// some wraps err, with notFound when no row was changed.
func some(what string, rows int64, err, notFound error) error {
	if err == nil && rows == 0 {
		err = notFound
	}
	return wrap(what, err)
}
