package app

import (
	"context"
	"time"

	"github.com/portaria/portaria/internal/skew"
)

const (
	// measureEvery is how often the clock of the database is read: one small
	// query a second for each process, and none for a request.
	measureEvery = time.Second
	// warnAhead is the difference of clocks above which a warning is logged.
	warnAhead = 2 * time.Second
	warnEvery = time.Hour
)

// sharedClock is the clock of the database, which all issuers on it share, as this process
// measures it. No token is dated after earliest. Followers receive latest, which is an upper
// bound of every "iat", independent of the issuers' own clocks.
type sharedClock struct {
	earliest func() time.Time
	latest   func(asOf time.Time) time.Time
	measured *skew.Reference // nil for a clock that a test sets
}

func (a *App) sharedClock(ctx context.Context, given func() time.Time) (sharedClock, error) {
	if given != nil {
		return sharedClock{earliest: given, latest: func(time.Time) time.Time { return given() }}, nil
	}
	reference, err := skew.Measure(ctx, a.store.Clock)
	if err != nil {
		return sharedClock{}, err
	}
	return sharedClock{reference.Earliest, reference.Latest, reference}, nil
}

// watchClock reads the clock of the database from time to time, and warns when
// that of this machine differs.
func (a *App) watchClock(ctx context.Context) {
	if a.clock.measured == nil {
		return
	}
	complain := complaint{log: func(err error, times int) {
		a.log.Warn("cannot read the clock of the database", "error", err, "times", times)
	}}
	var warned time.Time
	repeat(ctx, measureEvery, func(ctx context.Context) time.Duration {
		if err := a.clock.measured.Update(ctx); err != nil && ctx.Err() == nil {
			complain.about(err)
		}
		off := a.clock.measured.Offset(a.now())
		if max(off, -off) > warnAhead && time.Since(warned) > warnEvery {
			warned = time.Now()
			a.log.WarnContext(ctx, "clock differs from that of the database: tokens are dated by the earlier one", "ahead", off.Round(time.Millisecond))
		}
		return measureEvery
	})
}
