package keyring_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/keyring"
)

// TestSecretGenerations: processes that look at different times accept what the
// others make, and the old secret ends when it was said to.
func TestSecretGenerations(t *testing.T) {
	c := ring(t)
	first, err := c.Secret(t.Context(), "refresh-token")
	if err != nil {
		t.Fatal(err)
	}
	counts := func(of *clocked, after time.Duration, want ...keyring.Secret) {
		t.Helper()
		got := of.Generations("refresh-token", t0.Add(after))
		if !slices.EqualFunc(got, want, func(a, b keyring.Secret) bool { return slices.Equal(a, b) }) {
			t.Errorf("after %v %d generations count, want %d, or another order", after, len(got), len(want))
		}
	}
	counts(c, 0, first)
	late := c.beside() // a process that does not look again
	const honour = 24 * time.Hour
	done, err := c.RotateSecret(t.Context(), "refresh-token", honour, t0)
	if err != nil || done.Generation != 2 || !done.Until.Equal(t0.Add(honour)) {
		t.Fatalf("%+v, %v", done, err)
	}
	all := c.Generations("refresh-token", t0.Add(honour-1))
	second := all[0]
	counts(late, 0, first)
	counts(c, 0, first, second) // accepted before any process makes it
	counts(c, done.From.Sub(t0)-1, first, second)
	counts(c, done.From.Sub(t0), second, first)
	counts(c, honour-time.Millisecond, second, first)
	counts(c, honour, second)
	if err := late.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	counts(late, honour, second)

	// After a leak all before it are gone at once, whatever the clock says.
	if _, err := c.RotateSecret(t.Context(), "refresh-token", 0, t0); err != nil {
		t.Fatal(err)
	}
	third := c.Generations("refresh-token", t0)[0]
	for _, after := range []time.Duration{-1000 * time.Hour, 0, honour} {
		counts(c, after, third)
	}
	counts(c.beside(), 0, third)
	if done, err := c.Reseal(t.Context()); err != nil || done.Already < 3 {
		t.Errorf("%+v, %v", done, err)
	}
}

func TestRotateSecretRefuses(t *testing.T) {
	c := ring(t)
	if _, err := c.Secret(t.Context(), "webhook"); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		honour time.Duration
		want   error
	}{
		{"unknown", time.Hour, keyring.ErrUnknownSecret},
		{"webhook#2", time.Hour, keyring.ErrUnknownSecret},
		{"webhook", -1, keyring.ErrHonour},
		{"webhook", time.Second, keyring.ErrHonour},
		{"webhook", keyring.MaxHonour + 1, keyring.ErrHonour},
	} {
		if _, err := c.RotateSecret(t.Context(), test.name, test.honour, t0); !errors.Is(err, test.want) {
			t.Errorf("%s for %v: %v, want %v", test.name, test.honour, err, test.want)
		}
	}
	if got := c.Generations("webhook", t0); len(got) != 1 {
		t.Errorf("%d generations count", len(got))
	}
}
