package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"os"
	"time"

	"github.com/portaria/portaria/internal/store/sqlstore/turn"
)

// sqliteFile is a database file, and what its state on disk says.
//
// A file that is in use is in WAL mode, which its header says, and has a -wal
// file beside it that holds what was written last. The last process that
// closes it takes it out of WAL mode. A file in WAL mode without a -wal file
// was therefore copied while it was in use, or its -wal file was removed.
type sqliteFile struct {
	path  string
	turn  *turn.Turn
	guest bool
	// missingWAL says that the last writes are missing: see above.
	missingWAL bool
}

func openSQLiteFile(path string, guest bool) (*sqliteFile, error) {
	t, err := turn.Open(path + "-turn")
	if err != nil {
		return nil, err
	}
	return &sqliteFile{path: path, turn: t, guest: guest}, nil
}

// prepare brings mode and schema of the file up to date. It holds the turn, so
// that no other process opens or leaves the file meanwhile.
func (f *sqliteFile) prepare(ctx context.Context, db *sql.DB, connector driver.Connector) error {
	if err := f.turn.Take(turnPatience); err != nil {
		return err
	}
	defer f.turn.Give()
	if err := f.inspect(ctx, db); err != nil {
		return err
	}
	current, err := isCurrent(ctx, db)
	if err != nil {
		return err
	}
	if err := useWAL(ctx, db); err != nil || current {
		return err
	}
	return migrateSQLite(ctx, connector)
}

// arrive inspects a file that is only read.
func (f *sqliteFile) arrive(ctx context.Context, db *sql.DB) error {
	if err := f.turn.Take(turnPatience); err != nil {
		return err
	}
	defer f.turn.Give()
	return f.inspect(ctx, db)
}

// inspect finds out whether the -wal file is missing. The first connection
// makes one, so this must look before.
func (f *sqliteFile) inspect(ctx context.Context, db *sql.DB) error {
	_, err := os.Stat(f.path + "-wal")
	if err == nil {
		return nil
	}
	var mode string
	if err := db.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return wrap("read journal mode", translate(err))
	}
	f.missingWAL = mode == "wal"
	return nil
}

// leave closes the connections of this process, conn being the last one. If no
// other process has the file open, it takes the file out of WAL mode.
func (f *sqliteFile) leave(conn *sql.Conn, closeAll func() error) error {
	// Without the turn, two processes that leave at once may both think that
	// the other one stays.
	turnErr := f.turn.Take(turnPatience)
	if turnErr == nil && (!f.missingWAL || !f.guest) {
		turnErr = f.leaveWAL(conn)
	}
	if turnErr == nil {
		return errors.Join(closeAll(), f.turn.Remove())
	}
	return errors.Join(closeAll(), f.turn.Close())
}

// leaveWAL returns an error when another process has the file open. It does not
// wait for that to change.
func (f *sqliteFile) leaveWAL(conn *sql.Conn) error {
	ctx := context.Background()
	if _, err := conn.ExecContext(ctx, "PRAGMA busy_timeout=0"); err != nil {
		return err
	}
	var mode string
	if err := conn.QueryRowContext(ctx, "PRAGMA journal_mode=DELETE").Scan(&mode); err != nil {
		return err
	}
	if mode != "delete" {
		return errors.New("still in WAL mode")
	}
	return nil
}

// turnPatience is how long a writer waits for other processes; it is SQLite's
// busy_timeout as well.
const turnPatience = 10 * time.Second

// transactInTurn runs a batch. It uses no caller's context: a cancelled caller must not
// undo the steps of the others.
func transactInTurn(t *turn.Turn, c *sqliteConn, batch []*job) ([]error, error) {
	ctx := context.Background()
	return runGuarded(func(guarded bool) ([]error, error) {
		if err := beginInTurn(ctx, t, c); err != nil {
			return nil, wrap("begin", err)
		}
		return runBatch(ctx, c, batch, guarded)
	})
}

// beginInTurn begins a transaction that may write. It holds the turn until it
// has SQLite's write lock, so that it waits for one transaction of others at
// most.
func beginInTurn(ctx context.Context, t *turn.Turn, c *sqliteConn) error {
	if err := t.Take(turnPatience); err != nil {
		return errors.Join(err, context.DeadlineExceeded)
	}
	defer t.Give()
	return c.exec(ctx, "BEGIN IMMEDIATE")
}

// MissingWAL reports that the SQLite file was copied while it was in use, or
// that its -wal file was removed: what was written last is missing.
func (s *Store) MissingWAL() bool {
	e, ok := s.engine.(*sqliteEngine)
	return ok && e.file.missingWAL
}
