package sqlstore

import (
	"context"
	"database/sql"

	"github.com/portaria/portaria/internal/revoke"
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

// Repeat is the policy for transactions that lost against another.
var Repeat = repeat

// Setting asks SQLite's write connection for a pragma.
func (s *Store) Setting(ctx context.Context, name string) *sql.Row {
	return s.engine.(*sqliteEngine).conn.conn.QueryRowContext(ctx, "PRAGMA "+name)
}

// WriteRule writes a rule without ending anything before: as if all sessions in
// its scope had been started since.
func (s *Store) WriteRule(ctx context.Context, e revoke.Entry) (revoke.Rule, error) {
	return s.write(ctx, e, 0)
}

// Orphan inserts an identifier of an account that does not exist.
func (s *Store) Orphan(ctx context.Context) error {
	_, err := write(ctx, s, func(q *query.Queries, ctx context.Context) (none, error) {
		return none{}, q.InsertIdentifier(ctx, query.InsertIdentifierParams{Canonical: "x", AccountID: "nobody", Display: "X"})
	})
	return err
}
