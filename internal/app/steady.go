package app

import (
	"context"
	"time"
)

const (
	// keepSteadyEvery is how often this process records how much time has passed. After a
	// start, the steady clock may lag by that much.
	keepSteadyEvery = 10 * time.Second
	// steadyMargin is how far two processes may be apart on the steady clock.
	steadyMargin = time.Minute
	// jumpLogged is the least jump of the time of day that is logged.
	jumpLogged = 5 * time.Second
)

// settled returns a time that has passed for every process. Rules are deleted by it. Their
// end is never before it when they are written, and no change of a wall clock moves it.
func (a *App) settled() time.Time { return a.store.Steady().Add(-steadyMargin) }

// passed returns a time of day that has certainly passed; it may lag the true one. Rows
// whose end comes from a wall clock are deleted by it, so that a clock that was set forward
// deletes nothing early.
func (a *App) passed() time.Time {
	if now, settled := a.now(), a.settled(); settled.Before(now) {
		return settled
	} else {
		return now
	}
}

// keepSteady records the steady clock, and logs a jump of the time of day.
func (a *App) keepSteady(ctx context.Context) time.Duration {
	if err := a.store.KeepSteady(ctx, a.now()); err != nil && ctx.Err() == nil {
		a.log.ErrorContext(ctx, "cannot record the steady clock", "error", err)
	}
	ahead := a.now().Sub(a.store.Steady())
	if jump := (ahead - a.ahead).Abs(); a.ahead != 0 && jump > jumpLogged {
		a.log.WarnContext(ctx, "system clock jumped", "by", ahead-a.ahead)
	}
	a.ahead = ahead
	return keepSteadyEvery
}
