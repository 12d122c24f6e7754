package revoke

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Errors of the fleet.
var (
	// ErrStaleness says that a verifier would trust its view for longer than
	// the issuer allows.
	ErrStaleness = errors.New("revocation: verifier trusts its view for too long")
	// ErrRuleNotFound says that there is no such rule, or that it refuses
	// nothing any more.
	ErrRuleNotFound = errors.New("revocation: no such rule")
	// ErrTooManyVerifiers says that nobody new can be taken note of.
	ErrTooManyVerifiers = errors.New("revocation: too many verifiers")
)

const (
	// maxVerifiers bounds the fleet: whoever may follow the log can make up
	// names.
	maxVerifiers = 20_000
	// DefaultStaleness is the lease that a verifier has unless it says
	// otherwise; a receipt counts on no shorter one.
	DefaultStaleness = 10 * time.Second
	// saveEvery is how often what verifiers said is written down.
	saveEvery = time.Second
	// ackEvery is how often a verifier says at least that it is there.
	ackEvery = 10 * time.Second
	// CommitTime bounds how long after its time a rule is durable: a step that
	// takes longer fails.
	CommitTime = 5 * time.Second
)

// StaleOpen is the policy of a verifier that, where a route says so, accepts tokens
// of which it cannot know whether they are taken back.
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

// FleetStore keeps the verifiers. Each method is one atomic step.
type FleetStore interface {
	// SaveVerifiers takes note of all of them; older news of the same
	// verifier changes nothing.
	SaveVerifiers(ctx context.Context, list []Verifier) error
	// Verifiers answers those whose ForgetAt is not before now.
	Verifiers(ctx context.Context, now time.Time) ([]Verifier, error)
	// ForgetVerifiers drops those whose ForgetAt is before now, and answers
	// how many.
	ForgetVerifiers(ctx context.Context, now time.Time) (int, error)
}

// Fleet knows who follows the log, and how far each has come. Make it with
// NewFleet. It is safe for concurrent use.
type Fleet struct {
	store FleetStore
	max   time.Duration
	now   func() time.Time

	mu     sync.Mutex
	heard  map[verifierName]Verifier // by this process
	unsent map[verifierName]bool     // of those, what the store does not know
	joined map[string]time.Time      // by client: who follows and has said nothing yet
}

// NewFleet takes longest, the longest lease that a verifier may have.
func NewFleet(store FleetStore, longest time.Duration, now func() time.Time) *Fleet {
	return &Fleet{store: store, max: longest, now: now,
		heard: map[verifierName]Verifier{}, unsent: map[verifierName]bool{}, joined: map[string]time.Time{}}
}

// Allow returns ErrStaleness for a lease that is too long to be promised for.
func (f *Fleet) Allow(staleness time.Duration) error {
	if staleness > f.max {
		return fmt.Errorf("%w: %v, at most %v", ErrStaleness, staleness, f.max)
	}
	return nil
}

// Ack takes note of what a verifier says; it is written down within a second.
func (f *Fleet) Ack(v Verifier) error {
	if err := f.Allow(v.Staleness); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, known := f.heard[v.name()]; !known && len(f.heard) >= maxVerifiers {
		return ErrTooManyVerifiers
	}
	f.heard[v.name()] = v
	f.unsent[v.name()] = true
	delete(f.joined, v.Client)
	return nil
}

// Join takes note that a verifier of a client begins to follow. Until it says
// for how long it trusts its view, receipts count on the longest that is
// allowed.
func (f *Fleet) Join(client string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.joined[client] = f.now()
}

// unheard reports whether somebody follows of whom nothing is known yet. Who
// says nothing for that long never will.
func (f *Fleet) unheard(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, at := range f.joined {
		if now.Sub(at) < 2*ackEvery {
			return true
		}
	}
	return false
}

// Run writes down what is new, once a second, until ctx ends, and a last time
// then. report hears of errors; what was not written is tried again.
func (f *Fleet) Run(ctx context.Context, report func(error)) {
	for pause(ctx, saveEvery) {
		if err := f.Save(ctx); err != nil {
			report(err)
		}
	}
	if err := f.Save(context.WithoutCancel(ctx)); err != nil {
		report(err)
	}
}

// Save writes down what is new.
func (f *Fleet) Save(ctx context.Context) error {
	list := f.take()
	if len(list) == 0 {
		return nil
	}
	if err := f.store.SaveVerifiers(ctx, list); err != nil {
		f.putBack(list)
		return fmt.Errorf("save verifiers: %w", err)
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
	maps.DeleteFunc(f.joined, func(_ string, at time.Time) bool { return now.Sub(at) >= 2*ackEvery })
	maps.DeleteFunc(f.heard, func(_ verifierName, v Verifier) bool { return v.ForgetAt().Before(now) })
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

// Verifiers answers everybody who follows the log, from here or from another
// process, by client and name.
func (f *Fleet) Verifiers(ctx context.Context) ([]Verifier, error) {
	now := f.now()
	list, err := f.store.Verifiers(ctx, now)
	if err != nil {
		return nil, fmt.Errorf("list verifiers: %w", err)
	}
	all := map[verifierName]Verifier{}
	for _, v := range list {
		all[v.name()] = v
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for n, v := range f.heard {
		if !v.ForgetAt().Before(now) && !v.Seen.Before(all[n].Seen) {
			all[n] = v
		}
	}
	return slices.SortedFunc(maps.Values(all), byName), nil
}

// Receipt is what is known of one rule.
type Receipt struct {
	Seq int64
	// EffectiveBy is when the last verifier refuses, however bad the network:
	// each trusts its view for a bounded time.
	EffectiveBy time.Time
	// Confirmed have applied the rule; Pending have not said so yet; Silent
	// have not been heard of for longer than they trust what they knew.
	Confirmed, Pending, Silent int
	// Open are the verifiers that did not confirm and may accept what they
	// cannot know. For them the promise does not hold.
	Open []Verifier
}

// Receipt tells of a rule that was durable at a moment.
func (f *Fleet) Receipt(ctx context.Context, seq int64, durable time.Time) (Receipt, error) {
	list, err := f.Verifiers(ctx)
	if err != nil {
		return Receipt{}, err
	}
	r, lease, now := Receipt{Seq: seq}, DefaultStaleness, f.now()
	if f.unheard(now) {
		lease = f.max
	}
	for _, v := range list {
		lease = max(lease, v.Staleness)
		switch {
		case v.Seq >= seq:
			r.Confirmed++
		case v.Silent(now):
			r.Silent++
		default:
			r.Pending++
		}
		if v.Seq < seq && v.WhenStale == StaleOpen {
			r.Open = append(r.Open, v)
		}
	}
	r.EffectiveBy = durable.Add(lease)
	return r, nil
}

// ReceiptOf tells of a rule of which only the time is known that it bears.
func (f *Fleet) ReceiptOf(ctx context.Context, r Rule) (Receipt, error) {
	return f.Receipt(ctx, r.Seq, r.At.Add(CommitTime))
}
