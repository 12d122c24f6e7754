package keyring_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keyring"
)

func TestStates(t *testing.T) {
	at := func(hours float64) time.Time { return start.Add(time.Duration(hours * float64(time.Hour))) }
	life := keyring.Record{ActivateAt: at(1), RetireAt: at(2), LongestTTL: ttl}
	expect := func(r keyring.Record, now time.Time, want keyring.State) {
		t.Helper()
		if got := r.State(now); got != want {
			t.Errorf("after %v: %v, want %v", now.Sub(start), got, want)
		}
	}
	expect(life, at(0), keyring.Next)
	expect(life, at(1).Add(-1), keyring.Next)
	expect(life, at(1), keyring.Active)
	expect(life, at(2).Add(-1), keyring.Active)
	expect(life, at(2), keyring.Retired)
	expect(life, at(3).Add(2*time.Minute-1), keyring.Retired)
	expect(life, at(3).Add(2*time.Minute), keyring.Gone)

	forever := life
	forever.RetireAt = time.Time{}
	expect(forever, at(1e4), keyring.Active)
	if !forever.GoneAt().IsZero() {
		t.Errorf("gone at %v, want no end", forever.GoneAt())
	}
	killed := life
	killed.KilledAt = at(1.5)
	expect(killed, at(0), keyring.Killed)
	expect(killed, at(100), keyring.Killed)
	if want := at(1.5).Add(ttl + 2*time.Minute); !killed.GoneAt().Equal(want) {
		t.Errorf("killed is gone at %v, want %v", killed.GoneAt(), want)
	}
	expect(keyring.Record{}, start, keyring.Gone)
	expect(keyring.Record{RetireAt: at(5)}, start, keyring.Gone)

	var names []string
	for _, s := range []keyring.State{keyring.Gone, keyring.Next, keyring.Active, keyring.Retired, keyring.Killed} {
		names = append(names, fmt.Sprint(s, s.Published()))
	}
	if got := strings.Join(names, " "); got != "gone false next true active true retired true killed false" {
		t.Error(got)
	}
}

// life opens a ring with three keys: retired at 2 h, active from 2 h, next at 4 h.
func life(t *testing.T) (*keyring.Ring, []keyring.Record) {
	t.Helper()
	store := newMemory()
	for i := range 3 {
		open(t, store, start.Add(time.Duration(2*i)*time.Hour), 1)
		if i < 2 { // hide it, so that the next start makes another
			store.keys[i].KilledAt = start
		}
	}
	store.keys[0].KilledAt, store.keys[1].KilledAt = time.Time{}, time.Time{}
	store.keys[0].RetireAt, store.keys[1].RetireAt = store.keys[1].ActivateAt, store.keys[2].ActivateAt
	return open(t, store, start.Add(3*time.Hour), 1), slices.Clone(store.keys)
}

func TestOneKeySignsAndAllPublishedVerify(t *testing.T) {
	r, keys := life(t)
	expect := func(hours float64, signs int, verify ...int) {
		t.Helper()
		now := start.Add(time.Duration(hours * float64(time.Hour)))
		if got := active(t, r, now).Kid(); got != keys[signs].Kid {
			t.Errorf("after %v h another key signs than %d", hours, signs)
		}
		var set gojose.JSONWebKeySet
		if err := json.Unmarshal(r.KeySet(now).JSON, &set); err != nil {
			t.Fatal(err)
		}
		for i, key := range keys {
			want := slices.Contains(verify, i)
			if _, ok := r.Find(key.Kid, now); ok != want {
				t.Errorf("after %v h key %d is found: %v, want %v", hours, i, ok, want)
			}
			if published := len(set.Key(key.Kid)) == 1; published != want {
				t.Errorf("after %v h key %d is published: %v, want %v", hours, i, published, want)
			}
		}
	}
	for range 2 { // the second time from what was kept
		expect(1, 0, 0, 1, 2)
		expect(2, 1, 0, 1, 2)
		expect(2.9, 1, 0, 1, 2)
		expect(3.1, 1, 1, 2)
		expect(4, 2, 1, 2)
		expect(5.1, 2, 2)
	}
}

func TestKeySetIsReadByOthers(t *testing.T) {
	r, _ := life(t)
	set := r.KeySet(start)
	var theirs gojose.JSONWebKeySet
	if err := json.Unmarshal(set.JSON, &theirs); err != nil {
		t.Fatal(err)
	}
	for _, k := range theirs.Keys {
		if !k.IsPublic() || !k.Valid() || k.Use != "sig" || k.Algorithm != "ES256" || k.KeyID == "" {
			t.Errorf("published: %+v", k)
		}
	}
	if strings.Contains(string(set.JSON), `"d"`) {
		t.Error("a private half is published")
	}
}

func TestETagFollowsTheDocument(t *testing.T) {
	r, keys := life(t)
	first, again := r.KeySet(start), r.KeySet(start.Add(time.Hour))
	later := r.KeySet(start.Add(4 * time.Hour))
	if first.ETag != again.ETag || string(first.JSON) != string(again.JSON) {
		t.Error("the same keys under two tags")
	}
	if later.ETag == first.ETag || !strings.HasPrefix(later.ETag, `"`) || len(later.ETag) != 45 {
		t.Errorf("tags %s and %s: want two strong ones", first.ETag, later.ETag)
	}
	if _, ok := r.Find("", start); ok || len(keys) != 3 {
		t.Error("a key without kid is found")
	}
}

func TestSymmetricKeysAreNotPublished(t *testing.T) {
	r, err := keyring.Open(t.Context(), newMemory(), master(t, 1), keyring.Policy{LongestTTL: ttl, Algorithm: jose.HS256}, start)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(r.KeySet(start).JSON); got != `{"keys":[]}` {
		t.Errorf("key set of a ring of secrets: %s", got)
	}
	if k := active(t, r, start); k.Algorithm() != jose.HS256 || len(k.Record().Public) != 0 {
		t.Errorf("%s key with public half %s", k.Algorithm(), k.Record().Public)
	}
}

// TestReadersAndReloads is for the race detector.
func TestReadersAndReloads(t *testing.T) {
	r, _ := life(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 200 {
				now := start.Add(time.Duration(i) * time.Minute)
				if k, err := r.Active(now); err == nil {
					r.Find(k.Kid(), now)
				}
				r.KeySet(now)
			}
		})
	}
	for range 20 {
		if err := r.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	all.Wait()
}
