package verify

import (
	"fmt"
	"time"

	"github.com/portaria/portaria/internal/revoke/rule"
)

const (
	// maxAdvance is how many rules a log can have become longer by since it was
	// last heard of: at a hundred a second, those of a month.
	maxAdvance = 1 << 28
	// maxEpochs is how often it can have been set back since.
	maxEpochs = 1 << 10
)

// plausible tells whether a log can have come to a place since it was known to
// be at another. A place is never taken back: with one of somebody who lies, or
// errs, a verifier would wait until it is restarted for the log to come there.
// Nothing is known, and much is possible, while from is 0.
func plausible(from, to int64) error {
	epoch, n := rule.Split(from)
	nextEpoch, next := rule.Split(to)
	if to > rule.MaxSeq || from > 0 && (next > n+maxAdvance || nextEpoch > epoch+maxEpochs) {
		return fmt.Errorf("%w: place %d after %d", errFrame, to, from)
	}
	return nil
}

// unfit is that snapshots were of no use: each time it is longer until another
// is fetched, because they are large. The stream goes on meanwhile.
type unfit struct {
	why   error
	pause time.Duration
	until time.Time
}

const (
	leastPause = time.Second
	mostPause  = time.Minute
)

// note takes how the newest one did.
func (u *unfit) note(err error) {
	if err == nil {
		*u = unfit{}
		return
	}
	u.why, u.pause = err, min(max(leastPause, 2*u.pause), mostPause)
	u.until = time.Now().Add(u.pause)
}

// resting returns why none is fetched yet.
func (u *unfit) resting() error {
	if time.Now().Before(u.until) {
		return u.why
	}
	return nil
}
