package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/store/sqlstore"
)

// held is a store whose writer is busy with a job until release is called, so
// that what follows waits together and becomes one batch.
type held struct {
	*testing.T
	*sqlstore.Store
	release func()
	group   sync.WaitGroup
}

func hold(t *testing.T) *held {
	h := &held{T: t, Store: open(t, engines["SQLite"](t))}
	busy, free := make(chan none), make(chan none)
	h.release = sync.OnceFunc(func() { close(free) })
	h.group.Go(func() {
		err := h.Do(context.Background(), false, func(sqlstore.Statement) error {
			close(busy)
			<-free
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-busy
	return h
}

type none = struct{}

// queue adds a job to the batch and returns where its error will be.
func (h *held) queue(several bool, step func(sqlstore.Statement) error) <-chan error {
	return h.queueWith(h.Context(), several, step)
}

func (h *held) queueWith(ctx context.Context, several bool, step func(sqlstore.Statement) error) <-chan error {
	before := h.Waiting()
	result := make(chan error, 1)
	h.group.Go(func() { result <- h.Do(ctx, several, step) })
	for h.Waiting() == before { // its goroutine is a moment away
		runtime.Gosched()
	}
	return result
}

func (h *held) finish() {
	h.release()
	h.group.Wait()
}

// secrets counts what was written.
func (h *held) secrets() int {
	h.Helper()
	secrets, err := h.Keyring().Secrets(context.Background())
	if err != nil {
		h.Fatal(err)
	}
	return len(secrets)
}

func insert(names ...string) func(sqlstore.Statement) error {
	return func(do sqlstore.Statement) error {
		for _, name := range names {
			if err := do("INSERT INTO secrets (name, sealed) VALUES ($1, x'00')", name); err != nil {
				return err
			}
		}
		return nil
	}
}

func TestBatchIsOneTransaction(t *testing.T) {
	h := hold(t)
	first := h.queue(false, insert("a"))
	seen := -1
	second := h.queue(false, func(do sqlstore.Statement) error {
		// A reader sees nothing of the batch yet, though "a" has run.
		seen = h.secrets()
		return nil
	})
	h.finish()
	if err := errors.Join(<-first, <-second); err != nil || seen != 0 || h.secrets() != 1 {
		t.Errorf("%v; seen %d before the commit, %d after", err, seen, h.secrets())
	}
}

func TestFailedJobUndoesOnlyItself(t *testing.T) {
	h := hold(t)
	refused := errors.New("refused")
	results := []<-chan error{
		h.queue(false, insert("a")),
		h.queue(false, insert("a")),               // a conflict of one statement
		h.queue(true, insert("b", "c", "a", "d")), // a conflict in the midst
		h.queue(true, func(do sqlstore.Statement) error { // a change of mind
			return errors.Join(insert("e")(do), refused)
		}),
		h.queue(true, insert("f", "g")),
	}
	h.finish()
	for i, failed := range []bool{false, true, true, true, false} {
		if err := <-results[i]; (err != nil) != failed {
			t.Errorf("job %d: %v", i, err)
		}
	}
	if n := h.secrets(); n != 3 {
		t.Errorf("%d secrets, want a, f and g", n)
	}
}

// TestFailedCommitFailsAll lets a commit fail over a reference that is checked
// only then.
func TestFailedCommitFailsAll(t *testing.T) {
	h := hold(t)
	results := []<-chan error{
		h.queue(false, insert("a")),
		h.queue(true, func(do sqlstore.Statement) error {
			return errors.Join(do("PRAGMA defer_foreign_keys=ON"),
				do("INSERT INTO identifiers (canonical, account_id, display) VALUES ('x', 'nobody', 'X')"))
		}),
		h.queue(true, insert("b", "c")),
	}
	h.finish()
	for i, result := range results {
		if <-result == nil {
			t.Errorf("job %d heard of success", i)
		}
	}
	if n := h.secrets(); n != 0 {
		t.Errorf("%d secrets", n)
	}
	if err := h.Do(t.Context(), false, insert("next")); err != nil || h.secrets() != 1 {
		t.Errorf("the next job: %v", err)
	}
}

// TestFullDiskFailsAll: SQLite may roll back on its own; nobody of that batch
// may hear of success, and nobody's write may be left.
func TestFullDiskFailsAll(t *testing.T) {
	h := hold(t)
	results := []<-chan error{
		h.queue(false, insert("a")),
		h.queue(false, func(do sqlstore.Statement) error {
			return errors.Join(do("PRAGMA max_page_count=1"), do("INSERT INTO secrets (name, sealed) VALUES ('big', zeroblob(1000000))"))
		}),
		h.queue(true, insert("b", "c")),
	}
	h.finish()
	for i, result := range results {
		if <-result == nil {
			t.Errorf("job %d heard of success", i)
		}
	}
	if err := h.Do(t.Context(), false, func(do sqlstore.Statement) error { return do("PRAGMA max_page_count=1000000") }); err != nil {
		t.Fatal(err)
	}
	if err := h.Do(t.Context(), false, insert("next")); err != nil || h.secrets() != 1 {
		t.Errorf("the next job: %v; %d secrets", err, h.secrets())
	}
}

// TestBatchHoldsTheWriteLock from its first moment: a job that reads before it
// writes must not find that another process has written in between.
func TestBatchHoldsTheWriteLock(t *testing.T) {
	url := engines["SQLite"](t)
	store := open(t, url)
	other, err := sql.Open("sqlite", strings.TrimPrefix(url, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	err = store.Do(t.Context(), false, func(sqlstore.Statement) error {
		_, err := other.Exec("INSERT INTO secrets (name, sealed) VALUES ('theirs', x'00')")
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "SQLITE_BUSY") {
		t.Errorf("another process wrote: %v", err)
	}
}

func TestCancelledBeforeItsTurn(t *testing.T) {
	h := hold(t)
	ctx, cancel := context.WithCancel(t.Context())
	left := h.queueWith(ctx, false, insert("left"))
	stayed := h.queue(false, insert("stayed"))
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) { // while the writer is still busy
		t.Errorf("left: %v", err)
	}
	h.finish()
	if err := <-stayed; err != nil || h.secrets() != 1 {
		t.Errorf("stayed: %v, %d secrets", err, h.secrets())
	}
}

func TestCancelledInItsTurnIsCompleted(t *testing.T) {
	store := open(t, engines["SQLite"](t))
	ctx, cancel := context.WithCancel(t.Context())
	err := store.Do(ctx, true, func(do sqlstore.Statement) error {
		cancel()
		return insert("a", "b")(do)
	})
	secrets, _ := store.Keyring().Secrets(t.Context())
	if err != nil || len(secrets) != 2 {
		t.Errorf("%v, %d secrets", err, len(secrets))
	}
}

func TestCloseCompletesWhatWasAccepted(t *testing.T) {
	url := engines["SQLite"](t)
	store, err := sqlstore.Open(t.Context(), url, sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	var mu sync.Mutex
	acknowledged := 0
	for i := range 50 {
		group.Go(func() {
			err := store.Do(context.Background(), false, insert(fmt.Sprint(i)))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				acknowledged++
			} else if !errors.Is(err, sqlstore.ErrClosed) {
				t.Error(err)
			}
		})
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
	group.Wait()
	secrets, err := open(t, url).Keyring().Secrets(t.Context())
	if err != nil || len(secrets) != acknowledged {
		t.Errorf("%d acknowledged, %d kept, %v", acknowledged, len(secrets), err)
	}
}

func TestCancelledContextWritesNothing(t *testing.T) {
	for name, fresh := range engines {
		t.Run(name, func(t *testing.T) {
			store := open(t, fresh(t))
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			a := someone()
			_, readErr := store.Account(ctx, a.ID)
			for _, err := range []error{store.CreateAccount(ctx, a), store.EnableAccount(ctx, a.ID, moment), readErr} {
				if !errors.Is(err, context.Canceled) {
					t.Errorf("got %v, want context.Canceled", err)
				}
			}
			if _, err := store.Account(t.Context(), a.ID); !errors.Is(err, account.ErrNotFound) {
				t.Errorf("account: %v", err)
			}
		})
	}
}

func TestOrphansAreRefused(t *testing.T) {
	for name, fresh := range engines {
		t.Run(name, func(t *testing.T) {
			store := open(t, fresh(t))
			if err := store.Orphan(t.Context()); !errors.Is(err, account.ErrChanged) {
				t.Errorf("got %v, want ErrAccountChanged", err)
			}
		})
	}
}
