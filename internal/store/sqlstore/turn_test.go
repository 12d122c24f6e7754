package sqlstore_test

import (
	"context"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// TestABusyProcessLetsAnotherWrite: a process that writes without a pause does
// not keep a second one, such as a command beside the service, from writing.
// The second process waits for a few transactions of the first one, however
// long a transaction takes.
func TestABusyProcessLetsAnotherWrite(t *testing.T) {
	const writers, writes, overtakes = 4, 20, 5
	url := "sqlite:" + filepath.Join(t.TempDir(), "portaria.db")
	busy, other := open(t, url), open(t, url)
	ctx, stop := context.WithCancel(t.Context())
	var written atomic.Int64
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for ctx.Err() == nil {
				if err := busy.CreateAccount(context.Background(), someone()); err != nil {
					t.Error(err)
					return
				}
				written.Add(1)
			}
		})
	}
	var most int64
	for range writes {
		before := written.Load()
		if err := other.CreateAccount(t.Context(), someone()); err != nil {
			t.Errorf("the other process: %v", err)
		}
		most = max(most, written.Load()-before)
	}
	stop()
	group.Wait()
	t.Logf("one write waited for at most %d others", most)
	// A transaction holds at most one write of each writer.
	if most > writers*overtakes {
		t.Errorf("one write waited for %d others, want at most %d transactions", most, overtakes)
	}
}
