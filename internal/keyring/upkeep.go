package keyring

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/portaria/portaria/internal/jose"
)

// raceWindow is the greatest difference between the clocks of two processes that start at
// once. A key without predecessor is active from that much earlier, so that the second
// process uses it instead of creating another.
const raceWindow = time.Minute

// maxAttempts bounds how often a decision is repeated because another process wrote first.
const maxAttempts = 10

// Step is one change in the life of a key, in the past or in the future.
type Step struct {
	At  time.Time
	Kid string
	// State is the new state: Next when the key is created and published, Gone when it
	// leaves the key set and is deleted.
	State State
	// Why is the reason in words.
	Why string
}

// Upkeep is the result of [Ring.Maintain].
type Upkeep struct {
	// Next is when to call Maintain again, also after an error.
	Next time.Time
	// Done holds the steps of this process. Other processes report their own.
	Done []Step
	// Changes are the keys whose state differs from the last call, or from the opening of
	// the ring. A log needs to say only these, once each.
	Changes []Change
}

// Maintain reads what other processes wrote and runs due steps: it creates the
// successor of the active key in time, replaces killed keys, and deletes keys that are
// gone. Every process calls it in a loop, and each change happens once. After an error
// the ring uses its last snapshot, and stops signing (ErrStale) when that is more than
// a minute old.
func (r *Ring) Maintain(ctx context.Context, now time.Time) (Upkeep, error) {
	return r.MaintainUntil(ctx, now, now)
}

// MaintainUntil is Maintain, but deletes only keys that were also gone at a second time. A
// deleted key cannot be restored, and a clock that was wrong for a while must not delete a
// key whose tokens are valid.
func (r *Ring) MaintainUntil(ctx context.Context, now, gone time.Time) (Upkeep, error) {
	if now.Before(gone) {
		gone = now
	}
	up := Upkeep{Next: now.Add(ReloadEvery)}
	if err := r.Reload(ctx); err != nil {
		return Upkeep{Next: now.Add(retryEvery)}, fmt.Errorf("maintain key ring: %w", err)
	}
	r.saw(now)
	done, err := r.work(ctx, now)
	deleted, failed := r.deleteGone(ctx, now, gone)
	up.Done, up.Changes = append(done, deleted...), r.changes(now, deleted)
	if err := errors.Join(err, failed); err != nil {
		return up, fmt.Errorf("maintain key ring: %w", err)
	}
	return up, nil
}

// work runs the due steps, except deletions.
func (r *Ring) work(ctx context.Context, now time.Time) (done []Step, err error) {
	for _, step := range []func(context.Context, time.Time) ([]Step, error){r.makeDue, r.retireSuperfluous} {
		steps, err := step(ctx, now)
		done = append(done, steps...)
		if err != nil {
			return done, err
		}
	}
	return done, r.raiseTTL(ctx, now)
}

// makeDue creates the keys that are due. It reads the store before each decision.
func (r *Ring) makeDue(ctx context.Context, now time.Time) (done []Step, err error) {
	for range maxAttempts {
		t := r.now.Load().records.due(r.policy(), now)
		if t == nil {
			return done, nil
		}
		key, err := r.make(ctx, t, jose.Key{}, now)
		if err != nil && !errors.Is(err, ErrConflict) {
			return done, err
		}
		if err == nil {
			done = append(done, Step{At: now, Kid: key.Kid, State: key.State(now), Why: t.why})
		}
		if err := r.Reload(ctx); err != nil {
			return done, err
		}
	}
	return done, fmt.Errorf("make key: %w", ErrConflict)
}

// make carries out a task, with the given key or, if it is zero, a new one. It returns
// ErrConflict if another process wrote first.
func (r *Ring) make(ctx context.Context, t *task, key jose.Key, now time.Time) (Record, error) {
	if t.hastened != "" {
		return r.hasten(ctx, t)
	}
	record, err := r.newRecord(key, now)
	if err != nil {
		return Record{}, err
	}
	record.ActivateAt = millis(t.activate)
	switch {
	case t.predecessor == "":
		err = r.store.AddKey(ctx, record)
	case t.replaces:
		err = r.store.Replace(ctx, Replacement{Predecessor: t.predecessor, Withdrawn: t.withdrawn, At: millis(now), Successor: record})
	default:
		err = r.store.Rotate(ctx, t.predecessor, record)
	}
	if err != nil {
		return Record{}, fmt.Errorf("add key: %w", err)
	}
	return record, nil
}

// hasten moves the time at which a published key begins to sign.
func (r *Ring) hasten(ctx context.Context, t *task) (Record, error) {
	record := r.now.Load().byKid[t.hastened].record
	record.ActivateAt = millis(t.activate)
	if err := r.store.HastenKey(ctx, t.hastened, record.ActivateAt); err != nil {
		return Record{}, fmt.Errorf("activate key: %w", err)
	}
	return record, nil
}

// newRecord seals a key, or a new one if it is zero. The caller sets the times.
func (r *Ring) newRecord(key jose.Key, now time.Time) (Record, error) {
	if key.Algorithm() == "" {
		var err error
		if key, err = jose.Generate(r.policy().Algorithm); err != nil {
			return Record{}, fmt.Errorf("make key: %w", err)
		}
	}
	record := Record{
		Kid: key.Kid(), Purpose: Signing, Seq: r.now.Load().records.lastSeq(Signing) + 1,
		Algorithm: string(key.Algorithm()), Public: key.PublicJWK(),
		CreatedAt: millis(now), LongestTTL: r.policy().LongestTTL,
	}
	if !key.Private() {
		return record, nil
	}
	sealed, err := r.master.Seal(key.RevealJWK(), keyLabel(key.Kid()))
	record.Sealed = sealed
	return record, err
}

// millis is the resolution of the store.
func millis(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// ensureKey creates a signing key if none is active; the very first key is first unless
// that is zero. It also makes sure that keys stay published long enough for the policy.
func (r *Ring) ensureKey(ctx context.Context, first jose.Key, now time.Time) error {
	if first.Algorithm() != "" && len(r.now.Load().records) == 0 {
		_, err := r.make(ctx, &task{activate: now.Add(-raceWindow)}, first, now)
		if err == nil {
			r.made = first.Kid()
			return r.Reload(ctx)
		}
		if !errors.Is(err, ErrConflict) {
			return err
		}
		if err := r.Reload(ctx); err != nil {
			return err
		}
	}
	if r.now.Load().records.active(now) == nil {
		done, err := r.makeDue(ctx, now)
		if err != nil {
			return err
		}
		if len(done) > 0 && r.now.Load().byKid[done[0].Kid].record.Seq == 1 {
			r.made = done[0].Kid
		}
	}
	return r.raiseTTL(ctx, now)
}

// retireSuperfluous retires keys that could sign but will not.
func (r *Ring) retireSuperfluous(ctx context.Context, now time.Time) (done []Step, err error) {
	for _, kid := range r.now.Load().records.superfluous(now) {
		err := r.store.RetireKey(ctx, kid, millis(now))
		if err != nil && !errors.Is(err, ErrConflict) && !errors.Is(err, ErrNotFound) {
			return done, fmt.Errorf("retire key %s: %w", kid, err)
		}
		if err == nil {
			done = append(done, Step{At: now, Kid: kid, State: Retired, Why: "a newer key signs"})
		}
	}
	if done == nil {
		return nil, nil
	}
	return done, r.Reload(ctx)
}

// deleteGone deletes keys without valid tokens.
func (r *Ring) deleteGone(ctx context.Context, now, by time.Time) (done []Step, err error) {
	gone := r.now.Load().records.gone(by)
	for _, kid := range gone {
		deleted, err := r.store.DeleteKey(ctx, kid)
		if err != nil {
			return done, fmt.Errorf("delete key %s: %w", kid, err)
		}
		if deleted {
			done = append(done, Step{At: now, Kid: kid, State: Gone, Why: "its last token has expired"})
		}
	}
	if gone == nil {
		return nil, nil
	}
	return done, r.Reload(ctx)
}

// ErrTooLong reports a token lifetime for which keys cannot stay published.
var ErrTooLong = errors.New("key ring: lifetime too long")

// Promise keeps the keys published long enough for tokens with the lifetime ttl, as if
// [Policy.LongestTTL] had been that long from the start. It never shortens the time.
// After it returns nil, these tokens may be signed. Errors: ErrTooLong, or an error of
// the store.
func (r *Ring) Promise(ctx context.Context, ttl time.Duration, now time.Time) error {
	if ttl <= r.policy().LongestTTL {
		return nil
	}
	longer := r.policy()
	longer.LongestTTL = ttl
	if err := longer.Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrTooLong, err)
	}
	r.promise(longer)
	return r.raiseTTL(ctx, now)
}

// promise stores the longest of several concurrent calls.
func (r *Ring) promise(longer Policy) {
	for {
		old := r.rules.Load()
		if old.LongestTTL >= longer.LongestTTL || r.rules.CompareAndSwap(old, &longer) {
			return
		}
	}
}

func (r *Ring) raiseTTL(ctx context.Context, now time.Time) error {
	raised := false
	for _, record := range r.now.Load().records {
		state := record.State(now)
		if record.LongestTTL >= r.policy().LongestTTL || (state != Active && state != Next) {
			continue
		}
		if err := r.store.RaiseTTL(ctx, record.Kid, r.policy().LongestTTL); err != nil {
			return fmt.Errorf("raise longest lifetime: %w", err)
		}
		raised = true
	}
	if !raised {
		return nil
	}
	return r.Reload(ctx)
}
