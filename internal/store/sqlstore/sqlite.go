package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"

	"modernc.org/sqlite"

	"github.com/portaria/portaria/internal/store/sqlstore/query"
)

// sqliteEngine is one writer and several readers, which WAL lets go on while
// the writer writes.
type sqliteEngine struct {
	db      *sql.DB
	file    *sqliteFile
	writer  *writer
	conn    *sqliteConn      // the writer's
	readers chan *sqliteConn // the idle ones; they connect when first used
	size    int
	timeout time.Duration // of one write, until its turn comes
	closing chan struct{}
}

func openSQLite(ctx context.Context, path string, opts Options) (*sqliteEngine, error) {
	if path == "" || path == ":memory:" {
		return nil, fmt.Errorf("%w: no file is named", ErrURL)
	}
	if err := createFile(path); err != nil {
		return nil, err
	}
	connector, err := connectSQLite(path)
	if err != nil {
		return nil, err
	}
	file, err := openSQLiteFile(path, opts.Guest)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	if err := file.prepare(ctx, db, connector); err != nil {
		return nil, errors.Join(err, db.Close(), file.turn.Close())
	}
	conn := newSQLiteConn(db)
	if err := conn.connect(ctx); err != nil {
		return nil, errors.Join(translate(err), db.Close(), file.turn.Close())
	}
	transact := func(batch []*job) ([]error, error) { return transactInTurn(file.turn, conn, batch) }
	e := &sqliteEngine{db: db, file: file, writer: startWriter(transact, opts.Panics), conn: conn, size: opts.Connections, timeout: opts.StepTimeout, closing: make(chan struct{})}
	if e.size <= 0 {
		e.size = runtime.GOMAXPROCS(0)
	}
	e.readers = make(chan *sqliteConn, e.size)
	for range e.size {
		reader := newSQLiteConn(db, "PRAGMA query_only=ON")
		reader.watch = opts.Reads
		e.readers <- reader
	}
	return e, nil
}

// createFile makes the file for its owner alone; SQLite gives its companions
// (-wal, -shm) the same mode. An existing file is not touched: closing one's
// own descriptor of a database drops the locks SQLite holds on it.
func createFile(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return file.Close()
}

// sqlitePragmas are set on every connection. FULL is what makes a commit in
// WAL mode durable; with trusted_schema off, a tampered file cannot have
// functions run; busy_timeout is for other processes, such as the CLI. A cache
// of 500 KB instead of 2 MB a connection is as fast, as the system keeps the
// file in memory anyway; one that is too small for a transaction may grow, as
// spilling would write pages twice.
const sqlitePragmas = "_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)&_pragma=synchronous(FULL)&_pragma=trusted_schema(0)" +
	"&_pragma=cache_size(-500)&_pragma=cache_spill(0)"

func connectSQLite(path string) (driver.Connector, error) {
	return sqlite.NewConnector("file:" + (&url.URL{Path: path}).EscapedPath() + "?" + sqlitePragmas)
}

func (e *sqliteEngine) read(ctx context.Context, s step) error {
	select {
	case <-e.closing:
		return ErrClosed
	case <-ctx.Done(): // below, a reader that is free may be chosen instead
		return ctx.Err()
	default:
	}
	select {
	case conn := <-e.readers:
		defer func() { e.readers <- conn }()
		if err := conn.connect(ctx); err != nil {
			return err
		}
		// A context that can be cancelled costs a goroutine for each query. Pages are
		// bounded, so a query is short.
		return s(context.WithoutCancel(ctx), conn.queries)
	case <-e.closing:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (e *sqliteEngine) write(ctx context.Context, s step) error {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	return e.writer.do(ctx, &job{step: s})
}

func (e *sqliteEngine) writeAll(ctx context.Context, s step) error {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	return e.writer.do(ctx, &job{step: s, several: true})
}

func (e *sqliteEngine) writeLog(ctx context.Context, add *additions, s step) error {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	return e.writer.do(ctx, &job{step: s, several: true, adds: add})
}

// clock is that of this machine: all processes on a file are on one.
func (e *sqliteEngine) clock(context.Context) (time.Time, error) { return time.Now().UTC(), nil }

// close must be called once.
func (e *sqliteEngine) close() error {
	close(e.closing)
	e.writer.close()
	e.db.SetMaxIdleConns(-1) // a connection that is given back is closed
	var errs []error
	for range e.size {
		errs = append(errs, (<-e.readers).close())
	}
	errs = append(errs, e.file.leave(e.conn.conn, func() error { return errors.Join(e.conn.close(), e.db.Close()) }))
	return errors.Join(errs...)
}

// sqliteConn is one connection with its statements, each compiled once: their
// texts are constants, so there are only so many. Not for concurrent use.
type sqliteConn struct {
	db      *sql.DB
	setup   []string
	conn    *sql.Conn
	stmts   map[string]*sql.Stmt
	queries *query.Queries
	watch   func(ctx context.Context, text string) // nil but in tests
}

func newSQLiteConn(db *sql.DB, setup ...string) *sqliteConn {
	c := &sqliteConn{db: db, setup: setup, stmts: map[string]*sql.Stmt{}}
	c.queries = query.New(c)
	return c
}

// connect connects at the first call, so that a start does not wait for connections that
// are not used yet.
func (c *sqliteConn) connect(ctx context.Context) error {
	if c.conn != nil {
		return nil
	}
	conn, err := c.db.Conn(ctx)
	if err != nil {
		return err
	}
	for _, statement := range c.setup {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return errors.Join(err, conn.Close())
		}
	}
	c.conn = conn
	return nil
}

func (c *sqliteConn) close() error {
	var errs []error
	for _, stmt := range c.stmts {
		errs = append(errs, stmt.Close())
	}
	if c.conn != nil {
		errs = append(errs, c.conn.Close())
	}
	return errors.Join(errs...)
}

// PrepareContext implements [query.DBTX].
func (c *sqliteConn) PrepareContext(ctx context.Context, text string) (*sql.Stmt, error) {
	if c.watch != nil {
		c.watch(ctx, text)
	}
	if stmt := c.stmts[text]; stmt != nil {
		return stmt, nil
	}
	stmt, err := c.conn.PrepareContext(ctx, text)
	if err == nil {
		c.stmts[text] = stmt
	}
	return stmt, err
}

// ExecContext implements [query.DBTX].
func (c *sqliteConn) ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error) {
	stmt, err := c.prepare(ctx, text, args)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(ctx, args...)
}

// QueryContext implements [query.DBTX].
func (c *sqliteConn) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	stmt, err := c.prepare(ctx, text, args)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

// QueryRowContext implements [query.DBTX].
func (c *sqliteConn) QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row {
	stmt, err := c.PrepareContext(ctx, text)
	if err != nil {
		// Only database/sql can make a Row; asked again, it finds the error.
		return c.conn.QueryRowContext(ctx, text, args...)
	}
	return stmt.QueryRowContext(ctx, args...)
}

// prepare refuses what PostgreSQL refuses, so that both keep the same texts.
func (c *sqliteConn) prepare(ctx context.Context, text string, args []any) (*sql.Stmt, error) {
	for _, arg := range args {
		if s, ok := arg.(string); ok && (strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s)) {
			return nil, ErrInvalidText
		}
	}
	return c.PrepareContext(ctx, text)
}

func (c *sqliteConn) exec(ctx context.Context, text string, args ...any) error {
	_, err := c.ExecContext(ctx, text, args...)
	return err
}

func (c *sqliteConn) ask() *query.Queries { return c.queries }

func (c *sqliteConn) commit(ctx context.Context) error { return c.exec(ctx, "COMMIT") }

// rollback returns no error: SQLite may have rolled back already.
func (c *sqliteConn) rollback(ctx context.Context) { _ = c.exec(ctx, "ROLLBACK") }

func (c *sqliteConn) lost(err error) bool { return undone(err) }
