package guard

import (
	"sync"
	"time"
)

// detector counts the attempts of strangers in two windows, the present one and
// the one before, and so looks back for at least one of them.
type detector struct {
	limit Pressure

	mu           sync.Mutex
	began        time.Time
	now, earlier tally
	wasHigh      bool
}

type tally struct{ attempts, failures int }

// attempt counts one attempt of a stranger when it begins.
func (d *detector) attempt(now time.Time) { d.count(now, tally{1, 1}) }

// success says that an attempt that began was no failure.
func (d *detector) success(now time.Time) { d.count(now, tally{0, -1}) }

func (d *detector) count(now time.Time, t tally) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.turn(now)
	d.now.attempts += t.attempts
	d.now.failures = max(0, d.now.failures+t.failures)
}

// turn begins a new window when the present one is over.
func (d *detector) turn(now time.Time) {
	switch passed := now.Sub(d.began); {
	case d.limit.Failures == 0:
	case passed >= 2*d.limit.Window || passed < 0:
		d.began, d.now, d.earlier = now, tally{}, tally{}
	case passed >= d.limit.Window:
		d.began, d.now, d.earlier = now, tally{}, d.now
	}
}

// high reports whether there is an attack, and whether that is new.
func (d *detector) high(now time.Time) (high, changed bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.limit.Failures == 0 {
		return false, false
	}
	d.turn(now)
	attempts, failures := d.now.attempts+d.earlier.attempts, d.now.failures+d.earlier.failures
	high = failures >= d.limit.Failures && 100*failures >= d.limit.Percent*attempts
	changed = high != d.wasHigh
	d.wasHigh = high
	return high, changed
}
