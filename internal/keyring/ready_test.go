package keyring_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/keyring"
)

var errNoStore = errors.New("the database is away")

// away has the store fail until it is called with nil.
func (c *clocked) away(err error) { c.store.failWith(err) }

// TestReadyReadsAStaleRing: a ring that could not be read for too long is read
// before the next token, and says that it is stale while that fails.
func TestReadyReadsAStaleRing(t *testing.T) {
	c := ring(t).at(0)
	kid := c.kid(0)
	for name, now := range map[string]time.Time{
		"after an outage":               t0.Add(70 * time.Second),
		"with the clock set ahead":      t0.Add(48 * time.Hour),
		"with the clock set back":       t0.Add(-61 * time.Second),
		"with a monotonic clock inside": time.Now(),
	} {
		c.at(0)
		c.away(errNoStore)
		if _, err := c.Ready(t.Context(), now); !errors.Is(err, keyring.ErrStale) || !errors.Is(err, errNoStore) {
			t.Errorf("%s: %v, want ErrStale", name, err)
		}
		c.away(nil)
		_, err := c.Ready(t.Context(), now)
		_, same := c.Active(now)
		if errors.Is(err, keyring.ErrStale) || errors.Is(err, keyring.ErrNoActiveKey) != errors.Is(same, keyring.ErrNoActiveKey) {
			t.Errorf("%s: ready %v, active %v", name, err, same)
		}
	}
	// What another process did meanwhile is known then.
	c.at(0)
	if err := c.store.KillKey(t.Context(), kid, t0); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Ready(t.Context(), t0.Add(30*time.Second)); err != nil {
		t.Errorf("a ring that is not stale was read: %v", err)
	}
	if _, err := c.Ready(t.Context(), t0.Add(70*time.Second)); !errors.Is(err, keyring.ErrNoActiveKey) {
		t.Errorf("after a kill elsewhere: %v", err)
	}
}

// TestOneReadsForAll: many requests after an outage cost one reading.
func TestOneReadsForAll(t *testing.T) {
	c := ring(t).at(0)
	before := c.store.readings()
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := c.Ready(t.Context(), t0.Add(70*time.Second)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := c.store.readings() - before; n != 1 {
		t.Errorf("%d readings", n)
	}
}
