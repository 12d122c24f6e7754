package keyring_test

import (
	"errors"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keyring"
)

func TestKillTheActiveKey(t *testing.T) {
	c := ring(t)
	killed := c.kid(0)
	kill := c.kill(killed)
	c.states(keyring.Killed, keyring.Active)
	c.signs(c.kid(1))
	if kill.Kid != killed || kill.Was != keyring.Active || kill.Signs != c.kid(1) || len(kill.Made) != 1 || kill.Made[0].State != keyring.Active {
		t.Errorf("%+v", kill)
	}
	again := c.kill(killed)
	if again.Was != keyring.Killed || again.Signs != kill.Signs || len(again.Made) != 0 {
		t.Errorf("again: %+v", again)
	}
	c.at(10*every+lead).states(keyring.Killed, keyring.Active, keyring.Next)
	if _, err := c.Kill(t.Context(), c.now, "unknown"); !errors.Is(err, keyring.ErrNotFound) {
		t.Errorf("unknown kid: %v, want ErrNotFound", err)
	}
}

// TestKillWhileRotating: the published key takes over at once, be it known to
// everybody or not: of a new one nobody knows.
func TestKillWhileRotating(t *testing.T) {
	for _, after := range []time.Duration{time.Hour, lead - time.Millisecond} {
		c := ring(t)
		rotation := c.rotate(keyring.Order{})
		c.now = t0.Add(after)
		kill := c.kill(rotation.Predecessor)
		if kill.Signs != rotation.Successor || len(kill.Made) != 1 || kill.Made[0].State != keyring.Active {
			t.Errorf("after %v: %+v, want the next key to sign", after, kill)
		}
		c.states(keyring.Killed, keyring.Active)
		if again := c.maintain(); len(again) != 0 {
			t.Errorf("upkeep has something to do: %+v", again)
		}
		// A process whose clock is a little behind has nothing to wait for.
		c.now = c.now.Add(-time.Minute)
		c.signs(rotation.Successor)
		c.at(after+every-lead-time.Minute-1).states(keyring.Killed, keyring.Active)
		c.at(after+every-lead-time.Minute).states(keyring.Killed, keyring.Active, keyring.Next)
	}
}

// TestKillByAClockAhead: whoever finds no key that signs takes the next one,
// whenever it was to begin.
func TestKillByAClockAhead(t *testing.T) {
	c := ring(t)
	c.now = t0.Add(10 * time.Minute)
	kill := c.kill(c.kid(0))
	c.at(0).signs(kill.Signs)
	c.states(keyring.Killed, keyring.Active)
}

// TestKillOfBothInARace: the next key is killed while it is about to take over.
func TestKillOfBothInARace(t *testing.T) {
	c := ring(t)
	rotation := c.rotate(keyring.Order{})
	if err := c.store.KillKey(t.Context(), rotation.Predecessor, t0); err != nil {
		t.Fatal(err)
	}
	c.store.meanwhile = func() { _ = c.store.KillKey(t.Context(), rotation.Successor, t0) }
	c.maintain()
	c.states(keyring.Killed, keyring.Killed, keyring.Active)
}

// TestKillTheNextKey: it has signed nothing, but somebody must take over, and
// everybody must know who: the active key signs for longer, if need be.
func TestKillTheNextKey(t *testing.T) {
	for _, after := range []time.Duration{0, time.Hour, lead - 1} {
		c := ring(t)
		rotation := c.rotate(keyring.Order{})
		c.now = t0.Add(after)
		kill := c.kill(rotation.Successor)
		if kill.Was != keyring.Next || kill.Signs != rotation.Predecessor || len(kill.Made) != 1 || kill.Made[0].State != keyring.Next {
			t.Errorf("after %v: %+v", after, kill)
		}
		c.states(keyring.Active, keyring.Killed, keyring.Next)
		at := c.Keys()[2].Record().ActivateAt.Sub(t0) // milliseconds
		if after+lead-at > time.Millisecond {
			t.Errorf("killed after %v: it signs after %v, before everybody can know it", after, at)
		}
		c.at(at - 1).signs(rotation.Predecessor)
		c.at(at).signs(kill.Made[0].Kid)
	}
	c := ring(t)
	rotation := c.rotate(keyring.Order{At: t0.Add(every)})
	c.kill(rotation.Successor)
	if got := c.Keys()[2].Record().ActivateAt; !got.Equal(t0.Add(every)) {
		t.Errorf("its replacement signs from %v, want the time that was ordered", got)
	}
}

// TestReplace withdraws a key that has signed nothing.
func TestReplace(t *testing.T) {
	c := ring(t)
	old := c.rotate(keyring.Order{At: t0.Add(every)})
	c.now = t0.Add(time.Hour)
	mine := generate(t, jose.EdDSA)
	order := keyring.Order{Key: mine, Replace: true}
	rehearsed, plan, err := c.Drill(c.now, order)
	if err != nil || len(plan.Steps) == 0 || plan.Steps[0].Kid != mine.Kid() {
		t.Errorf("drill: %+v, %v", plan, err)
	}
	got := c.rotate(order)
	if got != rehearsed {
		t.Errorf("rehearsed %+v, happened %+v", rehearsed, got)
	}
	want := keyring.Rotation{Predecessor: old.Predecessor, Successor: mine.Kid(), At: c.now.Add(lead), GoneAt: c.now.Add(lead + ttl + margin)}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	c.states(keyring.Active, keyring.Killed, keyring.Next)
	if again := c.rotate(order); !again.Already {
		t.Errorf("the same key again: %+v", again)
	}
	c.live(keyring.Plan{Signs: plan.Signs, Steps: plan.Steps[1:]}) // the first has just been taken

	c = ring(t)
	if got := c.rotate(keyring.Order{Replace: true}); got.At != t0.Add(lead) {
		t.Errorf("with nothing to replace: %+v", got)
	}
	first := c.kid(1)
	if got := c.rotate(keyring.Order{Replace: true, Algorithm: jose.EdDSA}); got.Successor == first || c.Keys()[2].Algorithm() != jose.EdDSA {
		t.Errorf("%+v", got)
	}
}

// TestReplaceIsRaced: a key that signs already is not withdrawn, nor has a
// killed one a successor.
func TestReplaceIsRaced(t *testing.T) {
	c := ring(t)
	rotation := c.rotate(keyring.Order{})
	c.store.meanwhile = func() { _ = c.store.KillKey(t.Context(), rotation.Predecessor, t0) }
	got := c.rotate(keyring.Order{Replace: true})
	if got.Predecessor != rotation.Successor {
		t.Errorf("%+v, want the next key to sign and to be followed", got)
	}
	c.states(keyring.Killed, keyring.Active, keyring.Next)
}

// TestOrdersForAnAlgorithm are refused in a rehearsal as in earnest.
func TestOrdersForAnAlgorithm(t *testing.T) {
	c := ring(t)
	refuse := func(o keyring.Order, want error) {
		t.Helper()
		if _, _, err := c.Drill(c.now, o); !errors.Is(err, want) {
			t.Errorf("drill: %v, want %v", err, want)
		}
		if _, err := c.Rotate(t.Context(), c.now, o); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	refuse(keyring.Order{Algorithm: jose.ECDHES}, keyring.ErrKeyUnfit)
	if c.rotate(keyring.Order{Algorithm: jose.EdDSA}); c.Keys()[1].Algorithm() != jose.EdDSA {
		t.Errorf("made %s", c.Keys()[1].Algorithm())
	}
	refuse(keyring.Order{Algorithm: jose.EdDSA}, keyring.ErrRotating)
}

// TestAKilledKeyStaysDead, whatever it calls itself and however much later.
func TestAKilledKeyStaysDead(t *testing.T) {
	c := ring(t)
	key := generate(t, jose.EdDSA)
	c.rotate(keyring.Order{Key: key})
	c.kill(key.Kid())
	c.at(100 * every)
	renamed, err := key.WithKid("innocent")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Trust(t.Context(), c.now, renamed.Public()); !errors.Is(err, keyring.ErrKeyKnown) {
		t.Errorf("trusted: %v, want ErrKeyKnown", err)
	}
	order := keyring.Order{Key: renamed, Replace: true}
	if _, err := c.Rotate(t.Context(), c.now, order); !errors.Is(err, keyring.ErrKeyKnown) {
		t.Errorf("imported: %v, want ErrKeyKnown", err)
	}
	if _, _, err := c.Drill(c.now, order); !errors.Is(err, keyring.ErrKeyKnown) {
		t.Errorf("rehearsed: %v, want ErrKeyKnown", err)
	}
	// Nor is another key taken for the one that has its name.
	next := c.rotate(keyring.Order{})
	other, err := generate(t, jose.EdDSA).WithKid(next.Successor)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Rotate(t.Context(), c.now, keyring.Order{Key: other}); !errors.Is(err, keyring.ErrKeyExists) {
		t.Errorf("under a kid that is taken: %v, want ErrKeyExists", err)
	}
}
