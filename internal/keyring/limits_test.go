package keyring_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/keyring/masterkey"
)

// TestLimitsOfAPolicy that the table of rotation times leaves out.
func TestLimitsOfAPolicy(t *testing.T) {
	const day = 24 * time.Hour
	for longest, want := range map[time.Duration]bool{400 * day: true, 400*day + 1: false, 1: true, 0: false, -1: false} {
		p := keyring.Policy{LongestTTL: longest, RotateEvery: 30 * day}
		if err := p.Validate(); (err == nil) != want {
			t.Errorf("lifetime %v: %v", longest, err)
		}
	}
	// The defaults: ES256, 30 days, 24 hours.
	r, err := keyring.Open(t.Context(), newMemory(), master(t, 1), keyring.Policy{LongestTTL: ttl}, start)
	if err != nil {
		t.Fatal(err)
	}
	k := active(t, r, start)
	steps := r.Plan(start).Steps
	if k.Algorithm() != jose.ES256 || len(steps) == 0 || steps[0].State != keyring.Next {
		t.Fatalf("%s, %+v", k.Algorithm(), steps)
	}
	// The next key is made the time of a key set and the margin before it signs.
	if made := steps[0].At.Sub(start).Round(time.Minute); made != 29*day-margin-time.Minute {
		t.Errorf("the next key is made after %v", made)
	}
}

// TestLimitsOfHonour: what came before a new generation counts at once no more,
// or for two minutes to 90 days.
func TestLimitsOfHonour(t *testing.T) {
	c := ring(t)
	if _, err := c.Secret(t.Context(), "webhook"); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		honour time.Duration
		want   error
	}{
		{-1, keyring.ErrHonour}, {1, keyring.ErrHonour}, {margin - 1, keyring.ErrHonour}, {keyring.MaxHonour + 1, keyring.ErrHonour},
		{0, nil}, {margin, nil}, {keyring.MaxHonour, nil},
	} {
		if _, err := c.RotateSecret(t.Context(), "webhook", test.honour, t0); !errors.Is(err, test.want) {
			t.Errorf("%v: %v, want %v", test.honour, err, test.want)
		}
	}
	if keyring.MaxHonour != 90*24*time.Hour {
		t.Errorf("at most %v", keyring.MaxHonour)
	}
}

// TestLimitOfGenerations: a secret has a thousand, and no more.
func TestLimitOfGenerations(t *testing.T) {
	c := ring(t)
	if _, err := c.Secret(t.Context(), "webhook"); err != nil {
		t.Fatal(err)
	}
	for n := 2; n < 1000; n++ {
		if err := c.store.AddSecret(t.Context(), keyring.SealGeneration(master(t, 1), "webhook", n)); err != nil {
			t.Fatal(err)
		}
	}
	if done, err := c.RotateSecret(t.Context(), "webhook", 0, t0); err != nil || done.Generation != 1000 {
		t.Fatalf("the thousandth: %+v, %v", done, err)
	}
	if _, err := c.RotateSecret(t.Context(), "webhook", 0, t0); !errors.Is(err, keyring.ErrTooManyGenerations) {
		t.Errorf("the thousand and first: %v", err)
	}
}

// TestStaleAtTheLimit: a ring that was read a minute ago still signs, and so does
// one whose clock was set back by a minute; not a moment more.
func TestStaleAtTheLimit(t *testing.T) {
	c := ring(t).at(0)
	c.away(errNoStore)
	for age, want := range map[time.Duration]error{
		0: nil, time.Minute: nil, time.Minute + 1: keyring.ErrStale, -time.Minute: nil, -time.Minute - 1: keyring.ErrStale,
	} {
		if _, err := c.Ready(t.Context(), t0.Add(age)); !errors.Is(err, want) {
			t.Errorf("read %v ago: %v, want %v", age, err, want)
		}
	}
}

// TestReadyAfterAFailure: a reading that succeeds counts from its moment on, so
// that the next caller does not read again; a failed one does not.
func TestReadyAfterAFailure(t *testing.T) {
	c := ring(t).at(0)
	later := t0.Add(70 * time.Second)
	c.away(errNoStore)
	for range 2 {
		before := c.store.readings()
		if _, err := c.Ready(t.Context(), later); !errors.Is(err, errNoStore) {
			t.Errorf("%v", err)
		}
		if n := c.store.readings() - before; n != 1 {
			t.Errorf("while the store is away: %d readings", n)
		}
	}
	c.away(nil)
	before := c.store.readings()
	for range 2 {
		if _, err := c.Ready(t.Context(), later); err != nil {
			t.Error(err)
		}
	}
	if n := c.store.readings() - before; n != 1 {
		t.Errorf("%d readings for two tokens after an outage", n)
	}
}

// TestSealedValuesThatAreCut: the first five bytes name the format and the master
// key. A value of another master key is said to be that, however short it is.
func TestSealedValuesThatAreCut(t *testing.T) {
	store := newMemory()
	if _, err := open(t, store, start, 1).Secret(t.Context(), "webhook"); err != nil {
		t.Fatal(err)
	}
	whole := bytes.Clone(store.secrets["webhook"])
	for n, want := range map[int]error{0: masterkey.ErrDamaged, 4: masterkey.ErrDamaged, 5: masterkey.ErrWrong, len(whole): masterkey.ErrWrong} {
		store.secrets["webhook"] = whole[:n]
		store.keys = nil // else they are refused first
		if _, err := keyring.Open(t.Context(), store, master(t, 2), keyring.Policy{LongestTTL: ttl}, start); !errors.Is(err, want) {
			t.Errorf("%d bytes: %v, want %v", n, err, want)
		}
	}
}
