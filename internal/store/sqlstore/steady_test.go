package sqlstore_test

import (
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/store/sqlstore"
)

// TestSteadyClock: it begins at the time of day, counts what the monotonic clocks
// count, never goes back, and stands still while nobody runs.
func TestSteadyClock(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	begin := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	type node struct {
		*sqlstore.Store
		elapsed *atomic.Int64
	}
	start := func() node {
		n := node{elapsed: new(atomic.Int64)}
		var err error
		n.Store, err = sqlstore.Open(t.Context(), url, sqlstore.Options{Elapsed: func() time.Duration { return time.Duration(n.elapsed.Load()) }})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = n.Close() })
		return n
	}
	keep := func(n node, wall time.Time) {
		t.Helper()
		if err := n.KeepSteady(t.Context(), wall); err != nil {
			t.Fatal(err)
		}
	}
	at := func(n node, want time.Duration) {
		t.Helper()
		if got := n.Steady().Sub(begin); got != want {
			t.Errorf("%v after the beginning, want %v", got, want)
		}
	}
	a := start()
	if !a.Steady().IsZero() {
		t.Error("it has begun without anybody")
	}
	keep(a, begin)
	at(a, 0)
	a.elapsed.Store(int64(time.Minute))
	at(a, time.Minute)

	b := start() // its time of day is a year ahead
	keep(b, begin.AddDate(1, 0, 0))
	at(b, 0) // a has not told yet
	keep(a, begin.AddDate(-1, 0, 0))
	at(a, time.Minute)
	if _, _, err := b.Rules(t.Context(), 0, 1); err != nil { // the log tells it, too
		t.Fatal(err)
	}
	at(b, time.Minute)
	b.elapsed.Store(int64(time.Hour))
	keep(b, begin)
	keep(a, begin)
	at(a, time.Hour+time.Minute)

	keep(a, begin) // what is behind does not set it back
	c := start()
	keep(c, begin.AddDate(5, 0, 0))
	at(c, time.Hour+time.Minute)
}
