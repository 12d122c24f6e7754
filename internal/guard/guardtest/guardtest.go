// Package guardtest holds what all implementations of guard.Counters promise, as
// tests that each of them runs.
package guardtest

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/guard"
)

// Clock is a time that the test sets.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Add moves the time.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// suite is one run on empty counters.
type suite struct {
	*testing.T
	clock    *Clock
	counters guard.Counters
}

// Run runs all tests. open returns counters without any budget, which read the
// time from now.
func Run(t *testing.T, open func(t *testing.T, now func() time.Time) guard.Counters) {
	for name, test := range map[string]func(suite){
		"burst":                 suite.burst,
		"plain waits":           suite.plainWaits,
		"growing waits":         suite.growingWaits,
		"refund":                suite.refund,
		"all or none":           suite.allOrNone,
		"challenge":             suite.challenge,
		"pairs":                 suite.pairs,
		"many at once":          suite.manyAtOnce,
		"levels and clear":      suite.levelsAndClear,
		"clock that is set":     suite.clockThatIsSet,
		"same budget, two ways": suite.sameBudgetTwoWays,
	} {
		t.Run(name, func(t *testing.T) {
			clock := &Clock{now: time.UnixMilli(1_800_000_000_000)}
			test(suite{t, clock, open(t, clock.Now)})
		})
	}
}

var (
	plain   = guard.Limit{Burst: 3, Every: 10 * time.Second}
	growing = guard.Limit{Burst: 3, Every: time.Hour, First: time.Second, Most: 8 * time.Second}
)

func (s suite) take(charges ...guard.Charge) guard.Verdict {
	s.Helper()
	v, err := s.counters.Take(s.Context(), charges, false)
	if err != nil {
		s.Fatal(err)
	}
	return v
}

// allowed takes once and wants it to be allowed.
func (s suite) allowed(charges ...guard.Charge) {
	s.Helper()
	if v := s.take(charges...); v.Refused >= 0 {
		s.Errorf("refused by charge %d for %v, want it allowed", v.Refused, v.Wait)
	}
}

// refused takes once and wants it to be refused by the charge for so long.
func (s suite) refused(by int, wait time.Duration, charges ...guard.Charge) {
	s.Helper()
	v := s.take(charges...)
	if v.Refused != by || (v.Wait-wait).Abs() > time.Millisecond {
		s.Errorf("refused by %d for %v, want by %d for %v", v.Refused, v.Wait, by, wait)
	}
	for i, counted := range v.Counted {
		if counted {
			s.Errorf("charge %d was counted although the attempt was refused", i)
		}
	}
}

func (s suite) burst() {
	a := guard.Charge{Key: "a", Limit: plain}
	for range 3 {
		s.allowed(a)
	}
	s.refused(0, 10*time.Second, a)
	s.allowed(guard.Charge{Key: "b", Limit: plain}) // a budget of its own
}

func (s suite) plainWaits() {
	a := guard.Charge{Key: "a", Limit: plain}
	for range 3 {
		s.allowed(a)
	}
	s.clock.Add(9 * time.Second)
	s.refused(0, time.Second, a)
	s.refused(0, time.Second, a) // to be refused costs nothing
	s.clock.Add(time.Second)
	s.allowed(a)
	s.refused(0, 10*time.Second, a)
	s.clock.Add(time.Minute)
	for range 3 {
		s.allowed(a)
	}
	s.refused(0, 10*time.Second, a)
}

func (s suite) growingWaits() {
	a := guard.Charge{Key: "a", Limit: growing}
	for range 3 {
		s.allowed(a)
	}
	for _, wait := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 8 * time.Second} {
		s.refused(0, wait, a)
		s.clock.Add(wait - time.Millisecond)
		s.refused(0, time.Millisecond, a)
		s.clock.Add(time.Millisecond)
		s.allowed(a)
	}
	s.clock.Add(24 * time.Hour)
	for range 3 {
		s.allowed(a)
	}
	s.refused(0, time.Second, a)
}

func (s suite) refund() {
	a, b := guard.Charge{Key: "a", Limit: plain}, guard.Charge{Key: "b", Limit: plain}
	for range 2 {
		s.allowed(a, b)
	}
	s.allowed(a)
	s.refused(0, 10*time.Second, a)
	if err := s.counters.Refund(s.Context(), []guard.Charge{a}); err != nil {
		s.Fatal(err)
	}
	s.allowed(a) // the one that was given back
	s.refused(0, 10*time.Second, a)
	s.allowed(b)
	s.refused(0, 10*time.Second, b) // nothing of another budget was given back
	for range 5 {
		if err := s.counters.Refund(s.Context(), []guard.Charge{{Key: "c", Limit: plain}}); err != nil {
			s.Fatal(err)
		}
	}
	for range 3 {
		s.allowed(guard.Charge{Key: "c", Limit: plain})
	}
	s.refused(0, 10*time.Second, guard.Charge{Key: "c", Limit: plain}) // nothing is given back in advance
}

func (s suite) allOrNone() {
	a, b := guard.Charge{Key: "a", Limit: plain}, guard.Charge{Key: "b", Limit: plain}
	for range 3 {
		s.allowed(b)
	}
	for range 5 {
		s.refused(1, 10*time.Second, a, b)
	}
	for range 3 {
		s.allowed(a) // was not counted with b
	}
	s.refused(0, 10*time.Second, a)
}

func (s suite) challenge() {
	a := guard.Charge{Key: "a", Limit: plain, Challenge: 2}
	s.allowed(a)
	s.allowed(a)
	s.refused(0, 0, a)
	v, err := s.counters.Take(s.Context(), []guard.Charge{a}, true)
	if err != nil || v.Refused >= 0 {
		s.Errorf("with a solved challenge: refused by %d, %v", v.Refused, err)
	}
	// A solved challenge does not widen the budget.
	v, err = s.counters.Take(s.Context(), []guard.Charge{a}, true)
	if err != nil || v.Refused != 0 || v.Wait != 10*time.Second {
		s.Errorf("beyond the burst with a solved challenge: refused by %d for %v, %v", v.Refused, v.Wait, err)
	}
}

func (s suite) pairs() {
	charge := func(account string) guard.Charge {
		return guard.Charge{Key: "accounts", Limit: plain, Pair: "pair:" + account}
	}
	for range 10 {
		s.allowed(charge("1")) // one account, however often
	}
	s.allowed(charge("2"))
	s.allowed(charge("3"))
	s.refused(0, 10*time.Second, charge("4"))
	s.allowed(charge("1"))
	// A pair that was refused was not remembered.
	s.refused(0, 10*time.Second, charge("4"))
	s.clock.Add(2 * time.Hour)
	v := s.take(charge("1"))
	if v.Refused >= 0 || len(v.Counted) != 1 || !v.Counted[0] {
		s.Errorf("two hours later: %+v, want the pair counted again", v)
	}
}

func (s suite) manyAtOnce() {
	const callers = 200
	a, b := guard.Charge{Key: "a", Limit: guard.Limit{Burst: 17, Every: time.Hour}}, guard.Charge{Key: "b", Limit: guard.Limit{Burst: 40, Every: time.Hour}}
	var allowed atomic.Int64
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			v, err := s.counters.Take(s.Context(), []guard.Charge{a, b}, false)
			if err != nil {
				s.Error(err)
			} else if v.Refused < 0 {
				allowed.Add(1)
			}
		})
	}
	all.Wait()
	if allowed.Load() != 17 {
		s.Errorf("%d of %d were allowed, want 17", allowed.Load(), callers)
	}
	levels, _, err := s.counters.Levels(s.Context(), []guard.Charge{a, b})
	if err != nil || fmt.Sprint(levels) != "[17 17]" {
		s.Errorf("levels %v, %v, want 17 each", levels, err)
	}
}

func (s suite) levelsAndClear() {
	a, b := guard.Charge{Key: "a", Limit: plain}, guard.Charge{Key: "b", Limit: growing}
	for range 3 {
		s.allowed(a, b)
	}
	s.clock.Add(500 * time.Millisecond)
	levels, waits, err := s.counters.Levels(s.Context(), []guard.Charge{a, b, {Key: "c", Limit: plain}})
	if err != nil {
		s.Fatal(err)
	}
	if math.Abs(levels[0]-2.95) > 1e-3 || math.Abs(levels[1]-3) > 1e-3 || levels[2] != 0 {
		s.Errorf("levels %v, want 2.95, 3 and 0", levels)
	}
	if waits[0] != 9500*time.Millisecond || waits[1] != 500*time.Millisecond || waits[2] != 0 {
		s.Errorf("waits %v, want 9.5s, 0.5s and 0", waits)
	}
	if err := s.counters.Clear(s.Context(), []string{"a", "unknown"}); err != nil {
		s.Fatal(err)
	}
	s.allowed(a)
	s.refused(1, 500*time.Millisecond, a, b)
}

// clockThatIsSet: neither a free budget nor an endless wait.
func (s suite) clockThatIsSet() {
	a, b := guard.Charge{Key: "a", Limit: plain}, guard.Charge{Key: "b", Limit: growing}
	for range 3 {
		s.allowed(a, b)
	}
	s.clock.Add(-time.Hour)
	s.refused(0, 10*time.Second, a)
	s.refused(0, time.Second, b)
	s.clock.Add(time.Hour + time.Minute)
	s.allowed(a, b)
}

// sameBudgetTwoWays: a limit that an operator changes applies to what was
// counted before.
func (s suite) sameBudgetTwoWays() {
	a := guard.Charge{Key: "a", Limit: plain}
	for range 3 {
		s.allowed(a)
	}
	a.Limit.Burst = 5
	s.allowed(a)
	s.allowed(a)
	s.refused(0, 10*time.Second, a)
	a.Limit.Burst = 3
	s.refused(0, 30*time.Second, a)
}
