package sqlstore_test

import (
	"context"
	"database/sql"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/rule"
)

// TestASequenceWouldSkip is why the logs have counters of their own. It lets a
// transaction that has the lower number commit after one that has the higher,
// while a reader asks for what is after the last number that it knows.
func TestASequenceWouldSkip(t *testing.T) {
	location := engines["PostgreSQL"](t)
	store := open(t, location)
	pool := store.Pool()
	run(t, pool, "CREATE TABLE numbered (seq BIGSERIAL PRIMARY KEY)")
	slow, quick := begin(t, pool), begin(t, pool)
	run(t, slow, "INSERT INTO numbered DEFAULT VALUES")
	run(t, quick, "INSERT INTO numbered DEFAULT VALUES")
	must(t, quick.Commit())
	seen := numbers(t, pool, "SELECT seq FROM numbered WHERE seq > 0 ORDER BY seq")
	must(t, slow.Commit())
	seen = append(seen, numbers(t, pool, "SELECT seq FROM numbered WHERE seq > 2 ORDER BY seq")...)
	if diff := cmp.Diff([]int64{2}, seen); diff != "" {
		t.Errorf("sequences have become better, or this test worse: %s", diff)
	}

	slow = begin(t, pool)
	run(t, slow, "UPDATE event_log SET n = n + 1")
	done := make(chan error, 1)
	go func() {
		done <- store.Append(context.Background(), []event.Event{{Type: event.LoginFailed, At: moment}})
	}()
	for waiting := false; !waiting; {
		waiting = len(numbers(t, pool, `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)) > 0
		select {
		case err := <-done:
			t.Fatalf("did not wait for its turn: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	if last, err := store.LastEvent(t.Context()); err != nil || last != 0 {
		t.Errorf("last event is %d, %v", last, err)
	}
	must(t, slow.Commit())
	must(t, <-done)
	page, err := store.Events(t.Context(), 1, event.Filter{}, 10)
	if err != nil || len(page.Events) != 1 || page.Events[0].Seq != 2 {
		t.Errorf("%+v, %v", page, err)
	}
}

type execer interface {
	ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error)
}

func run(t *testing.T, db execer, text string) {
	t.Helper()
	_, err := db.ExecContext(context.Background(), text)
	must(t, err)
}

func begin(t *testing.T, pool *sql.DB) *sql.Tx {
	t.Helper()
	tx, err := pool.Begin()
	must(t, err)
	t.Cleanup(func() { _ = tx.Rollback() })
	return tx
}

func numbers(t *testing.T, pool *sql.DB, text string) (list []int64) {
	t.Helper()
	rows, err := pool.Query(text)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var n int64
		must(t, rows.Scan(&n))
		list = append(list, n)
	}
	must(t, rows.Err())
	return list
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestFullEpochIsFollowedByAnother: at a hundred rules a second, an epoch is
// full in 500 days.
func TestFullEpochIsFollowedByAnother(t *testing.T) {
	store := open(t, engines["PostgreSQL"](t))
	run(t, store.Pool(), "UPDATE revocation_log SET n = 4294967294")
	want := []int64{rule.Seq(1, rule.LastOfEpoch), rule.Seq(2, 1), rule.Seq(2, 2)}
	for i, seq := range want {
		rule, err := store.Write(t.Context(), revoke.Entry{Kind: rule.Token, Value: "x", Mode: rule.Hard, At: moment})
		if err != nil || rule.Seq != seq {
			t.Errorf("rule %d is %d, want %d (%v)", i, rule.Seq, seq, err)
		}
	}
	rules, head, err := store.Rules(t.Context(), 0, 10)
	if err != nil || head != want[2] || len(rules) != 3 || rules[1].Seq != want[1] {
		t.Errorf("%+v, head %d, %v", rules, head, err)
	}
}

// TestRepeatedRequestsInOneBatch: the first has no place in the log yet when
// the others ask what it was.
func TestRepeatedRequestsInOneBatch(t *testing.T) {
	h := hold(t)
	e := revoke.Entry{Kind: rule.Token, Value: "x", Mode: rule.Hard, At: moment, Client: "shop", Key: "k"}
	seqs := make(chan int64, 3)
	for n := range cap(seqs) {
		h.group.Go(func() {
			rule, err := h.Write(context.Background(), e)
			if err != nil {
				t.Error(err)
			}
			seqs <- rule.Seq
		})
		for h.Waiting() <= n {
			runtime.Gosched()
		}
	}
	h.finish()
	for range cap(seqs) {
		if seq := <-seqs; seq != rule.Seq(1, 1) {
			t.Errorf("answered place %d", seq)
		}
	}
}
