package keyring_test

import (
	"errors"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/keyring/masterkey"
)

const (
	maxAge = 2 * time.Hour
	lead   = maxAge + 2*time.Minute // how long a key is published before it signs
	every  = 24 * time.Hour
	margin = 2 * time.Minute // how long a key stays beyond its last token
)

func daily() keyring.Policy {
	return keyring.Policy{LongestTTL: ttl, RotateEvery: every, KeySetMaxAge: maxAge}
}

// clocked is a ring and the clock of its test.
type clocked struct {
	*keyring.Ring
	t     *testing.T
	store *memory
	now   time.Time
}

// ring opens a ring at t0, whose first key is active since a minute.
func ring(t *testing.T) *clocked {
	t.Helper()
	store := newMemory()
	r, err := keyring.Open(t.Context(), store, master(t, 1), daily(), t0)
	if err != nil {
		t.Fatal(err)
	}
	return &clocked{Ring: r, t: t, store: store, now: t0}
}

var t0 = start.Truncate(time.Millisecond)

// at moves the clock and maintains the ring.
func (c *clocked) at(offset time.Duration) *clocked {
	c.t.Helper()
	c.now = t0.Add(offset)
	c.maintain()
	return c
}

func (c *clocked) maintain() []keyring.Step {
	c.t.Helper()
	up, err := c.Maintain(c.t.Context(), c.now)
	if err != nil {
		c.t.Fatal(err)
	}
	if !up.Next.Equal(c.now.Add(keyring.ReloadEvery)) {
		c.t.Errorf("next upkeep at %v", up.Next)
	}
	return up.Done
}

// signs fails unless this key signs now.
func (c *clocked) signs(kid string) {
	c.t.Helper()
	if got := active(c.t, c.Ring, c.now).Kid(); got != kid {
		c.t.Errorf("after %v key %s signs, want %s", c.now.Sub(t0), got, kid)
	}
}

// states fails unless the ring's keys stand there, by seq.
func (c *clocked) states(want ...keyring.State) {
	c.t.Helper()
	var got []keyring.State
	for _, key := range c.Keys() {
		got = append(got, key.State(c.now))
		if _, found := c.Find(key.Kid(), c.now); found != key.State(c.now).Published() {
			c.t.Errorf("after %v a key that is %v is found: %v", c.now.Sub(t0), key.State(c.now), found)
		}
	}
	equal(c.t, got, want)
}

func equal[T comparable](t *testing.T, got, want []T) {
	t.Helper()
	same := len(got) == len(want)
	for i := range min(len(got), len(want)) {
		same = same && got[i] == want[i]
	}
	if !same {
		t.Errorf("got %v, want %v", got, want)
	}
}

func (c *clocked) kid(i int) string { c.t.Helper(); return c.Keys()[i].Kid() }

func (c *clocked) rotate(o keyring.Order) keyring.Rotation {
	c.t.Helper()
	rotation, err := c.Rotate(c.t.Context(), c.now, o)
	if err != nil {
		c.t.Fatal(err)
	}
	return rotation
}

func (c *clocked) kill(kid string) keyring.Kill {
	c.t.Helper()
	kill, err := c.Kill(c.t.Context(), c.now, kid)
	if err != nil {
		c.t.Fatal(err)
	}
	return kill
}

func TestRotationOnDemand(t *testing.T) {
	c := ring(t)
	first := c.kid(0)
	rotation := c.rotate(keyring.Order{})
	want := keyring.Rotation{Predecessor: first, Successor: c.kid(1), At: t0.Add(lead), GoneAt: t0.Add(lead + ttl + margin)}
	if rotation != want {
		t.Errorf("%+v, want %+v", rotation, want)
	}
	c.states(keyring.Active, keyring.Next)
	want.Already = true
	if again := c.rotate(keyring.Order{}); again != want {
		t.Errorf("again: %+v, want %+v", again, want)
	}
	c.at(lead - 1).signs(first)
	c.states(keyring.Active, keyring.Next)
	c.at(lead).signs(rotation.Successor)
	c.states(keyring.Retired, keyring.Active)
	c.at(lead+ttl+margin-1).states(keyring.Retired, keyring.Active)
	c.at(lead + ttl + margin).states(keyring.Active)
	if len(c.store.keys) != 1 {
		t.Errorf("%d keys rest in the store, want the active one", len(c.store.keys))
	}
}

func TestRotationByItself(t *testing.T) {
	c := ring(t)
	const due = every - time.Minute // the first key is active since a minute
	c.at(due - lead - 1).states(keyring.Active)
	c.now = t0.Add(due - lead)
	if done := c.maintain(); len(done) != 1 || done[0].State != keyring.Next || done[0].Kid != c.kid(1) || !done[0].At.Equal(c.now) {
		t.Errorf("done: %+v, want one key made", done)
	}
	if done := c.maintain(); len(done) != 0 {
		t.Errorf("done again: %+v", done)
	}
	c.at(due - 1).signs(c.kid(0))
	c.at(due).signs(c.kid(1))
	c.states(keyring.Retired, keyring.Active)
	c.at(2*due - lead - 1).states(keyring.Active)
	// Nobody was there when it was due: the key is published as long as ever.
	late := 10 * every
	c.at(late).states(keyring.Active, keyring.Next)
	c.at(late+lead-1).states(keyring.Active, keyring.Next)
	c.at(late+lead).states(keyring.Retired, keyring.Active)
}

func TestOrders(t *testing.T) {
	c := ring(t)
	refuse := func(o keyring.Order, want error) {
		t.Helper()
		writes := c.store.writes
		if _, _, err := c.Drill(c.now, o); !errors.Is(err, want) {
			t.Errorf("drill: %v, want %v", err, want)
		}
		if _, err := c.Rotate(t.Context(), c.now, o); !errors.Is(err, want) || c.store.writes != writes {
			t.Errorf("%v and %d writes, want %v and none", err, c.store.writes-writes, want)
		}
	}
	key := generate(t, jose.EdDSA)
	refuse(keyring.Order{At: t0.Add(lead - 1)}, keyring.ErrTooEarly)
	refuse(keyring.Order{At: t0}, keyring.ErrTooEarly)
	refuse(keyring.Order{Key: key.Public()}, keyring.ErrKeyUnfit)
	refuse(keyring.Order{Key: c.Keys()[0].Key}, keyring.ErrKeyExists)
	c.signs(c.kid(0))

	if got := c.rotate(keyring.Order{Key: key, At: t0.Add(3 * lead)}); got.Successor != key.Kid() || !got.At.Equal(t0.Add(3*lead)) {
		t.Errorf("%+v", got)
	}
	refuse(keyring.Order{Key: generate(t, jose.EdDSA)}, keyring.ErrRotating)
	if got := c.rotate(keyring.Order{Key: key}); !got.Already {
		t.Error("the same key again is another rotation")
	}
	c.at(3*lead - 1).signs(c.kid(0))
	c.at(3 * lead).signs(key.Kid())
	signed := active(t, c.Ring, c.now)
	signature, err := signed.Sign("input")
	if err != nil || key.Verify("input", signature) != nil {
		t.Errorf("the imported key came back changed: %v", err)
	}
}

func TestKeySetIsBounded(t *testing.T) {
	c := ring(t)
	for range 99 {
		if err := c.Trust(t.Context(), t0, generate(t, jose.EdDSA).Public()); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Trust(t.Context(), t0, generate(t, jose.EdDSA).Public()); !errors.Is(err, keyring.ErrTooManyKeys) {
		t.Errorf("key 101: %v, want ErrTooManyKeys", err)
	}
	if _, err := c.Rotate(t.Context(), t0, keyring.Order{}); !errors.Is(err, keyring.ErrTooManyKeys) {
		t.Errorf("rotation to key 101: %v, want ErrTooManyKeys", err)
	}
	if killed := c.kill(c.kid(0)); killed.Signs == "" {
		t.Error("a full key set keeps a killed key from being replaced")
	}
}

func generate(t *testing.T, alg jose.Algorithm) jose.Key {
	t.Helper()
	key, err := jose.Generate(alg)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestRotateAfterAKillByOthers: a command finds a key that was killed, and that
// nobody has replaced yet.
func TestRotateAfterAKillByOthers(t *testing.T) {
	c := ring(t)
	killed := c.kid(0)
	if err := c.store.KillKey(t.Context(), killed, t0); err != nil {
		t.Fatal(err)
	}
	if err := c.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rehearsed, _, err := c.Drill(t0, keyring.Order{}); err != nil || rehearsed.Predecessor == killed {
		t.Errorf("rehearsed %+v, %v", rehearsed, err)
	}
	if rotation := c.rotate(keyring.Order{}); rotation.Predecessor == killed {
		t.Errorf("%+v", rotation)
	}
	c.states(keyring.Killed, keyring.Active, keyring.Next)
}

// TestTheYoungestKeyIsNotDeleted before there is a younger one: its number is
// what two writers collide on.
func TestTheYoungestKeyIsNotDeleted(t *testing.T) {
	c := ring(t)
	theirs := generate(t, jose.EdDSA).Public()
	if err := c.Trust(t.Context(), t0, theirs); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Retire(t.Context(), t0, theirs.Kid()); err != nil {
		t.Fatal(err)
	}
	c.at(ttl+margin).states(keyring.Active, keyring.Gone)
	c.rotate(keyring.Order{})
	c.at(ttl+margin).states(keyring.Active, keyring.Next)
}

// TestReloadSeesAnotherKeyUnderTheSameKid: what is open already is not taken
// for it.
func TestReloadSeesAnotherKeyUnderTheSameKid(t *testing.T) {
	c := ring(t)
	theirs := generate(t, jose.EdDSA).Public()
	if err := c.Trust(t.Context(), t0, theirs); err != nil {
		t.Fatal(err)
	}
	c.store.keys[1].Public = generate(t, jose.EdDSA).PublicJWK()
	if err := c.Reload(t.Context()); !errors.Is(err, masterkey.ErrDamaged) {
		t.Errorf("%v, want ErrSealedDamaged", err)
	}
}

func TestRetire(t *testing.T) {
	c := ring(t)
	retire := func(kid string) keyring.Rotation {
		t.Helper()
		rotation, err := c.Retire(t.Context(), c.now, kid)
		if err != nil {
			t.Fatal(err)
		}
		return rotation
	}
	theirs := generate(t, jose.RS256).Public()
	if err := c.Trust(t.Context(), t0, theirs); err != nil {
		t.Fatal(err)
	}
	c.signs(c.kid(0))
	c.states(keyring.Active, keyring.Active)
	if err := c.Trust(t.Context(), t0, theirs); !errors.Is(err, keyring.ErrKeyExists) {
		t.Errorf("trusted twice: %v, want ErrKeyExists", err)
	}
	for _, unfit := range []jose.Key{{}, generate(t, jose.ES256), generate(t, jose.HS256)} {
		if err := c.Trust(t.Context(), t0, unfit); !errors.Is(err, keyring.ErrKeyUnfit) {
			t.Errorf("trusted %s key: %v, want ErrKeyUnfit", unfit.Algorithm(), err)
		}
	}
	want := keyring.Rotation{Predecessor: theirs.Kid(), At: t0, GoneAt: t0.Add(ttl + margin)}
	if got := retire(theirs.Kid()); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	want.Already = true
	if got := retire(theirs.Kid()); got != want {
		t.Errorf("again: %+v, want %+v", got, want)
	}
	if got := retire(c.kid(0)); got.Successor != c.kid(2) || !got.At.Equal(t0.Add(lead)) {
		t.Errorf("the active key: %+v, want a rotation", got)
	}
	if _, err := c.Retire(t.Context(), c.now, c.kid(2)); !errors.Is(err, keyring.ErrKeyUnfit) {
		t.Errorf("the next key: %v, want ErrKeyUnfit", err)
	}
	if _, err := c.Retire(t.Context(), c.now, "unknown"); !errors.Is(err, keyring.ErrNotFound) {
		t.Errorf("unknown kid: %v, want ErrNotFound", err)
	}
	c.at(ttl+margin).states(keyring.Active, keyring.Next)
}

// TestSuperfluousKeysRetire: of two keys made in a hurry by clocks that are
// minutes apart, the younger stays.
func TestSuperfluousKeysRetire(t *testing.T) {
	c := ring(t)
	ahead := open(t, newMemory(), t0.Add(5*time.Minute), 1).Keys()[0].Record()
	ahead.Seq = 2
	c.store.keys = append(c.store.keys, ahead)
	c.at(0).states(keyring.Active, keyring.Next)
	c.at(4*time.Minute).states(keyring.Retired, keyring.Active)
	c.at(4*time.Minute + ttl + margin).states(keyring.Active)
}

// TestWithoutTheStoreNothingIsSigned: a process that cannot see whether its key
// was killed may not go on signing for long.
func TestWithoutTheStoreNothingIsSigned(t *testing.T) {
	c := ring(t)
	c.at(0)
	kid := c.kid(0)
	c.now = t0.Add(time.Minute)
	c.signs(kid)
	_, err := c.Active(t0.Add(time.Minute + 1))
	if !errors.Is(err, keyring.ErrStale) {
		t.Errorf("after more than a minute: %v, want ErrStale", err)
	}
	if _, ok := c.Find(kid, t0.Add(time.Hour)); !ok {
		t.Error("nothing is verified either")
	}
	c.at(time.Hour).signs(kid)
}

// TestRotationIsRaced: another process rotates, or kills the key, between the
// decision and the writing.
func TestRotationIsRaced(t *testing.T) {
	c := ring(t)
	other := func() *clocked {
		r, err := keyring.Open(t.Context(), c.store, master(t, 1), daily(), t0)
		if err != nil {
			t.Fatal(err)
		}
		return &clocked{Ring: r, t: t, store: c.store, now: t0}
	}
	var theirs keyring.Rotation
	c.store.meanwhile = func() { theirs = other().rotate(keyring.Order{}) }
	ours := c.rotate(keyring.Order{})
	if ours.Successor != theirs.Successor || !ours.Already || len(c.store.keys) != 2 {
		t.Errorf("ours %+v, theirs %+v: want one rotation", ours, theirs)
	}
	c = ring(t)
	killed := c.kid(0)
	c.store.meanwhile = func() { other().kill(killed) }
	if ours := c.rotate(keyring.Order{}); ours.Predecessor == killed {
		t.Error("a killed key was rotated")
	}
	c.states(keyring.Killed, keyring.Active, keyring.Next)
}

func TestRotationPolicy(t *testing.T) {
	check := func(every, maxAge, longest time.Duration, valid bool) {
		t.Helper()
		p := keyring.Policy{LongestTTL: longest, RotateEvery: every, KeySetMaxAge: maxAge}
		if err := p.Validate(); (err == nil) != valid {
			t.Errorf("every %v, max-age %v, lifetime %v: %v", every, maxAge, longest, err)
		}
	}
	const day = 24 * time.Hour
	check(0, 0, ttl, true)
	check(day, time.Hour, ttl, true)
	check(day, day-margin, ttl, true)
	check(day, day-margin+1, ttl, false)
	check(-1, time.Hour, ttl, false)
	check(400*day, time.Hour, ttl, true)
	check(400*day+1, time.Hour, ttl, false)
	check(30*day, day, ttl, true)
	check(30*day, day+1, ttl, false)
	check(30*day, -1, ttl, false)
	check(day, time.Hour, 96*day, true)
	check(day, time.Hour, 97*day, false)
}

func TestOnlyKeysThatVerifyAreTrusted(t *testing.T) {
	c := ring(t)
	for name, key := range map[string]jose.Key{
		"none":       {},
		"private":    generate(t, jose.EdDSA),
		"encryption": generate(t, jose.ECDHESA256KW).Public(),
	} {
		if err := c.Trust(t.Context(), t0, key); !errors.Is(err, keyring.ErrKeyUnfit) {
			t.Errorf("%s: %v, want ErrKeyUnfit", name, err)
		}
	}
}
