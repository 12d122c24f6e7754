package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/portaria/portaria/internal/password/legacy"
)

var (
	// ErrMismatch is a password that is not the account's. [Hasher.Decoy]
	// answers it for accounts that do not exist.
	ErrMismatch = errors.New("password does not match")
	// ErrBusy matches every [BusyError].
	ErrBusy = errors.New("too many password hashes at once")
	// ErrClosed is work for a Hasher that was closed.
	ErrClosed = errors.New("password hasher is closed")
)

// BusyError says that the queue is full, or that the wait in it was too long.
type BusyError struct {
	// After is when to try again, in whole seconds, at least one.
	After time.Duration
}

// RetryAfter returns when to try again.
func (e *BusyError) RetryAfter() time.Duration { return e.After }

func (e *BusyError) Error() string {
	return fmt.Sprintf("%v: retry after %v", ErrBusy, e.After)
}

// Is makes errors.Is(err, ErrBusy) true.
func (e *BusyError) Is(target error) bool { return target == ErrBusy }

// Options are what a Hasher needs to know of the program it lives in.
type Options struct {
	// Worker is the command line of a process that calls [WorkerMain], by
	// rule {"/proc/self/exe", WorkerArgument}. Each hash under way has one;
	// it starts when needed, has the lowest priority and leaves when idle.
	// Empty: hashes are computed inside this process and compete with
	// everything else in it. Systems other than Linux always do that.
	Worker []string
	// Report is called with the reason why a worker could not be used. The hash is
	// computed in this process then, so no login fails. Calls may overlap. May be nil.
	Report func(error)
}

// Hasher makes and checks password hashes, a bounded number at a time. It is
// safe for concurrent use.
type Hasher struct {
	policy Policy
	decoy  string
	turns  *turns
	// costliest is the greatest work of a hash that was seen; see level.
	costliest atomic.Uint32
	close     sync.Once
}

// New returns a Hasher; the policy must be valid. Close it when done.
func New(p Policy, o Options) (*Hasher, error) {
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("check password policy: %w", err)
	}
	h := &Hasher{policy: p, turns: newTurns(p.slots(), p.Queue)}
	// Nobody has a password whose tag is random.
	h.decoy = digest{p.params(), random(saltSize), random(tagSize)}.String()
	for range p.slots() {
		h.turns.give(&slot{command: o.Worker, report: o.Report})
	}
	return h, nil
}

// Hash makes the PHC string of a new password, with a salt of its own. Errors:
// [ErrBusy], [ErrClosed], or the context's while waiting for a turn.
func (h *Hasher) Hash(ctx context.Context, plain Plain) (string, error) {
	d := digest{params: h.policy.params(), salt: random(saltSize)}
	tag, err := h.compute(ctx, plain, d, tagSize)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	d.tag = tag
	return d.String(), nil
}

// Verify checks a password against a stored hash, with the parameters found in
// it: a PHC string, or a hash of another system in the form of package legacy. A
// nil error means that they match; outdated then asks the caller to store a new
// hash. Errors: [ErrMismatch], [ErrMalformed], and those of [Hasher.Hash].
func (h *Hasher) Verify(ctx context.Context, plain Plain, stored string) (outdated bool, err error) {
	matches, outdated, spent, err := h.check(ctx, plain, stored)
	if err != nil {
		return false, fmt.Errorf("verify password: %w", err)
	}
	if matches {
		return outdated, nil
	}
	if err := h.level(ctx, plain, spent); err != nil {
		return false, fmt.Errorf("verify password: %w", err)
	}
	return false, ErrMismatch
}

// Refuse does the work of Verify for a password that does not match, and returns
// [ErrMismatch] even if it does. It is for accounts that may not sign in: otherwise
// a shorter answer says that the password is right. Errors: those of
// [Hasher.Verify].
func (h *Hasher) Refuse(ctx context.Context, plain Plain, stored string) error {
	_, _, spent, err := h.check(ctx, plain, stored)
	if err == nil {
		err = h.level(ctx, plain, spent)
	}
	if err != nil {
		return fmt.Errorf("verify password: %w", err)
	}
	return ErrMismatch
}

// check compares a password with a stored hash. spent is the work that it did.
func (h *Hasher) check(ctx context.Context, plain Plain, stored string) (matches, outdated bool, spent uint32, err error) {
	if legacy.Recognizes(stored) {
		matches, spent, err = h.checkForeign(ctx, plain, stored)
		return matches, true, spent, err
	}
	d, err := parsePHC(stored)
	if err != nil {
		return false, false, 0, err
	}
	tag, err := h.compute(ctx, plain, d, len(d.tag))
	if err != nil {
		return false, false, 0, err
	}
	h.meet(d.work())
	return subtle.ConstantTimeCompare(tag, d.tag) == 1, d.outdated(h.policy.params()), d.work(), nil
}

// level does the work that a cheaper hash spared, so that every refusal costs the
// same: as much as the policy says, or as the costliest hash that was seen.
// Accounts that do not exist pay it, too. Otherwise a shorter or a
// longer answer says who has an account, and since when.
func (h *Hasher) level(ctx context.Context, plain Plain, spent uint32) error {
	current := h.policy.params()
	extra, short := current.rest(spent, max(current.work(), h.costliest.Load()))
	if !short {
		return nil
	}
	_, err := h.compute(ctx, plain, digest{params: extra, salt: random(saltSize)}, tagSize)
	return err
}

// Decoy does the work of Verify for an account that does not exist, with the
// current parameters, and never succeeds: otherwise the shorter answer tells
// an attacker which names are taken.
func (h *Hasher) Decoy(ctx context.Context, plain Plain) error {
	if _, err := h.Verify(ctx, plain, h.decoy); err != nil {
		return err
	}
	return ErrMismatch
}

// Close stops the workers. Those who wait get [ErrClosed]; hashes under way
// are finished first.
func (h *Hasher) Close() error {
	h.close.Do(func() { h.turns.end((*slot).stop) })
	return nil
}

func (h *Hasher) compute(ctx context.Context, plain Plain, d digest, size int) ([]byte, error) {
	return h.run(ctx, job{params: d.params, salt: d.salt, size: size, plain: plain.bytes()})
}

// run waits for a turn and has one job computed.
func (h *Hasher) run(ctx context.Context, j job) ([]byte, error) {
	s, err := h.acquire(ctx)
	if err != nil {
		return nil, err
	}
	return h.use(s, j), nil
}

// use has a job computed and gives the slot back.
func (h *Hasher) use(s *slot, j job) []byte {
	tag, pause := s.compute(j)
	if pause > 0 {
		time.AfterFunc(pause, func() { h.turns.give(s) })
	} else {
		h.turns.give(s)
	}
	return tag
}

// wait takes a slot for work that nobody waits for. It has no deadline and no seat in
// the queue: callers are at most as many as [Hasher.Slots].
func (h *Hasher) wait(ctx context.Context) (*slot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return h.turns.wait(ctx, Caller{}, true, 0)
}

// Slots returns how many hashes are computed at a time.
func (h *Hasher) Slots() int { return h.turns.size }

func (h *Hasher) acquire(ctx context.Context) (*slot, error) {
	if err := ctx.Err(); err != nil { // who has left must never get a slot
		return nil, err
	}
	s, err := h.turns.wait(ctx, callerOf(ctx), false, h.policy.QueueDeadline)
	if errors.Is(err, errFull) {
		return nil, h.busy()
	}
	return s, err
}

// busy asks for one queue deadline of patience: by then all who wait now have been
// served or have left.
func (h *Hasher) busy() error {
	d := h.policy.QueueDeadline + time.Second - 1
	return &BusyError{After: d.Truncate(time.Second)}
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails since Go 1.24: it ends the process
	return b
}
