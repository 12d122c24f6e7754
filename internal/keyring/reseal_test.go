package keyring_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/keyring/masterkey"
)

// sealed opens a store with two keys and two secrets under master key 1.
func sealed(t *testing.T) (*memory, []string) {
	t.Helper()
	c := ring(t)
	c.rotate(keyring.Order{})
	var secrets []string
	for _, name := range []string{"a", "b"} {
		secrets = append(secrets, secret(t, c.Ring, name))
	}
	return c.store, secrets
}

func secret(t *testing.T, r *keyring.Ring, name string) string {
	t.Helper()
	s, err := r.Secret(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return string(s)
}

func reseal(t *testing.T, r *keyring.Ring, want keyring.Resealed) {
	t.Helper()
	if got, err := r.Reseal(t.Context()); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

func TestResealWithoutDowntime(t *testing.T) {
	store, secrets := sealed(t)
	running := open(t, store, start, 1) // has not heard of the new key yet
	signs := active(t, running, start).Kid()
	both := open(t, store, start, 2, 1)
	reseal(t, both, keyring.Resealed{Keys: 2, Secrets: 2})
	reseal(t, both, keyring.Resealed{Already: 4})

	if err := running.Reload(t.Context()); err != nil {
		t.Errorf("a process with the old master key stopped: %v", err)
	}
	if got := active(t, running, start); got.Kid() != signs {
		t.Errorf("it signs with %s, want %s", got.Kid(), signs)
	}
	if _, err := keyring.Open(t.Context(), store, master(t, 1), daily(), start); !errors.Is(err, masterkey.ErrWrong) {
		t.Errorf("start with the old master key: %v, want ErrMasterKeyWrong", err)
	}
	fresh := open(t, store, start, 2)
	if active(t, fresh, start).Kid() != signs || secret(t, fresh, "a") != secrets[0] || secret(t, fresh, "b") != secrets[1] {
		t.Error("something came back changed")
	}
	if err := store.KillKey(t.Context(), signs, start); err != nil {
		t.Fatal(err)
	}
	if err := running.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, ok := running.Find(signs, start); ok {
		t.Error("a process with the old master key does not hear of a kill")
	}
}

// TestResealChangesNothingThatItCannotOpen and nothing else either.
func TestResealChangesNothingThatItCannotOpen(t *testing.T) {
	refuse := func(what string, damage func(*memory), want error) {
		t.Helper()
		store, _ := sealed(t)
		r := open(t, store, start, 2, 1)
		damage(store)
		before := fmt.Sprint(store.keys, store.secrets)
		if got, err := r.Reseal(t.Context()); !errors.Is(err, want) || got != (keyring.Resealed{}) {
			t.Errorf("%s: %+v, %v; want %v", what, got, err, want)
		}
		if fmt.Sprint(store.keys, store.secrets) != before {
			t.Errorf("%s: the store has changed", what)
		}
	}
	foreign, _ := sealed(t)
	reseal(t, open(t, foreign, start, 3, 1), keyring.Resealed{Keys: 2, Secrets: 2})
	refuse("a secret of another master key", func(m *memory) { m.secrets["b"] = foreign.secrets["b"] }, masterkey.ErrWrong)
	refuse("a key of another master key", func(m *memory) { m.keys[1].Sealed = foreign.keys[1].Sealed }, masterkey.ErrWrong)
	refuse("a damaged secret", func(m *memory) { m.secrets["b"][30] ^= 1 }, masterkey.ErrDamaged)
	refuse("a damaged key", func(m *memory) { m.keys[1].Sealed[30] ^= 1 }, masterkey.ErrDamaged)
}

// TestResealIsRaced: what another process wrote meanwhile stays, and is sealed
// in the next pass.
func TestResealIsRaced(t *testing.T) {
	store, secrets := sealed(t)
	r := open(t, store, start, 2, 1)
	store.meanwhile = func() { // somebody else reseals
		reseal(t, open(t, store, start, 1, 2), keyring.Resealed{Already: 4})
		reseal(t, open(t, store, start, 2, 1), keyring.Resealed{Keys: 2, Secrets: 2})
	}
	reseal(t, r, keyring.Resealed{}) // both saw four of the old; the other was faster
	if got := secret(t, open(t, store, start, 2), "a"); got != secrets[0] {
		t.Error("a secret has changed")
	}
	r = open(t, store, start, 4, 3, 2)
	store.meanwhile = func() { // to a key that is not the one wanted
		reseal(t, open(t, store, start, 3, 2), keyring.Resealed{Keys: 2, Secrets: 2})
	}
	reseal(t, r, keyring.Resealed{Keys: 2, Secrets: 2})
	open(t, store, start, 4)
}

func TestResealGoesOnWhereItStopped(t *testing.T) {
	store, _ := sealed(t)
	r := open(t, store, start, 2, 1)
	store.fail = errors.New("disk full")
	store.failAfter = 1
	if got, err := r.Reseal(t.Context()); !errors.Is(err, store.fail) || got.Keys != 1 {
		t.Errorf("%+v, %v; want one key and the store's error", got, err)
	}
	store.fail = nil
	reseal(t, open(t, store, start, 2, 1), keyring.Resealed{Keys: 1, Secrets: 2, Already: 1})
	open(t, store, start, 2)
}

// TestKeysWithoutPrivateHalfHaveNothingToReseal.
func TestKeysWithoutPrivateHalfHaveNothingToReseal(t *testing.T) {
	store := newMemory()
	r := open(t, store, start, 1)
	if err := r.Trust(t.Context(), start, generate(t, "EdDSA").Public()); err != nil {
		t.Fatal(err)
	}
	reseal(t, open(t, store, start, 2, 1), keyring.Resealed{Keys: 1})
}
