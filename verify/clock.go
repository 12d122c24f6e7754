package verify

import (
	"sync/atomic"
	"time"

	"github.com/portaria/portaria/internal/skew"
)

// moments is one moment, in milliseconds of the verifier's own time and of the
// clock on the wall. Only the second shows that a machine slept.
type moments struct{ mono, wall int64 }

// asOf is as of when the rules are known.
type asOf struct {
	moments
	// doubted says that the clocks have been wrong since: nobody can tell how
	// long ago that was.
	doubted bool
}

// moment reads both clocks.
func (f *follower) moment(now time.Time) moments { return moments{f.mono(now), now.UnixMilli()} }

// since is how much time has passed by the clock that moved on further.
func (m moments) since(earlier moments) int64 {
	return max(m.mono-earlier.mono, m.wall-earlier.wall)
}

// jumped reports whether one of the clocks moved on without the other: it was
// set, or the machine stood still.
func (m moments) jumped(earlier moments) bool {
	apart := (m.mono - earlier.mono) - (m.wall - earlier.wall)
	return max(apart, -apart) > maxAhead+m.allowance(earlier)
}

// allowance is how far two clocks can have moved apart since a moment.
func (m moments) allowance(earlier moments) int64 {
	return skew.Allowance(time.Duration(max(m.since(earlier), 0)) * time.Millisecond).Milliseconds()
}

// mono is a time on a clock that only goes forward, in milliseconds; at least
// 1. With a clock of a test it is that clock.
func (f *follower) mono(now time.Time) int64 { return now.Sub(f.began).Milliseconds() + 1 }

// maxAhead is how much older than this clock allows a stream may say that it is
// before the clock is not believed, in milliseconds.
const maxAhead = 1000

// issuerClock is an upper bound of the time that the issuer writes into "iat".
// The issuer proves it with each heartbeat: what it calls w was read after the
// moment t0 + age of this machine. So at that moment its clock showed at most w.
type issuerClock struct {
	bound atomic.Pointer[ceiling]
	peak  skew.Peak // of the issuer's time less this verifier's own; of run
}

// ceiling says that the issuer's clock showed at most issuer at a moment.
type ceiling struct {
	at     moments
	issuer int64
}

// prove takes a heartbeat that speaks of a moment of this verifier's own time.
// One without w proves nothing, and what was proved before may be of another
// process.
func (c *issuerClock) prove(now moments, asOf, wall int64) {
	if wall <= 0 {
		c.forget()
		return
	}
	ahead := c.peak.Note(time.Duration(now.mono)*time.Millisecond, wall-asOf)
	c.bound.Store(&ceiling{now, now.mono + ahead})
}

// forget is for when the clocks of this machine are no longer to be believed.
func (c *issuerClock) forget() { c.bound.Store(nil) }

// latest is what the issuer's clock shows at most; false when that is not known.
func (c *issuerClock) latest(now moments) (int64, bool) {
	b := c.bound.Load()
	if b == nil {
		return 0, false
	}
	return b.issuer + max(now.since(b.at), 0) + now.allowance(b.at), true
}

// maxWall bounds what a heartbeat calls w: a number of JSON.
const maxWall = 1 << 53
