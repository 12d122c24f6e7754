package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/store/sqlstore"
	"github.com/portaria/portaria/internal/store/sqlstore/query"
)

// onPipeline opens a PostgreSQL database with a table of a hundred rows, and a
// pipeline to it.
func onPipeline(t *testing.T) (db *sql.DB, pipeline *sql.DB) {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), engines["PostgreSQL"](t), sqlstore.Options{StepTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	for _, text := range []string{
		"CREATE TABLE numbers (id TEXT PRIMARY KEY, n BIGINT NOT NULL CHECK (n >= 0))",
		"INSERT INTO numbers SELECT 'id' || i, i FROM generate_series(0, 99) i",
	} {
		if _, err := s.Pool().ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	return s.Pool(), s.Pipeline()
}

// together runs f with the numbers 0 to n-1 at once.
func together(n int, f func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
	}
	all.Wait()
}

// TestPipelineGivesEachItsOwn: results must never reach another caller.
func TestPipelineGivesEachItsOwn(t *testing.T) {
	_, p := onPipeline(t)
	for range 20 {
		together(100, func(i int) {
			var id string
			var n int64
			err := p.QueryRowContext(t.Context(), "SELECT id, n FROM numbers WHERE id = $1", fmt.Sprint("id", i)).Scan(&id, &n)
			if err != nil || id != fmt.Sprint("id", i) || n != int64(i) {
				t.Errorf("caller %d got row %s with %d, %v", i, id, n, err)
			}
		})
	}
	var n int64
	if err := p.QueryRowContext(t.Context(), "SELECT n FROM numbers WHERE id = 'x'").Scan(&n); !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("without a row: got %v, want %v", err, sql.ErrNoRows)
	}
}

// TestPipelineFailsAlone: a statement that fails undoes its batch, and must not
// fail the others or leave them undone.
func TestPipelineFailsAlone(t *testing.T) {
	db, p := onPipeline(t)
	for round := range 10 {
		together(100, func(i int) {
			add := 1
			if i%10 == 3 {
				add = -1000 // which the table refuses
			}
			done, err := p.ExecContext(t.Context(), "UPDATE numbers SET n = n + $1 WHERE id = $2", add, fmt.Sprint("id", i))
			var refused *pgconn.PgError
			if add < 0 {
				if !errors.As(err, &refused) || refused.Code != "23514" {
					t.Errorf("the statement that must fail: got %v", err)
				}
				return
			}
			if err != nil {
				t.Errorf("round %d: %v", round, err)
				return
			}
			if rows, err := done.RowsAffected(); rows != 1 || err != nil {
				t.Errorf("round %d: %d rows, %v; want one", round, rows, err)
			}
		})
	}
	var wrong int
	if err := db.QueryRowContext(t.Context(),
		"SELECT count(*) FROM numbers WHERE n <> substr(id, 3)::bigint + CASE WHEN id LIKE '%3' THEN 0 ELSE 10 END").Scan(&wrong); err != nil || wrong > 0 {
		t.Errorf("%d rows were not changed exactly once a round, %v", wrong, err)
	}
}

// TestPipelineGoesAround: a connection that hangs must not stop all callers.
func TestPipelineGoesAround(t *testing.T) {
	db, p := onPipeline(t)
	held, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := held.ExecContext(t.Context(), "UPDATE numbers SET n = n WHERE id = 'id0'"); err != nil {
		t.Fatal(err)
	}
	stuck := make(chan error, 1)
	go func() {
		_, err := p.ExecContext(t.Context(), "UPDATE numbers SET n = 1000 WHERE id = 'id0'")
		stuck <- err
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	for waits := 0; waits == 0; {
		if err := db.QueryRowContext(ctx, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()").Scan(&waits); err != nil {
			t.Fatal(err)
		}
	}
	for i := 1; i < 100; i++ {
		if _, err := p.ExecContext(ctx, "UPDATE numbers SET n = n + 1 WHERE id = $1", fmt.Sprint("id", i)); err != nil {
			t.Fatalf("statement %d beside one that waits: %v", i, err)
		}
	}
	if err := held.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-stuck; err != nil {
		t.Errorf("the statement that waited: %v", err)
	}
}

// TestRotationsDoNotWaitForEachOther: a row that is held makes its own rotation
// wait, and not those of other sessions.
func TestRotationsDoNotWaitForEachOther(t *testing.T) {
	s, err := sqlstore.Open(t.Context(), engines["PostgreSQL"](t), sqlstore.Options{StepTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ids := sessionsOfOne(t, s, 8)
	held, err := s.Pool().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := held.ExecContext(t.Context(), "UPDATE sessions SET used_at = used_at WHERE id = $1", ids[0]); err != nil {
		t.Fatal(err)
	}
	first := make(chan error, 1)
	go func() { first <- rotate(t.Context(), s, ids[0]) }()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	together(len(ids)-1, func(i int) {
		if err := rotate(ctx, s, ids[i+1]); err != nil {
			t.Errorf("rotate beside a session that is held: %v", err)
		}
	})
	if err := held.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-first; err != nil {
		t.Errorf("rotate after its session was held: %v", err)
	}
}

// TestPipelinedQueries: a query that is renamed or changed must not leave the
// pipeline, or wait for locks in it, without anybody noticing.
func TestPipelinedQueries(t *testing.T) {
	for name := range sqlstore.Together {
		if _, ok := reflect.TypeFor[*query.Queries]().MethodByName(name); !ok {
			t.Errorf("no query is called %s", name)
		}
	}
	if text := sqlstore.RotationText(); !strings.Contains(text, "FOR NO KEY UPDATE SKIP LOCKED) AND generation = $8") {
		t.Errorf("a rotation in the pipeline waits for locks:\n%s", text)
	}
}

// sessionsOfOne starts sessions of one account and returns their ids.
func sessionsOfOne(t *testing.T, s *sqlstore.Store, n int) (ids []string) {
	t.Helper()
	owner := someone()
	if err := s.CreateAccount(t.Context(), owner); err != nil {
		t.Fatal(err)
	}
	for range n {
		started := deviceOf(owner)
		if err := startSession(s, owner, started); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, started.ID)
	}
	return ids
}

// rotate spends the first refresh token of a session.
func rotate(ctx context.Context, s *sqlstore.Store, id string) error {
	won, err := s.Rotate(ctx, session.Rotation{
		ID: id, From: 0, To: 1, Use: session.Use{At: moment, Steady: moment}, ExpiresAt: moment.Add(time.Hour),
	})
	if err == nil && !won {
		err = errors.New("the rotation lost against another")
	}
	return err
}
