package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"time"

	"github.com/pressly/goose/v3"
)

// migrateSQLite migrates in one transaction. Its write lock lets one process do
// so while the others wait; then they find nothing to do.
func migrateSQLite(ctx context.Context, connector driver.Connector) (err error) {
	db := sql.OpenDB(nested{connector})
	db.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return wrap("lock for migration", err)
	}
	// Without a COMMIT, closing the connection rolls back.
	if err := migrate(ctx, db, goose.DialectSQLite3); err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "COMMIT")
	return wrap("commit migration", err)
}

// How long to wait until no other process uses the file. That is soon, because they only
// read a version.
const (
	walAttempts = 500
	walPause    = 20 * time.Millisecond
)

// useWAL switches the file to WAL mode, where it stays; a copy made as a backup
// may have left it. SQLite does not wait by itself until that is possible.
func useWAL(ctx context.Context, db *sql.DB) error {
	for attempt := 1; ; attempt++ {
		var mode string
		err := db.QueryRowContext(ctx, "PRAGMA journal_mode=WAL").Scan(&mode)
		if err == nil && mode != "wal" {
			return errors.New("file system cannot hold a SQLite database in WAL mode")
		}
		if !busy(err) || attempt == walAttempts {
			return wrap("switch to WAL", translate(err))
		}
		select {
		case <-time.After(walPause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// nested makes connections whose transactions are savepoints, so that goose's
// own transactions fit into one around all of them.
type nested struct{ driver.Connector }

// Connect implements [driver.Connector].
func (n nested) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := n.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	capable, ok := conn.(capableConn)
	if !ok {
		return nil, errors.Join(errors.New("SQLite driver lost an interface"), conn.Close())
	}
	return nestedConn{capable}, nil
}

// capableConn is what database/sql looks for in a connection, and the driver
// has.
type capableConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
}

type nestedConn struct{ capableConn }

// BeginTx implements [driver.ConnBeginTx].
func (c nestedConn) BeginTx(ctx context.Context, _ driver.TxOptions) (driver.Tx, error) {
	return savepoint(c), c.exec(ctx, "SAVEPOINT migration")
}

func (c nestedConn) exec(ctx context.Context, text string) error {
	_, err := c.ExecContext(ctx, text, nil)
	return err
}

// savepoint is a transaction within another.
type savepoint struct{ capableConn }

// Commit implements [driver.Tx].
func (s savepoint) Commit() error {
	return nestedConn(s).exec(context.Background(), "RELEASE migration")
}

// Rollback implements [driver.Tx].
func (s savepoint) Rollback() error {
	return errors.Join(nestedConn(s).exec(context.Background(), "ROLLBACK TO migration"), s.Commit())
}
