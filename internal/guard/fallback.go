package guard

import (
	"context"
	"sync"
	"time"
)

// Fallback uses counters that processes share, and counters of its own while
// those are away. The budgets of its own are half as large: each of the other
// processes has some too. It is safe for concurrent use.
type Fallback struct {
	// Shared are the counters of all processes, and Local those of this one.
	Shared, Local Counters
	// Now is a steady clock.
	Now func() time.Time
	// Changed, if set, is called when the shared counters are lost (with the
	// error) and when they are back (with nil).
	Changed func(error)

	mu    sync.Mutex
	lost  bool
	retry time.Time // when to try the shared counters again
}

// sharedPause is how long shared counters that failed are left alone: each
// attempt on them costs the caller a timeout.
const sharedPause = time.Second

// Take implements [Counters].
func (f *Fallback) Take(ctx context.Context, charges []Charge, solved bool) (Verdict, error) {
	if f.usable() {
		v, err := f.Shared.Take(ctx, charges, solved)
		if f.note(ctx, err); err == nil {
			v.By = f.Shared
			return v, nil
		}
	}
	v, err := f.Local.Take(ctx, stricter(charges), solved)
	v.By = f.Local
	return v, err
}

// usable reports whether the shared counters should be tried. While they are
// lost, one caller in each pause tries them.
func (f *Fallback) usable() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.Now()
	if f.lost && now.Before(f.retry) {
		return false
	}
	f.retry = now.Add(sharedPause)
	return true
}

func (f *Fallback) note(ctx context.Context, err error) {
	if err != nil && ctx.Err() != nil {
		return // the caller left; that says nothing of the counters
	}
	f.mu.Lock()
	was := f.lost
	f.lost = err != nil
	f.mu.Unlock()
	if f.Changed != nil && was != (err != nil) {
		f.Changed(err)
	}
}

// Lost reports whether the shared counters are away.
func (f *Fallback) Lost() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lost
}

// stricter halves the bursts.
func stricter(charges []Charge) []Charge {
	strict := make([]Charge, len(charges))
	for i, c := range charges {
		strict[i] = c
		strict[i].Limit.Burst = max(1, c.Limit.Burst/2)
	}
	return strict
}

// Refund implements [Counters], for attempts whose verdict does not say who
// counted them. See [Verdict].
func (f *Fallback) Refund(ctx context.Context, charges []Charge) error {
	if f.Lost() {
		return f.Local.Refund(ctx, charges)
	}
	return f.Shared.Refund(ctx, charges)
}

// Levels implements [Counters].
func (f *Fallback) Levels(ctx context.Context, charges []Charge) ([]float64, []time.Duration, error) {
	if f.Lost() {
		return f.Local.Levels(ctx, stricter(charges))
	}
	return f.Shared.Levels(ctx, charges)
}

// Clear implements [Counters]. It clears both: an operator wants the budget
// gone, wherever it is kept. The error is that of the shared counters, which may
// still have the budget.
func (f *Fallback) Clear(ctx context.Context, keys []string) error {
	if err := f.Local.Clear(ctx, keys); err != nil {
		return err
	}
	return f.Shared.Clear(ctx, keys)
}
