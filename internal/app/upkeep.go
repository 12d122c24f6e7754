package app

import (
	"context"
	"time"
)

// pruneEvery is how often sessions that nobody can use any more are removed.
const pruneEvery = time.Hour

// Upkeep runs what has to be done from time to time, until ctx ends. The
// channel it answers is closed when nothing of it runs any more.
func (a *App) Upkeep(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(pruneEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				a.prune(ctx)
			}
		}
	}()
	return done
}

func (a *App) prune(ctx context.Context) {
	n, err := a.store.PruneSessions(ctx, a.now())
	switch {
	case err != nil && ctx.Err() == nil:
		a.log.ErrorContext(ctx, "prune sessions", "error", err)
	case n > 0:
		a.log.InfoContext(ctx, "pruned sessions", "sessions", n)
	}
}
