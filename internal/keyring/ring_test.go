package keyring_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/keyring/masterkey"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)

const ttl = time.Hour

// b64 returns 32 bytes that differ by seed, in base64.
func b64(seed byte) string {
	raw := make([]byte, 32)
	for i := range raw {
		raw[i] = seed + byte(i)
	}
	return base64.StdEncoding.EncodeToString(raw)
}

func master(t testing.TB, seeds ...byte) *masterkey.Key {
	t.Helper()
	var text string
	for _, seed := range seeds {
		text += b64(seed) + "\n"
	}
	m, err := masterkey.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func open(t testing.TB, store keyring.Store, now time.Time, seeds ...byte) *keyring.Ring {
	t.Helper()
	r, err := keyring.Open(t.Context(), store, master(t, seeds...), keyring.Policy{LongestTTL: ttl}, now)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func active(t testing.TB, r *keyring.Ring, now time.Time) keyring.Key {
	t.Helper()
	k, err := r.Active(now)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestFirstStartMakesOneKeyAndTheSecondReusesIt(t *testing.T) {
	store := newMemory()
	first := active(t, open(t, store, start, 1), start)
	if store.writes != 1 || first.Algorithm() != jose.ES256 || first.Kid() != first.Thumbprint() || !first.Private() {
		t.Fatalf("%d writes, %s key %s; want one ES256 key under its thumbprint", store.writes, first.Algorithm(), first.Kid())
	}
	again := active(t, open(t, store, start.Add(time.Hour), 1), start.Add(time.Hour))
	if store.writes != 1 || again.Kid() != first.Kid() {
		t.Errorf("second start: %d writes, key %s; want the first key again", store.writes, again.Kid())
	}
	signature, err := again.Sign("input")
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Verify("input", signature); err != nil {
		t.Errorf("the key came back changed: %v", err)
	}
}

func TestNothingPrivateRestsInTheClear(t *testing.T) {
	store := newMemory()
	key := active(t, open(t, store, start, 1), start)
	var members map[string]string
	if err := json.Unmarshal(key.RevealJWK(), &members); err != nil {
		t.Fatal(err)
	}
	d, err := jose.Decode(members["d"])
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range store.keys {
		if bytes.Contains(r.Sealed, d) || bytes.Contains(r.Sealed, []byte(members["d"])) || bytes.Contains(r.Public, []byte(`"d"`)) {
			t.Error("the private half is readable in the store")
		}
	}
}

func TestOfTwoProcessesOneMakesTheKey(t *testing.T) {
	for _, skew := range []time.Duration{-50 * time.Second, 0, 50 * time.Second} {
		store := newMemory()
		var theirs keyring.Key
		store.meanwhile = func() { theirs = active(t, open(t, store, start.Add(skew), 1), start.Add(skew)) }
		ours := active(t, open(t, store, start, 1), start)
		if len(store.keys) != 1 || ours.Kid() != theirs.Kid() {
			t.Errorf("clocks %v apart: %d keys, ours %s, theirs %s; want one", skew, len(store.keys), ours.Kid(), theirs.Kid())
		}
	}
}

func TestTwentyProcessesAtOnce(t *testing.T) {
	store := newMemory()
	kids, secrets := make([]string, 20), make([]string, 20)
	var all sync.WaitGroup
	for i := range kids {
		all.Go(func() {
			r := open(t, store, start, 1)
			kids[i] = active(t, r, start).Kid()
			s, err := r.Secret(t.Context(), "refresh")
			if err != nil {
				t.Error(err)
			}
			secrets[i] = string(s)
		})
	}
	all.Wait()
	for i := range kids {
		if kids[i] != kids[0] || secrets[i] != secrets[0] || len(secrets[i]) != 32 {
			t.Errorf("process %d has its own key or secret", i)
		}
	}
	if len(store.keys) != 1 || len(store.secrets) != 1 {
		t.Errorf("%d keys and %d secrets, want one each", len(store.keys), len(store.secrets))
	}
}

// TestWrongMasterKeyChangesNothing: each way of a start that cannot open what
// rests in the store has its own error, and writes nothing.
func TestWrongMasterKeyChangesNothing(t *testing.T) {
	refuse := func(what string, m *masterkey.Key, damage func(*memory), want error) {
		t.Helper()
		store := newMemory()
		r := open(t, store, start, 1)
		if _, err := r.Secret(t.Context(), "refresh"); err != nil {
			t.Fatal(err)
		}
		damage(store)
		before, writes := fmt.Sprint(store.keys, store.secrets), store.writes
		_, err := keyring.Open(t.Context(), store, m, keyring.Policy{LongestTTL: 2 * ttl}, start)
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
		if store.writes != writes || fmt.Sprint(store.keys, store.secrets) != before {
			t.Errorf("%s: the store has changed", what)
		}
	}
	nothing := func(*memory) {}
	refuse("no master key", nil, nothing, masterkey.ErrMissing)
	refuse("empty master key", &masterkey.Key{}, nothing, masterkey.ErrMissing)
	refuse("another master key", master(t, 2), nothing, masterkey.ErrWrong)
	refuse("wrong for the secret alone", master(t, 2), func(m *memory) { m.keys = nil }, masterkey.ErrWrong)
	refuse("wrong for the key alone", master(t, 2), func(m *memory) { clear(m.secrets) }, masterkey.ErrWrong)
	refuse("flipped bit", master(t, 1), func(m *memory) { m.keys[0].Sealed[20] ^= 1 }, masterkey.ErrDamaged)
	refuse("flipped bit in the last byte", master(t, 1), func(m *memory) {
		m.keys[0].Sealed[len(m.keys[0].Sealed)-1] ^= 1
	}, masterkey.ErrDamaged)
	refuse("other version", master(t, 1), func(m *memory) { m.keys[0].Sealed[0] ^= 1 }, masterkey.ErrDamaged)
	refuse("cut short", master(t, 1), func(m *memory) { m.keys[0].Sealed = m.keys[0].Sealed[:4] }, masterkey.ErrDamaged)
	refuse("under another kid", master(t, 1), func(m *memory) { m.keys[0].Kid = "other" }, masterkey.ErrDamaged)
	refuse("public only, under another kid", master(t, 1), func(m *memory) {
		m.keys[0].Sealed, m.keys[0].Kid = nil, "other"
	}, masterkey.ErrDamaged)
	refuse("another algorithm", master(t, 1), func(m *memory) { m.keys[0].Algorithm = "ES384" }, jose.ErrKey)
	refuse("secret under another name", master(t, 1), func(m *memory) {
		m.secrets["other"] = m.secrets["refresh"]
	}, masterkey.ErrDamaged)
	refuse("secret in a key's place", master(t, 1), func(m *memory) { m.keys[0].Sealed = m.secrets["refresh"] }, masterkey.ErrDamaged)
}

func TestSeveralMasterKeysOpenAndTheFirstSeals(t *testing.T) {
	store := newMemory()
	old := active(t, open(t, store, start, 1), start)
	both := open(t, store, start, 2, 1)
	if active(t, both, start).Kid() != old.Kid() {
		t.Error("the old key was not opened")
	}
	if _, err := both.Secret(t.Context(), "new"); err != nil {
		t.Fatal(err)
	}
	store.keys = nil
	if _, err := open(t, store, start, 2).Secret(t.Context(), "new"); err != nil {
		t.Errorf("the second master key has sealed: %v", err)
	}
}

func TestSealed(t *testing.T) {
	store := newMemory()
	expect := func(want bool) {
		t.Helper()
		if got, err := keyring.Sealed(t.Context(), store); err != nil || got != want {
			t.Errorf("sealed: %v, %v; want %v", got, err, want)
		}
	}
	expect(false)
	r := open(t, store, start, 1)
	expect(true)
	store.keys[0].Sealed = nil
	expect(false)
	if _, err := r.Secret(t.Context(), "refresh"); err != nil {
		t.Fatal(err)
	}
	expect(true)
}

func TestSecretsAreNamedAndStay(t *testing.T) {
	store := newMemory()
	r := open(t, store, start, 1)
	get := func(r *keyring.Ring, name string) string {
		t.Helper()
		s, err := r.Secret(t.Context(), name)
		if err != nil || len(s) != 32 {
			t.Fatalf("%d bytes, %v; want 32", len(s), err)
		}
		return string(s)
	}
	a, b := get(r, "a"), get(r, "b")
	if a == b || get(r, "a") != a || get(open(t, store, start, 1), "b") != b {
		t.Error("secrets must differ by name and stay as they are")
	}
	var theirs string
	store.meanwhile = func() { theirs = get(open(t, store, start, 1), "raced") }
	if ours := get(r, "raced"); ours != theirs {
		t.Error("two processes have two secrets under one name")
	}
}

func TestLongestLifetimeIsRaisedNeverLowered(t *testing.T) {
	store := newMemory()
	openFor := func(d time.Duration) *keyring.Ring {
		t.Helper()
		r, err := keyring.Open(t.Context(), store, master(t, 1), keyring.Policy{LongestTTL: d}, start)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, step := range []struct{ policy, want time.Duration }{{ttl, ttl}, {2 * ttl, 2 * ttl}, {ttl, 2 * ttl}} {
		if got := active(t, openFor(step.policy), start).LongestTTL(); got != step.want {
			t.Errorf("policy %v: published for %v, want %v", step.policy, got, step.want)
		}
	}
	if store.writes != 2 {
		t.Errorf("%d writes, want 2", store.writes)
	}
}

func TestAPromiseLengthensPublication(t *testing.T) {
	store := newMemory()
	r := open(t, store, start, 1)
	for _, step := range []struct{ promised, want time.Duration }{{3 * ttl, 3 * ttl}, {2 * ttl, 3 * ttl}, {0, 3 * ttl}} {
		if err := r.Promise(t.Context(), step.promised, start); err != nil {
			t.Fatal(err)
		}
		if got := active(t, r, start).LongestTTL(); got != step.want {
			t.Errorf("after %v was promised: published for %v, want %v", step.promised, got, step.want)
		}
	}
	if err := r.Promise(t.Context(), 401*24*time.Hour, start); !errors.Is(err, keyring.ErrTooLong) {
		t.Errorf("401 days: got %v, want ErrTooLong", err)
	}
	// The next key, too.
	if _, err := r.Rotate(t.Context(), start.Add(time.Hour), keyring.Order{}); err != nil {
		t.Fatal(err)
	}
	for _, key := range r.Keys() {
		if key.LongestTTL() != 3*ttl {
			t.Errorf("key %s is published for %v", key.Kid(), key.LongestTTL())
		}
	}
}

func TestPolicyIsValidated(t *testing.T) {
	for _, p := range []keyring.Policy{
		{}, {LongestTTL: -1}, {LongestTTL: 401 * 24 * time.Hour}, {LongestTTL: ttl, Algorithm: "none"},
	} {
		if _, err := keyring.Open(t.Context(), newMemory(), master(t, 1), p, start); err == nil {
			t.Errorf("%+v was accepted", p)
		}
	}
	r, err := keyring.Open(t.Context(), newMemory(), master(t, 1), keyring.Policy{LongestTTL: ttl, Algorithm: jose.EdDSA}, start)
	if err != nil {
		t.Fatal(err)
	}
	if k := active(t, r, start); k.Algorithm() != jose.EdDSA {
		t.Errorf("algorithm %s, want EdDSA", k.Algorithm())
	}
}

// TestTheYoungestOfSeveralSigns: two keys may be active at once when one was
// made in a hurry to replace another.
func TestTheYoungestOfSeveralSigns(t *testing.T) {
	store := newMemory()
	second := open(t, newMemory(), start, 1).Keys()[0].Record()
	second.Seq = 2
	open(t, store, start, 1)
	store.keys[0].ActivateAt = start.Add(time.Hour)
	store.keys = append(store.keys, second)
	r := open(t, store, start, 1)
	for hours, want := range []int{1, 0, 0} {
		now := start.Add(time.Duration(hours) * time.Hour)
		if got := active(t, r, now).Kid(); got != store.keys[want].Kid {
			t.Errorf("after %d h key %s signs, want %s", hours, got, store.keys[want].Kid)
		}
	}
	store.keys[0].Seq, store.keys[1].Seq = 2, 1
	if got := active(t, open(t, store, start, 1), start.Add(2*time.Hour)).Kid(); got != store.keys[0].Kid {
		t.Error("the order in the store decides, want the youngest to")
	}
}

// TestReloadSeesWhatOthersDid and keeps the old snapshot when it cannot read.
func TestReloadSeesWhatOthersDid(t *testing.T) {
	store := newMemory()
	r := open(t, store, start, 1)
	kid := active(t, r, start).Kid()
	if err := store.KillKey(t.Context(), kid, start); err != nil {
		t.Fatal(err)
	}
	if _, ok := r.Find(kid, start); !ok {
		t.Error("the snapshot changed without a reload")
	}
	if err := r.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, ok := r.Find(kid, start); ok {
		t.Error("a killed key is found")
	}
	if _, err := r.Active(start); !errors.Is(err, keyring.ErrNoActiveKey) {
		t.Errorf("active: %v, want ErrNoActiveKey", err)
	}
	if next := active(t, open(t, store, start, 1), start); next.Kid() == kid || next.Record().Seq != 2 {
		t.Errorf("after a kill the next start took key %d, want a new one", next.Record().Seq)
	}
	store.keys[0].Sealed = []byte("damaged")
	if err := r.Reload(t.Context()); !errors.Is(err, masterkey.ErrDamaged) {
		t.Errorf("reload: %v, want ErrSealedDamaged", err)
	}
	if len(r.Keys()) != 1 {
		t.Errorf("%d keys after a failed reload, want the old snapshot", len(r.Keys()))
	}
}

func TestTimesRestInMilliseconds(t *testing.T) {
	store := newMemory()
	open(t, store, start.In(time.FixedZone("", 3600)), 1)
	got := store.keys[0]
	want := time.Date(2026, 3, 1, 12, 0, 0, 123000000, time.UTC)
	if diff := cmp.Diff([]time.Time{want, want.Add(-time.Minute)}, []time.Time{got.CreatedAt, got.ActivateAt}); diff != "" {
		t.Errorf("created and active (-want +got):\n%s", diff)
	}
}

// TestAcceptSeesFirst: what verifies with the keys of a ring has a new view before
// the ring uses it, so no token is signed with a key that it does not know, and no
// killed key leaves the published set while it is still accepted.
func TestAcceptSeesFirst(t *testing.T) {
	store := newMemory()
	r := open(t, store, start, 1)
	killed := active(t, r, start).Kid()
	var seen []int // how many keys each view publishes
	published := func(v interface {
		KeySet(time.Time) keyring.KeySet
	}) int {
		return strings.Count(string(v.KeySet(start).JSON), `"kid"`)
	}
	failed := errors.New("not accepted")
	accept := func(view keyring.View) error {
		if n := len(seen); n > 0 && published(r) != seen[n-1] {
			t.Errorf("the ring publishes %d keys before the view of %d is accepted", published(r), published(view))
		}
		seen = append(seen, published(view))
		return failed
	}
	if err := r.Accept(accept); !errors.Is(err, failed) {
		t.Errorf("accept: %v", err)
	}
	if err := store.KillKey(t.Context(), killed, start); err != nil {
		t.Fatal(err)
	}
	if err := r.Reload(t.Context()); !errors.Is(err, failed) {
		t.Errorf("reload: %v, want the error of what accepts", err)
	}
	if published(r) != 0 || !slices.Equal(seen, []int{1, 0}) {
		t.Errorf("%d keys are published, views had %v", published(r), seen)
	}
}

// TestSeek: an unknown kid leads to one reading, and to at most twenty in a row;
// the kid of a known key to none, also when the key was killed.
func TestSeek(t *testing.T) {
	store := newMemory()
	r := open(t, store, start, 1)
	kid := active(t, r, start).Kid()
	seek := func(kid string, want bool, wantErr error, wantReadings int) {
		t.Helper()
		before := store.readings()
		known, err := r.Seek(t.Context(), kid)
		if known != want || !errors.Is(err, wantErr) || store.readings()-before != wantReadings {
			t.Errorf("%q: %v, %v after %d readings; want %v, %v, %d", kid, known, err, store.readings()-before, want, wantErr, wantReadings)
		}
	}
	seek(kid, true, nil, 0)
	seek("", false, nil, 0)
	// Another process kills the key and makes another.
	if err := store.KillKey(t.Context(), kid, start); err != nil {
		t.Fatal(err)
	}
	next := active(t, open(t, store, start, 1), start).Kid()
	seek(next, true, nil, 1)
	seek(kid, true, nil, 0)
	store.failWith(errNoStore)
	seek("other", false, errNoStore, 1)
	store.failWith(nil)
	for range 18 {
		seek("other", false, nil, 1)
	}
	seek("other", false, keyring.ErrTooManySeeks, 0)
	seek(next, true, nil, 0)
}
