// Package guard makes guessing slow: passwords, codes, client secrets, refresh
// tokens. It counts attempts before they are worked on, and says when the next
// one may come.
//
// Each attempt counts against several budgets at once: that of the account (one
// for strangers, one for each device that signed in before), that of the
// address, and that of its network. Attempts that succeed are given back, and
// only those. See docs/guides/guessing.md for what this leaves an attacker.
package guard

import (
	"errors"
	"math"
	"time"
)

// Limit is how fast a budget may be spent. An attempt that fails raises the
// level of its budget by one; the level falls by one in each Every. The zero
// Limit refuses everything.
type Limit struct {
	// Burst is how many attempts may fail without a wait between them.
	Burst int
	// Every is the time in which one failed attempt is forgotten.
	Every time.Duration
	// First is the wait after Burst failed attempts. Each further one doubles it,
	// up to Most. With zero, the wait is until one attempt is forgotten.
	First, Most time.Duration
}

// ErrLimit reports a Limit that cannot work.
var ErrLimit = errors.New("a limit needs a burst of at least 1, a positive time to forget, and a longest wait that is not below the first")

// Validate returns ErrLimit unless the limit can work.
func (l Limit) Validate() error {
	if l.Burst < 1 || l.Every <= 0 || l.First < 0 || l.First > l.Most || l.First == 0 && l.Most != 0 {
		return ErrLimit
	}
	return nil
}

// Level is what is known of a budget: how many attempts count as failed at the
// moment At.
type Level struct {
	Failed float64
	At     time.Time
}

// Wait returns how long after its last attempt a budget at this level must rest.
func (l Limit) Wait(failed float64) time.Duration {
	over := failed + 1 - float64(l.Burst)
	switch {
	case l.Every <= 0 || l.Burst < 1:
		return math.MaxInt64
	case over <= 0:
		return 0
	case l.First == 0:
		return time.Duration(math.Ceil(over * float64(l.Every)))
	}
	// Steps, not a curve: what is announced does not depend on fractions.
	doublings := math.Ceil(over) - 1
	return time.Duration(math.Min(float64(l.First)*math.Pow(2, doublings), float64(l.Most)))
}

// At returns the level at a later moment. A clock that was set back forgets
// nothing.
func (l Limit) At(was Level, now time.Time) Level {
	passed := now.Sub(was.At)
	if passed <= 0 || l.Every <= 0 {
		return was
	}
	return Level{Failed: max(0, was.Failed-float64(passed)/float64(l.Every)), At: now}
}

// Next returns how long after now the next attempt may come; zero if at once.
func (l Limit) Next(is Level, now time.Time) time.Duration {
	wait := l.Wait(is.Failed)
	if wait == math.MaxInt64 {
		return wait
	}
	// A time in the future is that of a clock that was set back: the wait
	// begins now, or it would be longer than any that this limit has.
	from := is.At
	if from.After(now) {
		from = now
	}
	return max(0, from.Add(wait).Sub(now))
}

// Idle returns how long after its last attempt a budget is as good as new, and
// may be forgotten.
func (l Limit) Idle(failed float64) time.Duration {
	return max(time.Duration(failed*float64(l.Every)), l.Wait(failed))
}
