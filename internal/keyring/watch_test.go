package keyring_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keyring"
)

// tells wants these changes from the next look, and none from the one after.
func (c *clocked) tells(offset time.Duration, want ...keyring.Change) {
	c.t.Helper()
	c.now = t0.Add(offset)
	for _, want := range [][]keyring.Change{want, nil} {
		up, err := c.Maintain(c.t.Context(), c.now)
		if err != nil {
			c.t.Fatal(err)
		}
		if diff := cmp.Diff(want, up.Changes); diff != "" {
			c.t.Errorf("after %v (-want +got):\n%s", offset, diff)
		}
	}
}

// beside is another process on the same store: an operator's command.
func (c *clocked) beside() *clocked {
	c.t.Helper()
	r, err := keyring.Open(c.t.Context(), c.store, master(c.t, 1), daily(), c.now)
	if err != nil {
		c.t.Fatal(err)
	}
	return &clocked{Ring: r, t: c.t, store: c.store, now: c.now}
}

// TestChangesAreTold whoever brought them about, each once, with their reason.
func TestChangesAreTold(t *testing.T) {
	const next, active, retired, killed = keyring.Next, keyring.Active, keyring.Retired, keyring.Killed
	c := ring(t)
	c.tells(0)
	first := c.kid(0)
	second := c.beside().rotate(keyring.Order{}).Successor
	c.tells(0, keyring.Change{Kid: second, To: next, New: true, Why: keyring.WhyRotated})
	third := c.beside().rotate(keyring.Order{Replace: true}).Successor
	c.tells(0, keyring.Change{Kid: second, From: next, To: killed, Why: keyring.WhyReplaced},
		keyring.Change{Kid: third, To: next, New: true, Why: keyring.WhyReplaced})
	c.tells(lead, keyring.Change{Kid: first, From: active, To: retired, Why: keyring.WhyRotated},
		keyring.Change{Kid: third, From: next, To: active, Why: keyring.WhyRotated})
	other := c.beside()
	c.tells(lead+ttl+margin, keyring.Change{Kid: first, From: retired, To: keyring.Gone, Deleted: true, Why: keyring.WhyExpired})
	other.tells(lead + ttl + margin)

	fourth := c.beside().rotate(keyring.Order{}).Successor
	c.beside().kill(third)
	c.tells(lead+ttl+margin, keyring.Change{Kid: third, From: active, To: killed, Why: keyring.WhyKilled},
		keyring.Change{Kid: fourth, To: active, New: true, Why: keyring.WhyKilled})
	theirs := generate(t, jose.EdDSA).Public()
	if err := c.beside().Trust(t.Context(), c.now, theirs); err != nil {
		t.Fatal(err)
	}
	c.tells(lead+ttl+margin, keyring.Change{Kid: theirs.Kid(), To: active, New: true, Why: keyring.WhyTrusted})
	if _, err := c.beside().Retire(t.Context(), c.now, theirs.Kid()); err != nil {
		t.Fatal(err)
	}
	c.tells(lead+ttl+margin, keyring.Change{Kid: theirs.Kid(), From: active, To: retired, Why: keyring.WhyRetired})
	// Killed keys do not expire.
	c.tells(lead+2*(ttl+margin), keyring.Change{Kid: theirs.Kid(), From: retired, To: keyring.Gone, Why: keyring.WhyExpired})
}

// TestADeletionIsToldByOne: of two that find a key gone, the one that deletes it.
func TestADeletionIsToldByOne(t *testing.T) {
	c := ring(t)
	c.rotate(keyring.Order{})
	c.at(lead)
	other := c.beside()
	other.at(lead)
	c.store.meanwhile = func() {
		if done := other.at(lead + ttl + margin).Keys(); len(done) != 1 {
			t.Errorf("%d keys are left", len(done))
		}
	}
	c.tells(lead + ttl + margin)
}
