package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/portaria/portaria/internal/background"
	"github.com/portaria/portaria/internal/store/sqlstore/query"
)

// postgresEngine is a pool of connections; pgx prepares each statement once a
// connection, unless a pooler stands between.
type postgresEngine struct {
	db      *sql.DB
	pool    *postgresPool
	reads   *sql.DB       // a pipeline on db
	writes  *sql.DB       // another one: a read must not wait for a commit
	writer  *writer       // of what goes into the logs
	timeout time.Duration // of one step, or one batch
	panics  *background.Panics
}

const (
	defaultPool = 16
	// maxIdle returns connections after a peak.
	maxIdle = 5 * time.Minute
	// attempts bounds how often a transaction that lost against another one is repeated.
	// Each loss means that another one made progress.
	attempts = 10
)

func openPostgres(ctx context.Context, url string, opts Options) (*postgresEngine, error) {
	db, pool, err := openPool(ctx, url, opts)
	if err != nil {
		return nil, err
	}
	if err := migratePostgres(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	e := &postgresEngine{db: db, pool: pool, timeout: opts.StepTimeout, panics: opts.Panics}
	e.reads, e.writes = openPipeline(db, opts), openPipeline(db, opts)
	e.writer = startWriter(e.transactBatch, opts.Panics)
	return e, nil
}

// insistOnDurability overrides a synchronous_commit=off of the server, the database or
// the URL: an acknowledged write must survive a crash. The stricter settings for standbys
// stay the operator's choice.
func insistOnDurability(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, `SELECT set_config('synchronous_commit', 'on', false)
		WHERE current_setting('synchronous_commit') = 'off'`)
	return err
}

// read asks once more when the connection broke: after a restart of the server
// those in the pool are dead, and a question does no harm twice.
func (e *postgresEngine) read(ctx context.Context, s step) error {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	q := query.New(pipelinedReads{e.db, e.reads})
	err := s(ctx, q)
	if err != nil && ended(err) && ctx.Err() == nil {
		e.pool.renew() // the other idle connections probably ended with it
		err = s(ctx, q)
	}
	return closed(err)
}

func (e *postgresEngine) write(ctx context.Context, s step) error {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	return closed(repeat(ctx, func() error { return s(ctx, query.New(pipelinedWrites{e.db, e.writes})) }))
}

func (e *postgresEngine) writeAll(ctx context.Context, s step) error {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	return closed(repeat(ctx, func() error { return e.transact(ctx, s) }))
}

// writeLog shares a transaction with whatever waits, because the counter of a
// log would let only one commit at a time anyway.
func (e *postgresEngine) writeLog(ctx context.Context, add *additions, s step) error {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	return closed(e.writer.do(ctx, &job{step: s, several: true, adds: add}))
}

func (e *postgresEngine) transact(ctx context.Context, s step) (err error) {
	tx, err := e.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return err
	}
	if err := s(ctx, query.New(tx)); err != nil {
		// Its own error adds nothing: without a commit nothing was written.
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}

// repeat runs a transaction again when PostgreSQL undid it in favour of
// another, or when it never left this process. It does so once when the server
// refused a statement for the sake of its connection: the next connection may
// lead to another server.
func repeat(ctx context.Context, run func() error) error {
	for attempt := 1; ; attempt++ {
		err := run()
		again := transient(err) || pgconn.SafeToRetry(err) || spoilt(err) && attempt == 1
		if !again || attempt == attempts || ctx.Err() != nil {
			return err
		}
	}
}

// clock is not a query for both databases: SQLite has no clock of its own.
func (e *postgresEngine) clock(ctx context.Context) (now time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	err = e.db.QueryRowContext(ctx, "SELECT clock_timestamp()").Scan(&now)
	return now.UTC(), closed(err)
}

func (e *postgresEngine) close() error {
	e.writer.close()
	return errors.Join(e.reads.Close(), e.writes.Close(), e.db.Close())
}

// transactBatch does a batch of the writer's, again when PostgreSQL undid it in
// favour of another. Its steps hold rows of several accounts, as another
// process's do: in one order, or the two would wait for each other until
// PostgreSQL notices, which takes it a second.
func (e *postgresEngine) transactBatch(batch []*job) (errs []error, err error) {
	slices.SortStableFunc(batch, func(a, b *job) int { return strings.Compare(a.adds.order, b.adds.order) })
	ctx, cancel := context.WithTimeout(context.Background(), e.timeout)
	defer cancel()
	err = repeat(ctx, func() error {
		errs, err = runGuarded(func(guarded bool) ([]error, error) {
			tx, err := e.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
			if err != nil {
				return nil, err
			}
			return runBatch(ctx, postgresTx{tx, query.New(lockingTx{tx})}, batch, guarded)
		})
		return err
	})
	return errs, err
}

// lockingTx has HoldAccount lock the row that it reads. SQLite has no words for
// that, so the text of the query is without them.
type lockingTx struct{ *sql.Tx }

// QueryRowContext implements [query.DBTX].
func (t lockingTx) QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row {
	if strings.HasPrefix(text, "-- name: HoldAccount ") {
		text += " FOR NO KEY UPDATE"
	}
	return t.Tx.QueryRowContext(ctx, text, args...)
}

// postgresTx is the transaction of a batch.
type postgresTx struct {
	*sql.Tx
	queries *query.Queries
}

func (t postgresTx) exec(ctx context.Context, text string, args ...any) error {
	_, err := t.ExecContext(ctx, text, args...)
	return err
}

func (t postgresTx) ask() *query.Queries { return t.queries }

func (t postgresTx) commit(context.Context) error { return t.Commit() }

// rollback returns no error: without a commit nothing was written.
func (t postgresTx) rollback(context.Context) { _ = t.Rollback() }

func (t postgresTx) lost(err error) bool {
	return transient(err) || ended(err) || errors.Is(err, context.DeadlineExceeded)
}

// closed converts database/sql's error for a closed pool, which has no name, to
// ErrClosed.
func closed(err error) error {
	if err != nil && err.Error() == "sql: database is closed" {
		return ErrClosed
	}
	return err
}
