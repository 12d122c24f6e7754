package keyring

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/portaria/portaria/internal/jose"
)

var (
	// ErrTooEarly reports that a key would sign before every verifier can know it.
	ErrTooEarly = errors.New("key ring: too early for a new key to sign: verifiers may not have it yet")
	// ErrRotating reports that another key is already published as the next one.
	ErrRotating = errors.New("key ring: another key is next: wait until it signs, or replace it")
	// ErrKeyExists reports that the ring has a key under this kid.
	ErrKeyExists = errors.New("key ring: a key with this kid exists already")
	// ErrKeyKnown reports that the ring has this key under another kid. A killed key cannot
	// be imported again under a new name.
	ErrKeyKnown = errors.New("key ring: the same key exists already under another kid")
	// ErrKeyUnfit reports a key that cannot do what was asked.
	ErrKeyUnfit = errors.New("key ring: the key cannot be used for this")
	// ErrTooManyKeys reports a key set that would be too long for verifiers. Wait until
	// retired keys are gone.
	ErrTooManyKeys = errors.New("key ring: too many keys are published: wait until some are gone")
)

// Order describes a rotation. The zero value asks for a new key as soon as possible.
type Order struct {
	// Key is the successor, which must be able to sign. The zero value stands for a new key
	// with Algorithm or the algorithm of the policy.
	Key jose.Key
	// Algorithm overrides the algorithm of the policy for a new key.
	Algorithm jose.Algorithm
	// AtOnce lets the successor sign before verifiers can know it. Use it only if there are
	// no tokens yet.
	AtOnce bool
	// At is when the successor begins to sign. Zero means as soon as possible: after the
	// max-age of the key set and two minutes.
	At time.Time
	// Replace replaces the next key, if there is one. The replaced key has signed nothing;
	// it leaves the key set and counts as killed.
	Replace bool
}

// any reports whether the order accepts any next key.
func (o Order) any() bool { return o.Key.Algorithm() == "" && o.Algorithm == "" && !o.Replace }

// Rotation is a change of the signing key.
type Rotation struct {
	// Predecessor and Successor are kids. A rehearsal has no kid for a new successor.
	Predecessor, Successor string
	// At is when the successor begins to sign and the predecessor stops.
	At time.Time
	// GoneAt is when the predecessor leaves the key set.
	GoneAt time.Time
	// Already reports that the rotation was in progress before, and nothing was changed.
	Already bool
}

// Rotate plans a successor of the active key. If several processes rotate at once, one
// creates the successor and the others report it with Already set. Errors wrap ErrTooEarly,
// ErrRotating, ErrKeyExists, ErrKeyKnown, ErrKeyUnfit or ErrTooManyKeys.
func (r *Ring) Rotate(ctx context.Context, now time.Time, o Order) (Rotation, error) {
	for range maxAttempts {
		if err := r.readAndMakeDue(ctx, now); err != nil {
			return Rotation{}, wrapRotate(err)
		}
		rotation, t, err := r.decide(r.now.Load().records, o, now)
		if err != nil || rotation.Already {
			return rotation, wrapRotate(err)
		}
		key, err := o.key()
		if err != nil {
			return Rotation{}, wrapRotate(err)
		}
		record, err := r.make(ctx, t, key, now)
		if err == nil {
			rotation.Successor = record.Kid
			return rotation, wrapRotate(r.Reload(ctx))
		}
		if !errors.Is(err, ErrConflict) {
			return Rotation{}, wrapRotate(err)
		}
	}
	return Rotation{}, wrapRotate(ErrConflict)
}

// key creates a key if the order asks for one by its algorithm.
func (o Order) key() (jose.Key, error) {
	if o.Key.Algorithm() != "" || o.Algorithm == "" {
		return o.Key, nil
	}
	return jose.Generate(o.Algorithm)
}

// decide returns the result of an order for the given records and keys.
func (r *Ring) decide(rs records, o Order, now time.Time) (Rotation, *task, error) {
	if err := r.now.Load().foreign(o.Key, now); err != nil {
		return Rotation{}, nil, err
	}
	return rs.order(r.policy(), o, now)
}

// foreign checks that the ring does not have the key under another name, nor another key
// under its name.
func (s *snapshot) foreign(key jose.Key, now time.Time) error {
	print := key.Thumbprint()
	for _, own := range s.byKid {
		same := own.Thumbprint() == print
		switch {
		case same && own.Kid() != key.Kid():
			return fmt.Errorf("%w: %s, which is %s", ErrKeyKnown, own.Kid(), own.State(now))
		case !same && own.Kid() == key.Kid():
			return fmt.Errorf("%w: %s", ErrKeyExists, key.Kid())
		}
	}
	return nil
}

func wrapRotate(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("rotate: %w", err)
}

func (r *Ring) readAndMakeDue(ctx context.Context, now time.Time) error {
	if err := r.Reload(ctx); err != nil {
		return err
	}
	_, err := r.makeDue(ctx, now)
	return err
}

// order returns the rotation and the task of an order.
func (rs records) order(p Policy, o Order, now time.Time) (Rotation, *task, error) {
	active, heir := rs.active(now), rs.heir(now)
	switch {
	case active == nil:
		return Rotation{}, nil, ErrNoActiveKey
	case heir != nil && (o.any() || o.Key.Kid() == heir.Kid):
		gone := *active
		gone.RetireAt = heir.ActivateAt
		return Rotation{active.Kid, heir.Kid, heir.ActivateAt, gone.GoneAt(), true}, nil, nil
	case heir != nil && !o.Replace:
		return Rotation{}, nil, ErrRotating
	}
	t := &task{activate: o.At, predecessor: active.Kid, why: "rotation on demand"}
	if heir != nil {
		t.replaces, t.withdrawn, t.why = true, heir.Kid, "replaced "+heir.Kid
	}
	if err := rs.admit(o, t, now); err != nil {
		return Rotation{}, nil, err
	}
	earliest := now.Add(p.lead())
	if o.AtOnce {
		earliest = now
	}
	if o.At.IsZero() {
		t.activate = earliest
	}
	if t.activate.Before(earliest) {
		return Rotation{}, nil, fmt.Errorf("%w; the earliest is %s", ErrTooEarly, earliest.UTC().Format(time.RFC3339))
	}
	gone := *active
	gone.RetireAt = millis(t.activate)
	return Rotation{Predecessor: active.Kid, Successor: o.Key.Kid(), At: gone.RetireAt, GoneAt: gone.GoneAt()}, t, nil
}

// admit checks that a key may become the successor.
func (rs records) admit(o Order, t *task, now time.Time) error {
	key := o.Key
	switch {
	case t.withdrawn == "" && rs.published(now) >= maxPublished:
		return ErrTooManyKeys
	case key.Algorithm() == "" && o.Algorithm != "" && !o.Algorithm.Signs():
		return fmt.Errorf("%w: %s does not sign", ErrKeyUnfit, o.Algorithm)
	case key.Algorithm() == "":
		return nil
	case rs.has(key.Kid()):
		return fmt.Errorf("%w: %s", ErrKeyExists, key.Kid())
	}
	return signs(key)
}

// signs checks that a key can sign.
func signs(key jose.Key) error {
	if _, err := key.Sign("a try"); err != nil {
		return fmt.Errorf("%w: it does not sign: %w", ErrKeyUnfit, err)
	}
	return nil
}

func (rs records) has(kid string) bool {
	for i := range rs {
		if rs[i].Kid == kid {
			return true
		}
	}
	return false
}

// Trust publishes a public key of another system, so that the tokens of that system stay
// valid here. The key never signs. It is published until [Ring.Retire]. The owner of its
// private half can make tokens that are accepted. Errors wrap ErrKeyExists, ErrKeyKnown,
// ErrKeyUnfit or ErrTooManyKeys.
func (r *Ring) Trust(ctx context.Context, now time.Time, key jose.Key) error {
	if key.Private() || !key.Algorithm().Signs() {
		return fmt.Errorf("trust key: %w: not a public key that verifies signatures", ErrKeyUnfit)
	}
	for range maxAttempts {
		if err := r.Reload(ctx); err != nil {
			return fmt.Errorf("trust key: %w", err)
		}
		if err := r.now.Load().foreign(key, now); err != nil {
			return fmt.Errorf("trust key: %w", err)
		}
		records := r.now.Load().records
		if records.has(key.Kid()) {
			return fmt.Errorf("trust key: %w: %s", ErrKeyExists, key.Kid())
		}
		if records.published(now) >= maxPublished {
			return fmt.Errorf("trust key: %w", ErrTooManyKeys)
		}
		_, err := r.make(ctx, &task{activate: now}, key, now)
		if err == nil {
			return r.Reload(ctx)
		}
		if !errors.Is(err, ErrConflict) {
			return fmt.Errorf("trust key: %w", err)
		}
	}
	return fmt.Errorf("trust key: %w", ErrConflict)
}

// Retire stops signing with a key. The key stays published until its last token has
// expired. Retiring the active key rotates it, because some key has to sign. The next key
// cannot be retired, only killed: ErrKeyUnfit. An unknown kid is ErrNotFound.
func (r *Ring) Retire(ctx context.Context, now time.Time, kid string) (Rotation, error) {
	if err := r.Reload(ctx); err != nil {
		return Rotation{}, fmt.Errorf("retire key: %w", err)
	}
	key, ok := r.now.Load().byKid[kid]
	if !ok {
		return Rotation{}, fmt.Errorf("retire key: %w: %s", ErrNotFound, kid)
	}
	record := key.record
	switch record.State(now) {
	case Retired:
		return Rotation{Predecessor: kid, At: record.RetireAt, GoneAt: record.GoneAt(), Already: true}, nil
	case Active:
		if active := r.now.Load().records.active(now); active != nil && active.Kid == kid {
			return r.Rotate(ctx, now, Order{})
		}
	default:
		return Rotation{}, fmt.Errorf("retire key: %w: it is %s; only an active key retires", ErrKeyUnfit, record.State(now))
	}
	record.RetireAt = millis(now)
	if err := r.store.RetireKey(ctx, kid, record.RetireAt); err != nil {
		return Rotation{}, fmt.Errorf("retire key %s: %w", kid, err)
	}
	return Rotation{Predecessor: kid, At: record.RetireAt, GoneAt: record.GoneAt()}, r.Reload(ctx)
}

// Kill is the result of revoking a key.
type Kill struct {
	Kid string
	// Was is the previous state. For Active, all current access tokens are rejected from
	// now on.
	Was State
	// Signs is the key that signs from now on.
	Signs string
	// Made lists what was done early: the next key began to sign before its time or,
	// without a next key, a new one was created. It may sign before verifiers have fetched
	// it. Most verifiers fetch the key set again for an unknown kid; others reject tokens
	// for at most the max-age of the key set.
	Made []Step
}

// Kill revokes a compromised key. It is neither published nor accepted any more: here at
// once, in other processes after their next reload. If it was the active key, the next key
// signs at once, or a new key if there is no next one. If it was the next key, another one
// is created, and the active one signs until every verifier can know that. The record
// stays, so that the key cannot be imported again. Killing a key twice changes nothing. An
// unknown kid is ErrNotFound.
func (r *Ring) Kill(ctx context.Context, now time.Time, kid string) (Kill, error) {
	if err := r.Reload(ctx); err != nil {
		return Kill{}, fmt.Errorf("kill key: %w", err)
	}
	key, ok := r.now.Load().byKid[kid]
	if !ok {
		return Kill{}, fmt.Errorf("kill key: %w: %s", ErrNotFound, kid)
	}
	kill := Kill{Kid: kid, Was: key.State(now)}
	if err := r.store.KillKey(ctx, kid, millis(now)); err != nil {
		return kill, fmt.Errorf("kill key: %w", err)
	}
	if err := r.Reload(ctx); err != nil {
		return kill, fmt.Errorf("kill key: %w", err)
	}
	var err error
	if kill.Made, err = r.makeDue(ctx, now); err != nil {
		return kill, fmt.Errorf("replace killed key: %w", err)
	}
	signs, err := r.now.Load().active(now)
	kill.Signs = signs.Kid()
	return kill, err
}
