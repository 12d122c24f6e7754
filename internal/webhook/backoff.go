package webhook

import (
	"math/rand/v2"
	"time"

	"github.com/portaria/portaria/internal/event"
)

const (
	// Patience is how long an event is retried before it becomes a dead letter. It starts
	// when the event happened or, for a replayed event, at the first failure of the
	// receiver.
	Patience = 72 * time.Hour
	// firstWait is the longest wait after the first failure. Each failure doubles it, up to
	// longestWait.
	firstWait   = 2 * time.Second
	longestWait = time.Hour
)

// backoff returns how long to wait after a number of failures in a row. The wait is random
// from zero (full jitter), so that subscriptions that failed together are not retried
// together.
func backoff(failures int) time.Duration {
	return rand.N(ceiling(failures)) + 1
}

func ceiling(failures int) time.Duration {
	return min(longestWait, firstWait<<min(failures-1, 16))
}

// hopeless reports whether an event that failed becomes a dead letter. The time of the first
// failure covers all events: while a receiver is offline for weeks, each event is retried
// for three days, not for three days after the one before it.
func hopeless(e event.Event, p Progress, now time.Time) bool {
	since := p.FailingSince
	if e.At.After(since) {
		since = e.At
	}
	return now.Sub(since) >= Patience
}

// delivered returns the progress after a success.
func (p Progress) delivered(seq int64) Progress { return Progress{Cursor: seq} }

// failed returns the progress after a failure, and whether the event becomes a dead letter.
// The event after a dead letter is attempted at once: many may be as old.
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
