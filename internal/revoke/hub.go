package revoke

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/portaria/portaria/internal/revoke/rule"
)

const (
	// lookEvery is how often the hub looks at the store. It is what makes the
	// feed complete; being woken only makes it faster.
	lookEvery = 200 * time.Millisecond
	// gather is how long the hub lets rules come together after some came, so
	// that a storm costs 40 batches a second and not one for each rule. A rule
	// that comes alone goes out at once.
	gather = 25 * time.Millisecond
	// pruneEvery is how often rules that refuse nothing any more are dropped.
	pruneEvery = time.Minute
	// pageSize is how many rules are asked for at once.
	pageSize = 5000
	// buffered is how many batches a follower may be behind before it is
	// dropped: some seconds' worth.
	buffered = 128
)

// MaxRules bounds the rules that the hub holds in memory. It takes 1,000 a
// second for half an hour to get there.
const MaxRules = 2_000_000

// ErrTooManyRules reports that the log has more live rules than fit in memory.
// The hub then stops renewing its as-of time, so that verifiers become stale instead
// of missing rules.
var ErrTooManyRules = errors.New("too many living revocation rules")

// Hub reads the log in the store for all followers of this process: it reads the
// store five times a second, for any number of followers. Make it with Open. It is safe
// for concurrent use.
type Hub struct {
	Table
	store Store
	now   func() time.Time
	age   func() time.Time // what rules leave by
	wake  chan struct{}
	start time.Time // asOf counts from here, monotonic
	most  int       // MaxRules, less in tests

	// asOf is when the view was last seen to be the truth, in nanoseconds
	// after start. It is moved after all batches up to the view's head have
	// been handed out, so that whoever reads it first and then drains its
	// batches has everything up to that moment.
	asOf atomic.Int64
	view atomic.Pointer[View]

	looking chan struct{} // held by the reader; guards the fields below
	began   time.Time     // of the last look that succeeded
	pruned  time.Time     // when rules were last dropped
	told    time.Time     // when a follower last made the epoch rise
	why     string        // the epoch is about to rise; empty when nobody asked

	mu     sync.Mutex // guards what follows, and the order of batches
	subs   map[*Subscription]struct{}
	closed bool
	raised string
}

// Open reads the living rules. now is the time of day; rules expire by it unless
// ByAge names another clock.
func Open(ctx context.Context, store Store, now func() time.Time) (*Hub, error) {
	h := &Hub{
		Table: Table{cuts: map[name]cutoff{}},
		store: store, now: now, age: now,
		wake: make(chan struct{}, 1), looking: make(chan struct{}, 1),
		start: time.Now(), most: MaxRules,
		subs: map[*Subscription]struct{}{},
	}
	log, err := store.Log(ctx)
	if err != nil {
		return nil, fmt.Errorf("open revocation log: %w", err)
	}
	h.view.Store(newView(0, log.Salt[:]))
	h.pruned = now()
	if err := h.look(ctx); err != nil {
		return nil, fmt.Errorf("open revocation log: %w", err)
	}
	return h, nil
}

// ByAge has rules expire by a clock that no change of the time of day moves: a
// rule that has left is never learned again. Call it before Run.
func (h *Hub) ByAge(clock func() time.Time) { h.age, h.pruned = clock, clock() }

// View is the log as the hub knows it.
func (h *Hub) View() *View { return h.view.Load() }

// AsOf is when the view was last seen to be the truth, with a monotonic clock
// reading.
func (h *Hub) AsOf() time.Time { return h.start.Add(time.Duration(h.asOf.Load())) }

// Wake makes the hub look at once: something was written, here or elsewhere.
func (h *Hub) Wake() {
	select {
	case h.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// Run keeps the view true until ctx ends; then all subscriptions end. report
// hears of every error; the hub goes on, and its view grows older. After a panic
// Run may be called again: subscriptions go on.
func (h *Hub) Run(ctx context.Context, report func(error)) {
	defer func() {
		if ctx.Err() != nil {
			h.end()
		}
	}()
	timer := time.NewTimer(lookEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.wake:
		case <-timer.C:
		}
		before := h.View().Head
		if err := h.Look(ctx); err != nil && ctx.Err() == nil {
			report(err)
		}
		if h.View().Head != before && !pause(ctx, gather) {
			return
		}
		timer.Reset(lookEvery)
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// Look brings the view up to date: when it returns nil, the view is not older
// than the call. Many who call at once share looks.
func (h *Hub) Look(ctx context.Context) error {
	called := time.Now()
	return h.alone(ctx, func() error {
		if h.began.After(called) {
			return nil
		}
		return h.look(ctx)
	})
}

// alone runs f while nobody else looks.
func (h *Hub) alone(ctx context.Context, f func() error) error {
	select {
	case h.looking <- struct{}{}:
		defer func() { <-h.looking }()
		return f()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *Hub) look(ctx context.Context) error {
	for {
		began := time.Now()
		more, err := h.page(ctx)
		if err != nil {
			return err
		}
		if !more {
			h.prune()
			h.began = began
			h.asOf.Store(int64(began.Sub(h.start)))
			return nil
		}
	}
}

// page reads what follows the view, and reports whether there may be more. It
// asks for the view's last rule again: when another one is at its place, the
// store was set back, and has come as far again since.
func (h *Hub) page(ctx context.Context) (bool, error) {
	v := h.View()
	from, limit := v.Head, pageSize
	last, known := v.last.latest(h.age())
	if known {
		from, limit = last.Seq-1, pageSize+1
	}
	rules, head, err := h.store.Rules(ctx, from, limit)
	if err != nil {
		return false, fmt.Errorf("read revocation log: %w", err)
	}
	if setBack(v.Head, head) || known && (len(rules) == 0 || !rules[0].Same(last)) {
		return true, h.recover(ctx, v)
	}
	more, to := len(rules) == limit, head
	if more {
		to = rules[len(rules)-1].Seq
	}
	rules = rules[after(rules, v.Head):]
	if to == v.Head {
		return false, nil
	}
	if v.Len()+len(rules) > h.most {
		return false, ErrTooManyRules
	}
	h.publish(v, rules, to)
	return more, nil
}

// publish makes rules part of the view and hands them to all followers.
func (h *Hub) publish(v *View, rules []rule.Rule, to int64) {
	h.add(rules)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.view.Store(v.append(rules, to))
	b := &Batch{From: v.Head, To: to, Rules: rules}
	for s := range h.subs {
		s.offer(b)
	}
}

// prune drops rules that can refuse no token any more.
func (h *Hub) prune() {
	now := h.age()
	if now.Sub(h.pruned) < pruneEvery {
		return
	}
	h.pruned = now
	v := h.View()
	kept, gone := v.keep(live(now))
	if gone == 0 {
		return
	}
	h.replace(kept)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.view.Store(kept)
}
