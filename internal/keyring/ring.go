package keyring

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keyring/masterkey"
)

var (
	// ErrNoActiveKey reports that no key may sign at this time.
	ErrNoActiveKey = errors.New("key ring: no active signing key")
	// ErrStale reports that the store could not be read for too long. Another process may
	// have retired or killed the active key meanwhile, so nothing is signed.
	ErrStale = errors.New("key ring: not read from the store for too long")
)

// Key is a key of the ring with its times.
type Key struct {
	jose.Key
	record Record
}

// State returns the key's state at now.
func (k Key) State(now time.Time) State { return k.record.State(now) }

// Record returns the key as the store has it.
func (k Key) Record() Record { return k.record }

// LongestTTL returns the longest lifetime of a token that the key may sign. After it has
// retired, the key stays published for this time.
func (k Key) LongestTTL() time.Duration { return k.record.LongestTTL }

// Ring holds the keys of one issuer. Reads take no lock and do not use the store: they see
// the last snapshot of [Open], [Ring.Reload] or [Ring.Maintain]. Safe for concurrent use.
type Ring struct {
	store  Store
	master *masterkey.Key
	rules  atomic.Pointer[Policy] // replaced by Promise

	reload sync.Mutex // keeps an older snapshot from replacing a newer one
	now    atomic.Pointer[snapshot]
	// looked is when the store was last read. It is nil in a ring without Maintain, such as
	// that of a short command.
	looked atomic.Pointer[look]

	// accept is called with each new view before the ring uses it.
	accept func(View) error // guarded by reload

	reading chan struct{} // held by the one caller of Ready that reads the store
	last    attempt       // guarded by reading

	seeks budget

	made string // the first signing key, if Open made it

	watch    sync.Mutex
	reported map[string]State // the states that Maintain last reported, by kid
}

// snapshot is the content of the store at one time. It never changes.
type snapshot struct {
	records records
	byKid   map[string]Key
	set     atomic.Pointer[keySet]
	// secrets are the generations of the named secrets, newest first.
	secrets map[string][]generation
}

// Open reads the keys from the store and creates the first signing key if there is none. If
// several processes do so at once, all of them end with the same key. It opens every sealed
// value before it writes anything: after masterkey.ErrMissing, masterkey.ErrWrong or
// masterkey.ErrDamaged nothing has changed.
func Open(ctx context.Context, store Store, master *masterkey.Key, policy Policy, now time.Time) (*Ring, error) {
	return openRing(ctx, store, master, policy, jose.Key{}, now)
}

// Found is [Open] for an empty store, with a given first signing key. The key signs at
// once, because nobody can have a token or a copy of the key set. Errors wrap ErrKeyUnfit,
// or ErrConflict if the store has keys.
func Found(ctx context.Context, store Store, master *masterkey.Key, policy Policy, key jose.Key, now time.Time) (*Ring, error) {
	if err := signs(key); err != nil {
		return nil, fmt.Errorf("found key ring: %w", err)
	}
	r, err := openRing(ctx, store, master, policy, key, now)
	if err == nil && r.made != key.Kid() {
		err = fmt.Errorf("found key ring: %w", ErrConflict)
	}
	return r, err
}

func openRing(ctx context.Context, store Store, master *masterkey.Key, policy Policy, first jose.Key, now time.Time) (*Ring, error) {
	if err := policy.Validate(); err != nil {
		return nil, fmt.Errorf("open key ring: %w", err)
	}
	if master.Empty() {
		return nil, fmt.Errorf("open key ring: %w", masterkey.ErrMissing)
	}
	r := &Ring{store: store, master: master, reading: make(chan struct{}, 1)}
	policy = policy.withDefaults()
	r.rules.Store(&policy)
	if err := r.Reload(ctx); err != nil {
		return nil, fmt.Errorf("open key ring: %w", err)
	}
	before := r.now.Load().records.states(now)
	if err := r.ensureKey(ctx, first, now); err != nil {
		return nil, fmt.Errorf("open key ring: %w", err)
	}
	// The first Maintain reports what was done here, except the very first key: the start
	// of a new service reports that itself.
	if r.reported = before; len(before) == 0 {
		r.reported = r.now.Load().records.states(now)
	}
	return r, nil
}

// policy returns the current policy.
func (r *Ring) policy() Policy { return *r.rules.Load() }

// First returns the kid of the very first signing key if Open created it, otherwise an
// empty text.
func (r *Ring) First() string { return r.made }

// Sealed reports whether the store holds sealed values. Then a new master key must not be
// created.
func Sealed(ctx context.Context, store Store) (bool, error) {
	records, err := store.Keys(ctx)
	if err != nil {
		return false, fmt.Errorf("look for sealed keys: %w", err)
	}
	secrets, err := store.Secrets(ctx)
	if err != nil {
		return false, fmt.Errorf("look for sealed secrets: %w", err)
	}
	sealed := func(r Record) bool { return len(r.Sealed) > 0 }
	return len(secrets) > 0 || slices.ContainsFunc(records, sealed), nil
}

// View is the content of the store at one reload. It never changes. The zero value is
// invalid.
type View struct{ *snapshot }

// View returns the last snapshot.
func (r *Ring) View() View { return View{r.now.Load()} }

// Accept calls f with the current view, and then with each new view before the ring uses
// it. So a verifier of the ring's tokens knows a new key before the key signs, and rejects
// a killed key before the key leaves the published set. The reload returns an error of f
// but uses the view. f must not call the ring; a second call of Accept replaces f.
func (r *Ring) Accept(f func(View) error) error {
	r.reload.Lock()
	defer r.reload.Unlock()
	r.accept = f
	return f(View{r.now.Load()})
}

// Reload takes a new snapshot. After an error of the store the ring keeps the old one.
func (r *Ring) Reload(ctx context.Context) error {
	r.reload.Lock()
	defer r.reload.Unlock()
	records, err := r.store.Keys(ctx)
	if err != nil {
		return fmt.Errorf("read keys: %w", err)
	}
	secrets, err := r.readGenerations(ctx)
	if err != nil {
		return err
	}
	s := &snapshot{records: records, byKid: make(map[string]Key, len(records)), secrets: secrets}
	for _, record := range records {
		key, err := r.reopen(record)
		if err != nil {
			return fmt.Errorf("read key %s: %w", record.Kid, err)
		}
		s.byKid[record.Kid] = key
	}
	if r.accept != nil {
		err = r.accept(View{s})
	}
	r.now.Store(s)
	return err
}

// reopen is open for a key that may already be open. A key that another process sealed with
// a master key unknown to this one stays in use until the next start: changing the master
// key must not stop a process.
func (r *Ring) reopen(record Record) (Key, error) {
	before, known := Key{}, false
	if s := r.now.Load(); s != nil {
		before, known = s.byKid[record.Kid]
	}
	if known && before.record.sameKey(&record) {
		return Key{Key: before.Key, record: record}, nil
	}
	key, err := r.open(record)
	if errors.Is(err, masterkey.ErrWrong) && known {
		return Key{Key: before.Key, record: record}, nil
	}
	return key, err
}

// open opens the sealed key of a record and checks that both belong together.
func (r *Ring) open(record Record) (Key, error) {
	alg := jose.Algorithm(record.Algorithm)
	text := record.Public
	if len(record.Sealed) > 0 {
		var err error
		if text, err = r.master.Open(record.Sealed, keyLabel(record.Kid)); err != nil {
			return Key{}, err
		}
	}
	key, err := jose.ParseJWKAs(text, alg)
	if err != nil {
		return Key{}, err
	}
	if key.Kid() != record.Kid {
		return Key{}, fmt.Errorf("%w: the sealed key has another kid", masterkey.ErrDamaged)
	}
	return Key{Key: key, record: record}, nil
}

// Active returns the key that signs at now. It returns ErrNoActiveKey, or ErrStale if the
// ring is maintained and its last reload is too old. It does not read the store;
// [Ring.Ready] does so if necessary.
func (r *Ring) Active(now time.Time) (Key, error) {
	if r.stale(now) {
		return Key{}, ErrStale
	}
	return r.now.Load().active(now)
}

func (s *snapshot) active(now time.Time) (Key, error) {
	active := s.records.active(now)
	if active == nil {
		return Key{}, ErrNoActiveKey
	}
	return s.byKid[active.Kid], nil
}

// Find returns the published key with this kid at now. It finds no unknown, gone or killed
// key.
func (r *Ring) Find(kid string, now time.Time) (Key, bool) {
	key, ok := r.now.Load().byKid[kid]
	if !ok || key.record.Purpose != Signing || !key.State(now).Published() {
		return Key{}, false
	}
	return key, true
}

// Keys returns every key of the ring, by purpose and seq.
func (r *Ring) Keys() []Key { return r.now.Load().Keys() }

// Keys is [Ring.Keys] for one view.
func (s *snapshot) Keys() []Key {
	keys := make([]Key, len(s.records))
	for i, record := range s.records {
		keys[i] = s.byKid[record.Kid]
	}
	return keys
}
