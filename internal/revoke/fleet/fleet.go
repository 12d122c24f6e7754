// Package fleet knows which verifiers follow the revocation log, how far each
// has come, and makes receipts of that.
package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/portaria/portaria/api"
)

// Errors of the fleet.
var (
	// ErrStaleness says that a verifier would trust its view for longer than
	// the issuer allows.
	ErrStaleness = errors.New("revocation: verifier trusts its view for too long")
	// ErrRuleNotFound reports that there is no rule with this number, or that it refuses
	// nothing any more.
	ErrRuleNotFound = errors.New("revocation: no such rule")
	// ErrTooManyVerifiers reports that no further verifier can be registered, or none
	// of that client.
	ErrTooManyVerifiers = errors.New("revocation: too many verifiers")
)

const (
	// maxVerifiers bounds the fleet: a client that may follow the log can invent
	// names.
	maxVerifiers = 20_000
	// maxOfClient is the share of one client, so that none can cut off the
	// others. It has room for a thousand instances that restart again and again.
	maxOfClient = 5_000
	// DefaultStaleness is the lease that a verifier has unless it says
	// otherwise; a receipt counts on no shorter one.
	DefaultStaleness = api.DefaultStaleness
	// saveEvery is how often what verifiers said is written down.
	saveEvery = time.Second
	// ackEvery is how often a verifier says at least that it is there.
	ackEvery = 10 * time.Second
	// CommitTime bounds how long after its time a rule is durable: a step that
	// takes longer fails.
	CommitTime = 5 * time.Second
)

// StaleOpen is the policy of a verifier with a route that accepts tokens while the
// verifier is stale.
const StaleOpen = "open"

// Verifier is what one follower of the log says of itself.
type Verifier struct {
	// Client is who it proved to be; ID the random name it gave itself.
	Client, ID string
	// Seq is how far it has come.
	Seq int64
	// Staleness is how long it trusts its view.
	Staleness time.Duration
	// WhenStale is what it does then: refuse, introspect or open.
	WhenStale string
	// KeySet is the ETag of the key set it verifies with.
	KeySet string
	// Audience is the service it works for.
	Audience string
	// Sent is what was sent to it, which it does not say itself.
	Sent Span
	// Seen is when it said all this.
	Seen time.Time
}

// ForgetAt is when a verifier that says nothing more is taken for gone.
func (v Verifier) ForgetAt() time.Time { return v.Seen.Add(max(10*v.Staleness, 10*time.Minute)) }

// Silent reports whether the verifier has missed saying that it is there.
// Whatever became of it, it trusts nothing that it knew before.
func (v Verifier) Silent(now time.Time) bool {
	return now.Sub(v.Seen) > v.Staleness+2*ackEvery
}

type verifierName struct{ client, id string }

func (v Verifier) name() verifierName { return verifierName{v.Client, v.ID} }

// Store keeps the verifiers. Each method is one atomic step.
type Store interface {
	// SaveVerifiers takes note of all of them. Sent is joined with what is known,
	// however old the news; otherwise older news of the same
	// verifier changes nothing unless its lease is longer: one never becomes
	// shorter.
	SaveVerifiers(ctx context.Context, list []Verifier) error
	// Verifiers answers those whose ForgetAt is not before now.
	Verifiers(ctx context.Context, now time.Time) ([]Verifier, error)
	// ForgetVerifiers drops those whose ForgetAt is before now, and answers
	// how many.
	ForgetVerifiers(ctx context.Context, now time.Time) (int, error)
}

// Fleet knows who follows the log, and how far each has come. Make it with
// New. It is safe for concurrent use.
type Fleet struct {
	store Store
	max   time.Duration
	now   func() time.Time

	saving chan struct{} // taken while the store is written to

	reading chan struct{} // taken while the store is read, and guards what follows
	began   time.Time     // of the last reading
	known   []Verifier    // what it found; never changed

	mu      sync.Mutex
	heard   map[verifierName]Verifier // by this process
	share   map[string]int            // how many of heard are of a client
	unsent  map[verifierName]bool     // of those, what the store does not know
	written map[verifierName]Verifier // what this process last wrote to the store
}

// New takes longest, the longest lease that a verifier may have.
func New(store Store, longest time.Duration, now func() time.Time) *Fleet {
	return &Fleet{store: store, max: longest, now: now, saving: make(chan struct{}, 1), reading: make(chan struct{}, 1),
		share: map[string]int{}, heard: map[verifierName]Verifier{}, unsent: map[verifierName]bool{}, written: map[verifierName]Verifier{}}
}

// Allow returns ErrStaleness for a lease that is too long to be promised for.
func (f *Fleet) Allow(staleness time.Duration) error {
	if staleness > f.max {
		return fmt.Errorf("%w: %v, at most %v", ErrStaleness, staleness, f.max)
	}
	return nil
}

// Follow records that a verifier begins to follow. Call it before anything is sent:
// when Follow returns nil, receipts of every process wait for its lease. news reports
// that they did not before. Read the log again then: a receipt of the meantime did not
// wait for this verifier.
// Errors are ErrStaleness, ErrTooManyVerifiers, or the store's.
func (f *Fleet) Follow(ctx context.Context, v Verifier) (news bool, err error) {
	if err := f.Allow(v.Staleness); err != nil {
		return false, err
	}
	v.Seen = f.now()
	if f.counted(v) {
		return false, nil
	}
	if err := f.note(f.complete(v)); err != nil {
		return false, err
	}
	return true, f.Save(ctx)
}

// Stay keeps a verifier in the list whose stream is open and whose acks do not arrive:
// it still trusts its view.
func (f *Fleet) Stay(v Verifier) {
	v.Seen = f.now()
	if !f.counted(v) {
		_ = f.note(f.complete(v)) // it is known already
	}
}

// Ack takes note of what a verifier says; it is written down within a second,
// and before Ack returns when receipts must count on a longer lease from now on.
func (f *Fleet) Ack(ctx context.Context, v Verifier) error {
	if err := f.Allow(v.Staleness); err != nil {
		return err
	}
	if err := f.note(v); err != nil {
		return err
	}
	if v.Staleness > DefaultStaleness && !f.counted(v) {
		return f.Save(ctx)
	}
	return nil
}

// AckAll is Ack for a relay and its followers: all of them, or none.
func (f *Fleet) AckAll(ctx context.Context, list []Verifier) error {
	for _, v := range list {
		if err := f.Allow(v.Staleness); err != nil {
			return err
		}
	}
	for _, v := range list {
		if err := f.Ack(ctx, v); err != nil {
			return err
		}
	}
	return nil
}

// counted reports whether the store knows of a verifier with no shorter lease,
// and will for a good while.
func (f *Fleet) counted(v Verifier) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	w, ok := f.written[v.name()]
	return ok && w.Staleness >= v.Staleness && v.Seen.Before(w.Seen.Add(w.ForgetAt().Sub(w.Seen)/2))
}

// complete adds what a verifier has said before to what it says when it begins
// to follow.
func (f *Fleet) complete(v Verifier) Verifier {
	f.mu.Lock()
	defer f.mu.Unlock()
	if old, known := f.heard[v.name()]; known {
		v.Seq, v.KeySet, v.Audience = max(v.Seq, old.Seq), old.KeySet, old.Audience
	}
	return v
}

func (f *Fleet) note(v Verifier) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	old, known := f.heard[v.name()]
	if !known && (len(f.heard) >= maxVerifiers || f.share[v.Client] >= maxOfClient) {
		return ErrTooManyVerifiers
	}
	if !known {
		f.share[v.Client]++
	}
	v.Sent = old.Sent.Join(v.Sent)
	// What it said when it trusted its view for longer may have come late.
	v.Staleness = max(v.Staleness, old.Staleness)
	f.heard[v.name()] = v
	f.unsent[v.name()] = true
	return nil
}

// Run writes down what is new, once a second, until ctx ends, and a last time
// then. report hears of errors; what was not written is tried again.
func (f *Fleet) Run(ctx context.Context, report func(error)) {
	ticker := time.NewTicker(saveEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			if err := f.Save(context.WithoutCancel(ctx)); err != nil {
				report(err)
			}
			return
		case <-ticker.C:
		}
		if err := f.Save(ctx); err != nil {
			report(err)
		}
	}
}

// Save writes down what is new. Many who call at once share writes: whoever
// waited finds what it came for written, or writes it.
func (f *Fleet) Save(ctx context.Context) error {
	select {
	case f.saving <- struct{}{}:
		defer func() { <-f.saving }()
	case <-ctx.Done():
		return ctx.Err()
	}
	list := f.take()
	if len(list) == 0 {
		return nil
	}
	saved := false
	defer func() {
		if !saved { // also after a panic
			f.putBack(list)
		}
	}()
	// What is written is not only the caller's.
	if err := f.store.SaveVerifiers(context.WithoutCancel(ctx), list); err != nil {
		return fmt.Errorf("save verifiers: %w", err)
	}
	saved = true
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, v := range list {
		f.written[v.name()] = v
	}
	return nil
}

func (f *Fleet) take() []Verifier {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []Verifier
	for n := range f.unsent {
		list = append(list, f.heard[n])
	}
	clear(f.unsent)
	now := f.now()
	gone := func(_ verifierName, v Verifier) bool { return v.ForgetAt().Before(now) }
	maps.DeleteFunc(f.heard, gone)
	maps.DeleteFunc(f.written, gone)
	clear(f.share)
	for n := range f.heard {
		f.share[n.client]++
	}
	// All processes touch the rows in one order, so that none waits for another
	// that waits for it.
	slices.SortFunc(list, byName)
	return list
}

func (f *Fleet) putBack(list []Verifier) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, v := range list {
		if _, there := f.heard[v.name()]; there {
			f.unsent[v.name()] = true
		}
	}
}

func byName(a, b Verifier) int {
	return cmp.Or(cmp.Compare(a.Client, b.Client), cmp.Compare(a.ID, b.ID))
}
