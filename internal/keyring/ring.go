package keyring

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/portaria/portaria/internal/jose"
)

// ErrNoActiveKey reports that no key may sign at this time.
var ErrNoActiveKey = errors.New("key ring: no active signing key")

// Policy says how the ring's signing keys are made.
type Policy struct {
	// Algorithm of new signing keys. Default ES256.
	Algorithm jose.Algorithm
	// LongestTTL is the longest lifetime of any token that will be signed. A
	// retired key stays published for that long. Required, at most 400 days.
	LongestTTL time.Duration
}

const maxTTL = 400 * 24 * time.Hour

// Validate reports everything that is wrong with the policy.
func (p Policy) Validate() error {
	var errs []error
	if p.Algorithm != "" && !p.Algorithm.Signs() {
		errs = append(errs, errors.New("key algorithm: unknown"))
	}
	if p.LongestTTL <= 0 || p.LongestTTL > maxTTL {
		errs = append(errs, errors.New("longest token lifetime: must be above zero and at most 400 days"))
	}
	return errors.Join(errs...)
}

// Key is a key of the ring with its times.
type Key struct {
	jose.Key
	record Record
}

// State returns where the key stands at now.
func (k Key) State(now time.Time) State { return k.record.State(now) }

// Record returns the key as it rests in the store.
func (k Key) Record() Record { return k.record }

// LongestTTL returns the longest lifetime that a token signed by the key may
// have: the key is published for no longer than that after it has retired.
func (k Key) LongestTTL() time.Duration { return k.record.LongestTTL }

// Ring holds the keys of one issuer. Reads touch no lock and no store: they
// see the last snapshot that [Open] or [Ring.Reload] took. Safe for concurrent
// use.
type Ring struct {
	store  Store
	master *MasterKey
	policy Policy
	now    atomic.Pointer[snapshot]
}

// snapshot is what the store held at one moment; it never changes.
type snapshot struct {
	keys  []Key // by purpose and seq
	byKid map[string]Key
	set   atomic.Pointer[keySet]
}

// Open reads the keys from the store and makes the first signing key if there
// is none; of several processes that do so at once one wins, and all end with
// the same key. It opens every sealed value before it writes anything: with a
// missing or wrong master key it returns ErrMasterKeyMissing, ErrMasterKeyWrong
// or ErrSealedDamaged, and nothing has changed.
func Open(ctx context.Context, store Store, master *MasterKey, policy Policy, now time.Time) (*Ring, error) {
	if err := policy.Validate(); err != nil {
		return nil, fmt.Errorf("open key ring: %w", err)
	}
	if policy.Algorithm == "" {
		policy.Algorithm = jose.ES256
	}
	if master == nil || len(master.keys) == 0 {
		return nil, fmt.Errorf("open key ring: %w", ErrMasterKeyMissing)
	}
	r := &Ring{store: store, master: master, policy: policy}
	if err := r.checkSecrets(ctx); err != nil {
		return nil, fmt.Errorf("open key ring: %w", err)
	}
	if err := r.Reload(ctx); err != nil {
		return nil, fmt.Errorf("open key ring: %w", err)
	}
	if err := r.ensureKey(ctx, now); err != nil {
		return nil, fmt.Errorf("open key ring: %w", err)
	}
	return r, nil
}

// Sealed reports whether the store holds anything that only a master key can
// open: then a new one must not be made.
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

// Reload takes a new snapshot. On an error the ring keeps the old one.
func (r *Ring) Reload(ctx context.Context) error {
	records, err := r.store.Keys(ctx)
	if err != nil {
		return fmt.Errorf("read keys: %w", err)
	}
	s := &snapshot{byKid: make(map[string]Key, len(records))}
	for _, record := range records {
		key, err := r.open(record)
		if err != nil {
			return fmt.Errorf("read key %s: %w", record.Kid, err)
		}
		s.keys = append(s.keys, key)
		s.byKid[record.Kid] = key
	}
	r.now.Store(s)
	return nil
}

// ensureKey makes a signing key when none is active, and sees to it that the
// keys that may sign stay published long enough for the policy.
func (r *Ring) ensureKey(ctx context.Context, now time.Time) error {
	if _, err := r.Active(now); err == nil {
		return r.raiseTTL(ctx, now)
	}
	record, err := r.newRecord(now)
	if err != nil {
		return err
	}
	if err := r.store.AddKey(ctx, record); err != nil && !errors.Is(err, ErrConflict) {
		return fmt.Errorf("add first key: %w", err)
	}
	// Whoever won: from here on everybody reads the same key.
	if err := r.Reload(ctx); err != nil {
		return err
	}
	if _, err := r.Active(now); err != nil {
		return err
	}
	return r.raiseTTL(ctx, now)
}

// raceWindow is how far the clocks of two processes that start at once may be
// apart: a key that replaces none is active from that much earlier, so that the
// one that comes second takes it instead of waiting or making another.
const raceWindow = time.Minute

// newRecord makes a key that signs from now on.
func (r *Ring) newRecord(now time.Time) (Record, error) {
	key, err := jose.Generate(r.policy.Algorithm)
	if err != nil {
		return Record{}, fmt.Errorf("make key: %w", err)
	}
	sealed, err := r.master.seal(key.RevealJWK(), keyLabel(key.Kid()))
	if err != nil {
		return Record{}, err
	}
	at := now.UTC().Truncate(time.Millisecond)
	return Record{
		Kid: key.Kid(), Purpose: Signing, Seq: r.now.Load().lastSeq(Signing) + 1,
		Algorithm: string(key.Algorithm()), Public: key.PublicJWK(), Sealed: sealed,
		CreatedAt: at, ActivateAt: at.Add(-raceWindow), LongestTTL: r.policy.LongestTTL,
	}, nil
}

func (s *snapshot) lastSeq(p Purpose) (last int64) {
	for _, key := range s.keys {
		if key.record.Purpose == p {
			last = max(last, key.record.Seq)
		}
	}
	return last
}

func (r *Ring) raiseTTL(ctx context.Context, now time.Time) error {
	raised := false
	for _, key := range r.now.Load().keys {
		state := key.State(now)
		if key.record.LongestTTL >= r.policy.LongestTTL || (state != Active && state != Next) {
			continue
		}
		if err := r.store.RaiseTTL(ctx, key.Kid(), r.policy.LongestTTL); err != nil {
			return fmt.Errorf("raise longest lifetime: %w", err)
		}
		raised = true
	}
	if !raised {
		return nil
	}
	return r.Reload(ctx)
}

// open unseals a record and checks that it is what it says.
func (r *Ring) open(record Record) (Key, error) {
	alg := jose.Algorithm(record.Algorithm)
	text := record.Public
	if len(record.Sealed) > 0 {
		var err error
		if text, err = r.master.open(record.Sealed, keyLabel(record.Kid)); err != nil {
			return Key{}, err
		}
	}
	key, err := jose.ParseJWKAs(text, alg)
	if err != nil {
		return Key{}, err
	}
	if key.Kid() != record.Kid {
		return Key{}, fmt.Errorf("%w: it names another kid", ErrSealedDamaged)
	}
	return Key{Key: key, record: record}, nil
}

// Active returns the key that signs at now, or ErrNoActiveKey.
func (r *Ring) Active(now time.Time) (Key, error) {
	var active Key
	for _, key := range r.now.Load().keys {
		if key.record.Purpose != Signing || !key.Private() || key.State(now) != Active {
			continue
		}
		if active.record.ActivateAt.IsZero() || !key.record.ActivateAt.Before(active.record.ActivateAt) {
			active = key
		}
	}
	if active.record.ActivateAt.IsZero() {
		return Key{}, ErrNoActiveKey
	}
	return active, nil
}

// Find returns the key that verifies tokens under this kid at now: a published
// one. Unknown, gone and killed keys are all the same.
func (r *Ring) Find(kid string, now time.Time) (Key, bool) {
	key, ok := r.now.Load().byKid[kid]
	if !ok || key.record.Purpose != Signing || !key.State(now).Published() {
		return Key{}, false
	}
	return key, true
}

// Keys returns every key of the ring, by purpose and seq.
func (r *Ring) Keys() []Key { return slices.Clone(r.now.Load().keys) }

// Labels bind a sealed value to its place, so that one cannot be put in
// another's.
func keyLabel(kid string) string     { return "portaria key " + kid }
func secretLabel(name string) string { return "portaria secret " + name }

// Secret returns the named secret of 32 random bytes, made and sealed at the
// first call. Of several processes that do so at once one wins, and all get
// the same secret.
func (r *Ring) Secret(ctx context.Context, name string) (Secret, error) {
	secret, err := r.readSecret(ctx, name)
	if !errors.Is(err, ErrNotFound) {
		return secret, err
	}
	fresh := make([]byte, secretSize)
	rand.Read(fresh) // never fails
	sealed, err := r.master.seal(fresh, secretLabel(name))
	if err != nil {
		return nil, err
	}
	err = r.store.AddSecret(ctx, SealedSecret{Name: name, Sealed: sealed})
	if err != nil && !errors.Is(err, ErrConflict) {
		return nil, fmt.Errorf("add secret %s: %w", name, err)
	}
	return r.readSecret(ctx, name)
}

func (r *Ring) readSecret(ctx context.Context, name string) (Secret, error) {
	sealed, err := r.store.Secret(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("read secret %s: %w", name, err)
	}
	return r.openSecret(SealedSecret{Name: name, Sealed: sealed})
}

func (r *Ring) openSecret(s SealedSecret) (Secret, error) {
	data, err := r.master.open(s.Sealed, secretLabel(s.Name))
	if err != nil {
		return nil, fmt.Errorf("open secret %s: %w", s.Name, err)
	}
	if len(data) != secretSize {
		return nil, fmt.Errorf("open secret %s: %w", s.Name, ErrSealedDamaged)
	}
	return data, nil
}

// checkSecrets opens every secret, so that a wrong master key is found before
// anything is written.
func (r *Ring) checkSecrets(ctx context.Context) error {
	secrets, err := r.store.Secrets(ctx)
	if err != nil {
		return fmt.Errorf("read secrets: %w", err)
	}
	for _, s := range secrets {
		if _, err := r.openSecret(s); err != nil {
			return err
		}
	}
	return nil
}
