package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/internal/store/sqlstore/query"
)

// Statement runs one SQL statement as part of a step.
type Statement func(text string, args ...any) error

// Do lets a test bring a step of its own, to see what becomes of its
// neighbours.
func (s *Store) Do(ctx context.Context, several bool, step func(Statement) error) error {
	run := s.engine.write
	if several {
		run = s.engine.writeAll
	}
	e, _ := s.engine.(*sqliteEngine)
	return translate(run(ctx, func(ctx context.Context, _ *query.Queries) error {
		return step(func(text string, args ...any) error {
			_, err := e.conn.conn.ExecContext(ctx, text, args...)
			return err
		})
	}))
}

// Waiting is how many writes are in SQLite's queue.
func (s *Store) Waiting() int {
	w := s.engine.(*sqliteEngine).writer
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.queue)
}

// Pool is PostgreSQL's.
func (s *Store) Pool() *sql.DB { return s.engine.(*postgresEngine).db }

// Pipeline is PostgreSQL's, for writes.
func (s *Store) Pipeline() *sql.DB { return s.engine.(*postgresEngine).writes }

// Together are the queries that run in the pipeline for reads.
var Together = together

// RotationText is RotateSession as it runs in the pipeline.
func RotationText() string {
	var seen recorder
	_, _ = query.New(&seen).RotateSession(context.Background(), query.RotateSessionParams{})
	return unlessLocked.Replace(seen.text)
}

// recorder keeps the text of a statement and runs nothing.
type recorder struct {
	query.DBTX
	text string
}

func (r *recorder) ExecContext(_ context.Context, text string, _ ...any) (sql.Result, error) {
	r.text = text
	return nil, sql.ErrConnDone
}

// Repeat is the policy for transactions that lost against another.
var Repeat = repeat

// Setting asks SQLite's write connection for a pragma.
func (s *Store) Setting(ctx context.Context, name string) *sql.Row {
	return s.engine.(*sqliteEngine).conn.conn.QueryRowContext(ctx, "PRAGMA "+name)
}

// WriteRule writes a rule without ending anything before: as if all sessions in
// its scope had been started since.
func (s *Store) WriteRule(ctx context.Context, e revoke.Entry) (rule.Rule, error) {
	return s.write(ctx, e, 0)
}

// Orphan inserts an identifier of an account that does not exist.
func (s *Store) Orphan(ctx context.Context) error {
	_, err := write(ctx, s, func(q *query.Queries, ctx context.Context) (none, error) {
		return none{}, q.InsertIdentifier(ctx, query.InsertIdentifierParams{Canonical: "x", AccountID: "nobody", Display: "X"})
	})
	return err
}

// Swap has SQLite's writer run another statement instead of text.
func (s *Store) Swap(ctx context.Context, text, with string) error {
	return s.Do(ctx, false, func(Statement) error {
		conn := s.engine.(*sqliteEngine).conn
		stmt, err := conn.conn.PrepareContext(ctx, with)
		if err == nil {
			conn.stmts[text] = stmt
		}
		return err
	})
}

// Rows returns every row of every table as a text.
func (s *Store) Rows(ctx context.Context) (all []string, err error) {
	db, tables := (*sql.DB)(nil), "SELECT name FROM sqlite_master WHERE type = 'table'"
	switch e := s.engine.(type) {
	case *sqliteEngine:
		db = e.db
	case *postgresEngine:
		db, tables = e.db, "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
	}
	names, err := texts(ctx, db, tables)
	for _, name := range names {
		rows, failed := texts(ctx, db, `SELECT * FROM "`+name+`"`)
		err = errors.Join(err, failed)
		for _, row := range rows {
			all = append(all, name+": "+row)
		}
	}
	return all, err
}

func texts(ctx context.Context, db *sql.DB, query string) (all []string, err error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		row := make([]string, len(values))
		for i, value := range values {
			if raw, ok := value.([]byte); ok {
				value = string(raw)
			}
			row[i] = fmt.Sprint(value)
		}
		all = append(all, strings.Join(row, "|"))
	}
	return all, rows.Err()
}

// Online is a migration's text as PostgreSQL runs it.
var Online = online

// Translate is what becomes of an engine's error.
var Translate = translate

// FailStatement has the n-th statement from now on fail, of those that SQLite
// runs for a step. The error says NoSuchTable. hit reports whether that many ran.
func (s *Store) FailStatement(n int) (hit func() bool) {
	e := s.engine.(*sqliteEngine)
	left := new(atomic.Int64)
	left.Store(int64(n))
	e.conn.queries = query.New(brittle{e.conn, left})
	for range e.size {
		reader := <-e.readers
		reader.queries = query.New(brittle{reader, left})
		e.readers <- reader
	}
	return func() bool { return left.Load() <= 0 }
}

// NoSuchTable stands in the error of a statement that was made to fail.
const NoSuchTable = "table_of_a_statement_that_fails"

type brittle struct {
	*sqliteConn
	left *atomic.Int64
}

// statement returns one that fails when it is its turn.
func (b brittle) statement(text string) string {
	if b.left.Add(-1) == 0 {
		return "SELECT * FROM " + NoSuchTable
	}
	return text
}

func (b brittle) ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error) {
	return b.sqliteConn.ExecContext(ctx, b.statement(text), args...)
}

func (b brittle) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	return b.sqliteConn.QueryContext(ctx, b.statement(text), args...)
}

func (b brittle) QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row {
	return b.sqliteConn.QueryRowContext(ctx, b.statement(text), args...)
}
