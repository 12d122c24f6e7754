// Package sqlstore keeps accounts, sessions, clients, keys and secrets in SQLite or
// PostgreSQL: one text for every query, one set of migrations, and the same
// promises on both (internal/store/storetest holds them as tests).
//
// When a method returns without error, its write is on disk. In SQLite one goroutine
// does all writing, and the steps that wait share a transaction. In PostgreSQL every
// step is a transaction of its own at READ COMMITTED; only the steps that write to a log
// share one transaction per process, because the row of the counter would make them wait
// for each other's commits anyway. SQLite has no SELECT … FOR UPDATE: a step over several
// rows begins with a conditional UPDATE of the account's row, which is the lock.
//
// The package has more than 1,500 lines because a step of one capability also writes events
// and revocation rules in the same transaction: the types of that transaction stay
// unexported, so that no caller can leave a step half done.
package sqlstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/portaria/portaria/internal/background"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/store/sqlstore/query"
)

// Errors that Open and a Store's methods return beside those of the domain.
var (
	// ErrURL reports that a database URL is neither sqlite:PATH nor postgres://….
	ErrURL = errors.New("database URL must be sqlite:PATH or postgres://…")
	// ErrNotDatabase reports that the file is not a SQLite database.
	ErrNotDatabase = errors.New("file is not a SQLite database")
	// ErrSchemaNewer reports that a newer version of this program has migrated the
	// database, and this version cannot use it.
	ErrSchemaNewer = errors.New("database schema is newer than this program")
	// ErrClosed reports that the store has been closed.
	ErrClosed = errors.New("store is closed")
	// ErrInvalidText reports that a text holds a NUL or is not UTF-8. Nothing was
	// written.
	ErrInvalidText = errors.New("text has a NUL or is not UTF-8")
)

// Options tunes a Store. The zero value is a good one.
type Options struct {
	// Connections is how many connections are kept: the pool of PostgreSQL
	// (16 when zero), or the readers of SQLite (as many as processors when
	// zero) beside its one writer.
	Connections int
	// StepTimeout bounds one step (5 s when zero), so that requests do not queue up
	// while the database hangs. A step that takes longer returns
	// store.ErrUnavailable.
	StepTimeout time.Duration
	// Around runs every step of the store; nil runs it directly. An error that
	// it returns is the step's. Tests use it to let the database fail.
	Around func(ctx context.Context, step func() error) error
	// Reads, with SQLite, is called with the text of each statement that reads
	// outside of a write; nil for none. Tests count with it.
	Reads func(ctx context.Context, text string)
	// Panics logs and counts panics in the goroutines of the Store; nil only
	// keeps them alive.
	Panics *background.Panics
	// Guest is set by commands that work beside the service. A guest leaves
	// the mark of a missing -wal file for the service to report: see
	// [Store.MissingWAL].
	Guest bool
	// Elapsed is a clock that no change of the wall clock moves, for tests; nil
	// for that of the machine. See [Store.Steady].
	Elapsed func() time.Duration
	// InsecureTLS permits a PostgreSQL on another machine without TLS, or with a
	// certificate that is not checked. ErrInsecureTLS is returned otherwise.
	InsecureTLS bool
}

// Store fulfils account.Store, session.Store, issue.Store, clients.Store,
// revoke.Store and event.Store; Keyring gives
// the part that fulfils keyring.Store. It is safe for concurrent use.
type Store struct {
	engine engine
	rules  bell // rings after rules were written
	events bell // rings after events were written
	clock  steady
}

const defaultStepTimeout = 5 * time.Second

// engine is what differs between the databases. A step is called with the
// context it must pass on, and may be called again when its transaction had to
// be repeated.
type engine interface {
	read(ctx context.Context, s step) error
	// write runs one statement, durably.
	write(ctx context.Context, s step) error
	// writeAll runs several statements, durably: all of them, or none if the
	// step returns an error.
	writeAll(ctx context.Context, s step) error
	// writeLog runs a step like writeAll, and writes its additions to the logs as the
	// last statements of the transaction.
	writeLog(ctx context.Context, add *additions, s step) error
	// clock reads the clock that all processes on this database share.
	clock(ctx context.Context) (time.Time, error)
	close() error
}

type step func(ctx context.Context, q *query.Queries) error

// Open opens the database and brings its schema up to date; of several
// processes that open one database at once, one does that. url is
// "sqlite:PATH", which creates the file (mode 0600) when it is missing, or
// "postgres://…". It returns ErrURL, ErrNotDatabase, ErrSchemaNewer or what the
// database said.
func Open(ctx context.Context, url string, opts Options) (*Store, error) {
	var e engine
	var err error
	opts.StepTimeout = cmp.Or(opts.StepTimeout, defaultStepTimeout)
	switch scheme, rest, _ := strings.Cut(url, ":"); scheme {
	case "sqlite":
		e, err = openSQLite(ctx, rest, opts)
	case "postgres", "postgresql":
		e, err = openPostgres(ctx, url, opts)
	default:
		// The URL may hold a password: never repeat it.
		err = ErrURL
	}
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if opts.Around != nil {
		e = around{e, opts.Around}
	}
	s := &Store{engine: e}
	if s.clock.elapsed = opts.Elapsed; s.clock.elapsed == nil {
		s.clock.elapsed = monotonic()
	}
	if err := s.foundLogs(ctx); err != nil {
		return nil, fmt.Errorf("open database: %w", errors.Join(err, e.close()))
	}
	return s, nil
}

// Ping returns nil when the database answers.
func (s *Store) Ping(ctx context.Context) error {
	_, err := read(ctx, s, (*query.Queries).Ping)
	return wrap("ping database", err)
}

// Clock returns the time by the clock that all processes on this database
// share: that of PostgreSQL's server, or of the machine that has the SQLite file.
func (s *Store) Clock(ctx context.Context) (time.Time, error) {
	now, err := s.engine.clock(ctx)
	return now, wrap("read the clock of the database", err)
}

// ProveWritable returns nil when the database takes a write and has put it on
// disk. A database that answers may still be full, locked or read-only.
func (s *Store) ProveWritable(ctx context.Context, now time.Time) error {
	_, err := write(ctx, s, func(q *query.Queries, ctx context.Context) (none, error) {
		return none{}, q.ProveWritable(ctx, millis(now))
	})
	return wrap("write to database", err)
}

// Close waits for the writes that were accepted, and closes the database.
// Every later call returns ErrClosed.
func (s *Store) Close() error {
	return wrap("close database", s.engine.close())
}

func read[T any](ctx context.Context, s *Store, ask func(*query.Queries, context.Context) (T, error)) (T, error) {
	return result(ctx, s.engine.read, ask)
}

func write[T any](ctx context.Context, s *Store, ask func(*query.Queries, context.Context) (T, error)) (T, error) {
	return result(ctx, s.engine.write, ask)
}

func writeAll[T any](ctx context.Context, s *Store, ask func(*query.Queries, context.Context) (T, error)) (T, error) {
	return result(ctx, s.engine.writeAll, ask)
}

// writeLog runs a step whose additions have the origin of ctx; order is
// additions.order.
func writeLog[T any](ctx context.Context, s *Store, order string, ask func(*query.Queries, context.Context, *additions) (T, error)) (T, error) {
	add := &additions{origin: event.OriginOf(ctx), order: order, steady: s.Steady()}
	run := func(ctx context.Context, do step) error {
		err := s.engine.writeLog(ctx, add, do)
		if err == nil && len(add.rules) > 0 {
			s.rules.ring()
		}
		if err == nil && len(add.events) > 0 {
			s.events.ring()
		}
		return err
	}
	return result(ctx, run, func(q *query.Queries, ctx context.Context) (T, error) { return ask(q, ctx, add) })
}

func result[T any](ctx context.Context, run func(context.Context, step) error, ask func(*query.Queries, context.Context) (T, error)) (T, error) {
	var value T
	err := run(ctx, func(ctx context.Context, q *query.Queries) error {
		var err error
		value, err = ask(q, ctx)
		return err
	})
	if err != nil {
		var nothing T // a step may have been done although the connection broke
		return nothing, translate(err)
	}
	return value, nil
}
