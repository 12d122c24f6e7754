package view

import (
	"sync/atomic"
	"time"

	"github.com/portaria/portaria/internal/skew"
)

// Moment is one moment, in milliseconds of the verifier's monotonic clock and of
// the wall clock. wall detects time spent suspended, which the monotonic clock
// may not count.
type Moment struct{ mono, wall int64 }

// asOf is the moment as of which the rules are known.
type asOf struct {
	Moment
	// doubted says that the clocks were found to be wrong since: how long ago
	// the moment was is not known.
	doubted bool
}

// Moment reads both clocks.
func (v *View) Moment(now time.Time) Moment { return Moment{v.Mono(now), now.UnixMilli()} }

// Mono returns a time on a clock that only goes forward, in milliseconds; at
// least 1.
func (v *View) Mono(now time.Time) int64 { return now.Sub(v.began).Milliseconds() + 1 }

// since returns how much time has passed, in milliseconds, by the clock that
// moved on further.
func (m Moment) since(earlier Moment) int64 {
	return max(m.mono-earlier.mono, m.wall-earlier.wall)
}

// jumped reports whether one of the clocks moved on without the other: it was
// set, or the machine was suspended.
func (m Moment) jumped(earlier Moment) bool {
	apart := (m.mono - earlier.mono) - (m.wall - earlier.wall)
	return max(apart, -apart) > maxAhead+m.allowance(earlier)
}

// allowance returns how far two clocks can have drifted apart since a moment, in
// milliseconds.
func (m Moment) allowance(earlier Moment) int64 {
	return skew.Allowance(time.Duration(max(m.since(earlier), 0)) * time.Millisecond).Milliseconds()
}

// maxAhead is how much older than this machine's clock allows a stream may claim
// to be before that clock is distrusted, in milliseconds.
const maxAhead = 1000

// issuerClock is an upper bound of the time that the issuer writes into "iat".
// Each heartbeat proves one: the issuer read its wall clock w after the moment
// t0 + age of this machine, so that its clock showed at most w at that moment.
type issuerClock struct {
	bound atomic.Pointer[ceiling]
	peak  skew.Peak // of the issuer's time less this verifier's; of the writer
}

// ceiling says that the issuer's clock showed at most issuer at a moment.
type ceiling struct {
	at     Moment
	issuer int64
}

// prove takes the wall clock of a heartbeat that is about the moment asOf. A
// heartbeat without one proves nothing, and drops what was proved before: that
// may be of another process.
func (c *issuerClock) prove(now Moment, asOf, wall int64) {
	if wall <= 0 {
		c.forget()
		return
	}
	ahead := c.peak.Note(time.Duration(now.mono)*time.Millisecond, wall-asOf)
	c.bound.Store(&ceiling{now, now.mono + ahead})
}

// forget drops the bound, because the clocks of this machine are distrusted.
func (c *issuerClock) forget() { c.bound.Store(nil) }

// latest returns what the issuer's clock shows at most, in milliseconds since
// 1970; false when no bound is proved.
func (c *issuerClock) latest(now Moment) (int64, bool) {
	b := c.bound.Load()
	if b == nil {
		return 0, false
	}
	return b.issuer + max(now.since(b.at), 0) + now.allowance(b.at), true
}

// maxWall bounds the wall clock of a heartbeat: it is a number of JSON.
const maxWall = 1 << 53
