package app

import (
	"context"
	"time"
)

const (
	// keepSteadyEvery is how often this process tells the others how much time
	// has passed. They may be behind by that much after they start.
	keepSteadyEvery = 10 * time.Second
	// steadyMargin is how far two processes may be apart on the steady clock.
	steadyMargin = time.Minute
	// jumpLogged is the least jump of the time of day that is logged.
	jumpLogged = 5 * time.Second
)

// settled is a moment that has passed for every process. Rules leave the
// revocation log by it: their end is never before it when they are written, and
// no change of a wall clock moves it.
func (a *App) settled() time.Time { return a.store.Steady().Add(-steadyMargin) }

// passed is a time of day that has certainly passed. Everything whose end was
// written by somebody's wall clock is deleted by it: a clock that was set
// forward deletes nothing early. It may be behind the time of day.
func (a *App) passed() time.Time {
	if now, settled := a.now(), a.settled(); settled.Before(now) {
		return settled
	} else {
		return now
	}
}

// keepSteady keeps the steady clock, and logs when the time of day has jumped.
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
