package turn_test

import (
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/store/sqlstore/turn"
)

func open(t *testing.T, path string) *turn.Turn {
	t.Helper()
	opened, err := turn.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func TestOneHoldsTheTurn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "turn")
	a, b := open(t, path), open(t, path)
	if err := a.Take(time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := b.Take(0); !errors.Is(err, turn.ErrTimeout) {
		t.Errorf("taken twice: %v", err)
	}
	a.Give()
	if err := b.Take(time.Minute); err != nil {
		t.Error(err)
	}
	if err := errors.Join(b.Close(), a.Take(time.Minute), a.Close()); err != nil {
		t.Error(err)
	}
}

// TestTheFileIsRemoved while others wait for the turn and begin to: still one
// holds it at a time.
func TestTheFileIsRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "turn")
	var held atomic.Int64
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 25 {
				one, err := turn.Open(path)
				if err != nil {
					t.Error(err)
					return
				}
				if err := one.Take(time.Minute); err != nil {
					t.Error(err)
					return
				}
				if n := held.Add(1); n != 1 {
					t.Errorf("%d hold the turn", n)
				}
				held.Add(-1)
				if err := one.Remove(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}
