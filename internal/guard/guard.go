package guard

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// Attempt is one guess: somebody offers a secret.
type Attempt struct {
	// Purpose is what is guessed at, for example "password" or "client_secret".
	// Each purpose has budgets of its own for accounts and devices; those of
	// addresses and networks are shared.
	Purpose string
	// Account is whose secret it is: the id of an account or client, or what the
	// caller called it when nothing of that name is known, in canonical form. All
	// names of an account must come with the same Account. Empty when a secret is
	// offered without saying whose it is.
	Account string
	// Device is the id of a device that has signed in to the account before, as
	// [Devices] has checked it. Empty for a stranger.
	Device string
	// Address is where the attempt comes from.
	Address netip.Addr
	// Solved says that the attempt came with a solved challenge.
	Solved bool
}

// Refused says that an attempt may not be made now. It must not be worked on:
// neither may the answer depend on whether the secret would have been right.
type Refused struct {
	// Wait is when to come back; zero when a challenge must be solved first.
	Wait time.Duration
	// Budget is which budget is spent: "account", "device", "address", "network",
	// "accounts" or "pressure". It is for the operator, not for the caller.
	Budget string
}

// ErrTooMany and ErrChallenge are what a Refused unwraps to: too many attempts
// failed, or a challenge must be solved first.
var (
	ErrTooMany   = errors.New("too many failed attempts")
	ErrChallenge = errors.New("a challenge must be solved first")
)

// Unwrap returns ErrTooMany or ErrChallenge.
func (r *Refused) Unwrap() error {
	if r.Challenge() {
		return ErrChallenge
	}
	return ErrTooMany
}

// Error implements error.
func (r *Refused) Error() string {
	if r.Wait == 0 {
		return ErrChallenge.Error()
	}
	return fmt.Sprintf("%v; come back in %v", ErrTooMany, r.Wait)
}

// RetryAfter returns when to come back; zero when a challenge must be solved.
func (r *Refused) RetryAfter() time.Duration { return r.Wait }

// Challenge reports whether a solved challenge would let the attempt pass.
func (r *Refused) Challenge() bool { return r.Wait == 0 }

// Guard decides which attempts may be made. It is safe for concurrent use.
type Guard struct {
	policy   Policy
	counters Counters
	key      []byte // of the names of budgets
	now      func() time.Time
	pressure *detector
	// refused counts refusals by budget since Report was last called.
	mu      sync.Mutex
	refused map[string]int
}

// New returns a guard. key hides accounts and addresses in the names of budgets
// (Redis or a backup must not list who tried to sign in from where); processes
// that share counters share it. now is a steady clock.
func New(p Policy, c Counters, key []byte, now func() time.Time) (*Guard, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if len(key) < sha256.Size {
		return nil, fmt.Errorf("%w: the key of the budgets' names needs %d bytes", ErrPolicy, sha256.Size)
	}
	return &Guard{policy: p, counters: c, key: key, now: now, pressure: &detector{limit: p.Pressure}, refused: map[string]int{}}, nil
}

// Reservation is an attempt that may be made. It counts as failed until
// [Reservation.Succeeded] is called.
type Reservation struct {
	guard    *Guard
	by       Counters
	counted  []Charge
	stranger bool
	// Failed is how many attempts count as failed at the account, with this one,
	// and Next how long strangers must wait for the next one if it fails.
	Failed float64
	Next   time.Duration
	// Suspends says that this attempt, if it fails, suspends the account for
	// strangers, and that the one before did not.
	Suspends bool
}

// Begin counts an attempt before it is worked on. Its error is *Refused, or that
// of the counters, when the attempt must not be made either.
func (g *Guard) Begin(ctx context.Context, a Attempt) (*Reservation, error) {
	stranger := a.Device == ""
	if stranger && !a.Solved {
		high, _ := g.pressure.high(g.now())
		if g.policy.Captcha == CaptchaAlways || high && g.policy.Captcha == CaptchaAfterFailure {
			return nil, g.refuse(&Refused{Budget: "pressure"})
		}
	}
	charges, names := g.charges(a)
	v, err := g.counters.Take(ctx, charges, a.Solved)
	if err != nil {
		return nil, fmt.Errorf("count attempt: %w", err)
	}
	if v.Refused >= 0 {
		return nil, g.refuse(&Refused{Wait: v.Wait, Budget: names[v.Refused]})
	}
	r := &Reservation{guard: g, by: v.By, stranger: stranger}
	if r.by == nil {
		r.by = g.counters
	}
	for i, c := range charges {
		if v.Counted[i] {
			r.counted = append(r.counted, c)
		}
	}
	if stranger {
		g.pressure.attempt(g.now())
		if a.Account != "" {
			r.Failed = v.Levels[0]
			limit, suspended := g.policy.Strangers.limit(), g.policy.Strangers.Suspended
			r.Next = limit.Wait(r.Failed)
			r.Suspends = r.Next >= suspended && limit.Wait(r.Failed-1) < suspended
		}
	}
	return r, nil
}

// Succeeded gives the attempt back. Other attempts stay counted: one success
// must not free an address that guesses at other accounts.
func (r *Reservation) Succeeded(ctx context.Context) error {
	counted := r.counted
	if len(counted) == 0 {
		return nil
	}
	r.counted = nil
	if r.stranger {
		r.guard.pressure.success(r.guard.now())
	}
	if err := r.by.Refund(ctx, counted); err != nil {
		return fmt.Errorf("give attempt back: %w", err)
	}
	return nil
}

// Withdrawn gives the attempt back because it was not worked on, for example
// when the store was away: nothing was learned by it.
func (r *Reservation) Withdrawn(ctx context.Context) error { return r.Succeeded(ctx) }

// charges lists the budgets of an attempt. A known device answers for itself
// alone: what strangers do, from its own network too, must not keep its owner out.
func (g *Guard) charges(a Attempt) (charges []Charge, names []string) {
	if a.Device != "" && a.Account != "" {
		return []Charge{{Key: g.name("device", a.Purpose, a.Account, a.Device), Limit: g.policy.Device.limit()}}, []string{"device"}
	}
	address, network := networks(a.Address)
	if a.Account != "" {
		charges = append(charges, Charge{
			Key: g.name("account", a.Purpose, a.Account), Limit: g.policy.Strangers.limit(), Challenge: g.policy.challenge(),
		})
		names = append(names, "account")
	}
	charges = append(charges,
		Charge{Key: g.name("address", address), Limit: g.policy.Address.limit()},
		Charge{Key: g.name("network", network), Limit: g.policy.Network.limit()})
	names = append(names, "address", "network")
	if a.Account != "" {
		charges = append(charges, Charge{
			Key: g.name("accounts", address), Limit: g.policy.Accounts.limit(), Pair: g.name("pair", address, a.Account),
		})
		names = append(names, "accounts")
	}
	return charges, names
}

// name returns the name of a budget: its kind, which an operator may see, and
// a code of whose it is.
func (g *Guard) name(kind string, of ...string) string {
	mac := hmac.New(sha256.New, g.key)
	for _, part := range of {
		fmt.Fprintf(mac, "%d:%s", len(part), part)
	}
	return kind + ":" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

func (g *Guard) refuse(r *Refused) error {
	g.mu.Lock()
	g.refused[r.Budget]++
	g.mu.Unlock()
	return r
}

// Refusals returns how many attempts each budget refused since the last call.
// An operator sees an attack as one line a minute, not one a guess.
func (g *Guard) Refusals() map[string]int {
	g.mu.Lock()
	defer g.mu.Unlock()
	was := g.refused
	g.refused = map[string]int{}
	return was
}

// Pressure reports whether there is an attack by many addresses on many
// accounts, and whether that changed since it was last asked.
func (g *Guard) Pressure() (high, changed bool) { return g.pressure.high(g.now()) }
