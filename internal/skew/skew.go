// Package skew bounds how far clocks of different machines are apart. It
// compares each clock with a monotonic one, which does not jump.
package skew

import "time"

// Drift is the share of a time by which two clocks that nobody sets can move
// apart, as 1/Drift. Clocks of computers drift by less than 0.01 %, and NTP
// corrects them by at most 0.05 %.
const Drift = 1000

// Allowance is how far two clocks can move apart in a time.
func Allowance(elapsed time.Duration) time.Duration {
	return elapsed/Drift + time.Millisecond
}

// peakSpan is the shortest time for which a Peak remembers a value.
const peakSpan = time.Hour

// Peak is the greatest value of at least the last hour, and at most the last two.
// After a clock is set back, there are tokens that were dated by the old time; the
// peak keeps the old bound for them. The zero value is empty.
type Peak struct {
	began         time.Duration
	before, since int64 // of the hour before began, and from then on
	noted         bool
}

// Note adds a value at a monotonic time, and returns the greatest.
func (p *Peak) Note(at time.Duration, value int64) int64 {
	switch {
	case !p.noted:
		p.noted, p.began, p.before, p.since = true, at, value, value
	case at-p.began >= peakSpan:
		p.began, p.before, p.since = at, p.since, value
	default:
		p.since = max(p.since, value)
	}
	return max(p.before, p.since)
}
