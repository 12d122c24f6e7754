package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/portaria/portaria/internal/app/counting"
	"github.com/portaria/portaria/internal/event"
)

// pruneEvery is how often expired rows are deleted: sessions, client assertions, flows,
// events and dead letters.
const pruneEvery = time.Hour

// Upkeep runs all periodic tasks until ctx ends. The returned channel is closed after the
// last one ended.
func (a *App) Upkeep(ctx context.Context) <-chan struct{} {
	ctx = event.From(ctx, event.Origin{}) // events have no actor
	var all sync.WaitGroup
	keep := func(what string, f func(context.Context)) {
		all.Go(func() { a.panics.Keep(ctx, what, f) })
	}
	task := func(what string, first time.Duration, f func(context.Context) time.Duration) {
		keep(what, func(ctx context.Context) {
			delay := first
			first = 0 // run at once after a panic
			repeat(ctx, delay, f)
		})
	}
	task("steady clock", 0, a.keepSteady)
	task("prune", pruneEvery, a.prune)
	task("signing keys", 0, a.MaintainKeys)
	task("prune revocation rules", pruneRulesEvery, a.pruneRevocation)
	task("prune failed sign-ins", pruneUnknownEvery, a.pruneUnknownLogins)
	task("budgets of failed attempts", counting.SaveEvery, a.guard.Save)
	task("report of the guard", counting.SaveEvery, a.guard.Report)
	if len(a.recipients) > 0 {
		task("encryption keys of services", 0, a.FetchKeySets)
	}
	keep("webhooks", a.webhooks.Run)
	keep("event notices", func(ctx context.Context) {
		for range a.store.EventNotifications(ctx) {
			a.webhooks.Wake()
		}
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		all.Wait()
	}()
	return done
}

// Guard runs f. A panic of f is logged and counted, and does not end the process.
func (a *App) Guard(ctx context.Context, what string, f func()) { a.panics.Try(ctx, what, f) }

// repeat runs a task after the first delay, and then after each delay that it returns.
func repeat(ctx context.Context, delay time.Duration, task func(context.Context) time.Duration) {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			timer.Reset(task(ctx))
		}
	}
}

// Prune deletes at once what upkeep deletes periodically.
func (a *App) Prune(ctx context.Context) {
	a.prune(ctx)
	a.pruneRevocation(ctx)
}

func (a *App) prune(ctx context.Context) time.Duration {
	n, err := a.store.PruneSessions(ctx, a.passed())
	switch {
	case err != nil && ctx.Err() == nil:
		a.log.ErrorContext(ctx, "cannot delete expired sessions", "error", err)
	case n > 0:
		a.log.InfoContext(ctx, "deleted expired sessions", "sessions", n)
	}
	if _, err := a.store.PruneAssertions(ctx, a.passed()); err != nil && ctx.Err() == nil {
		a.log.ErrorContext(ctx, "cannot delete expired client assertions", "error", err)
	}
	if _, err := a.store.PruneFlows(ctx, a.passed()); err != nil && ctx.Err() == nil {
		a.log.ErrorContext(ctx, "cannot delete expired flows", "error", err)
	}
	if _, err := a.store.PruneBudgets(ctx, a.settled()); err != nil && ctx.Err() == nil {
		a.log.ErrorContext(ctx, "prune budgets of failed attempts", "error", err)
	}
	if _, err := a.store.PruneEvents(ctx, a.passed().Add(-a.config.EventRetention)); err != nil && ctx.Err() == nil {
		a.log.ErrorContext(ctx, "cannot delete old events", "error", err)
	}
	a.pruneDeadLetters(ctx)
	return pruneEvery
}

// Strangers can cause any number of failed sign-ins with unknown names. So only the newest of
// these events are kept, whatever event_retention is.
const (
	pruneUnknownEvery = 5 * time.Minute
	keepUnknownLogins = 10_000
)

func (a *App) pruneUnknownLogins(ctx context.Context) time.Duration {
	n, err := a.store.PruneUnknownLogins(ctx, keepUnknownLogins)
	switch {
	case err != nil && ctx.Err() == nil:
		a.log.ErrorContext(ctx, "cannot delete failed sign-ins of unknown names", "error", err)
	case n > 0:
		a.log.WarnContext(ctx, "deleted failed sign-ins of unknown names: somebody may be guessing", "events", n)
	}
	return pruneUnknownEvery
}

// MaintainKeys rotates the signing keys when that is due, and reads the changes of other
// processes, such as a revoked key. It returns how long to wait before the next call.
// [App.Upkeep] calls it.
func (a *App) MaintainKeys(ctx context.Context) time.Duration {
	now := a.now()
	up, err := a.ring.MaintainUntil(ctx, now, a.passed())
	err = errors.Join(err, a.verifiers.Expire())
	a.keysChanged.Ring() // before anything that takes time
	err = errors.Join(err, a.promiseClients(ctx), a.audience.Read(ctx))
	for _, c := range up.Changes {
		from, to := c.From.String(), c.To.String()
		if c.New {
			from = "none"
		}
		if c.Deleted {
			to = "deleted"
		}
		a.log.InfoContext(ctx, "signing key changed", "kid", c.Kid, "from", from, "to", to, "why", c.Why)
	}
	if err != nil && ctx.Err() == nil {
		a.log.ErrorContext(ctx, "cannot maintain signing keys", "error", err)
	}
	return up.Next.Sub(now)
}
