package webhook

import (
	"math/rand/v2"
	"time"

	"github.com/portaria/portaria/internal/event"
)

const (
	// Patience is how long an event is tried before it is given up, counted
	// from when it happened or, for an event that is replayed, from when its
	// receiver began to fail.
	Patience = 72 * time.Hour
	// The greatest wait before a try is this, doubled by each failure, …
	firstWait = 2 * time.Second
	// … up to this.
	longestWait = time.Hour
)

// backoff is how long to wait after so many failures in a row. All of it is
// random (full jitter), so that the subscriptions that failed together do not
// come back together.
func backoff(failures int) time.Duration {
	return rand.N(ceiling(failures)) + 1
}

func ceiling(failures int) time.Duration {
	return min(longestWait, firstWait<<min(failures-1, 16))
}

// hopeless reports whether an event that has just failed once more is to be
// given up. The failures count over all events: when a receiver is away for
// weeks, each event waits three days, not three days after the one before it.
func hopeless(e event.Event, p Progress, now time.Time) bool {
	since := p.FailingSince
	if e.At.After(since) {
		since = e.At
	}
	return now.Sub(since) >= Patience
}

// delivered is the progress after a success.
func (p Progress) delivered(seq int64) Progress { return Progress{Cursor: seq} }

// failed is the progress after a failure, and whether the event is given up.
// The event after one that was given up has its turn at once: there may be many
// that are as old.
func (p Progress) failed(e event.Event, wait time.Duration, now time.Time) (Progress, bool) {
	if p.Failures == 0 {
		p.FailingSince = now
	}
	p.Failures++
	if hopeless(e, p, now) {
		p.Cursor, p.NextAt = e.Seq, time.Time{}
		return p, true
	}
	p.NextAt = now.Add(max(backoff(p.Failures), min(wait, longestWait)))
	return p, false
}
