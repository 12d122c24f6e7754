package serve

import (
	"context"
	"time"
)

// stoppingKey is the key of [stopping] in the context of a request.
type stoppingKey struct{}

type stopping struct {
	begun chan struct{} // closed when the listener is closed
	grace time.Duration
}

// Stopping returns a channel that is closed when the server of a request takes no
// new ones: a stream must end within Grace from then on, or it is cut off. Outside
// of a request it is nil.
func Stopping(ctx context.Context) <-chan struct{} {
	stop, _ := ctx.Value(stoppingKey{}).(stopping)
	return stop.begun
}

// Grace returns how long a request may continue after Stopping was closed.
func Grace(ctx context.Context) time.Duration {
	stop, _ := ctx.Value(stoppingKey{}).(stopping)
	return stop.grace
}

// Patient notes that a request waits on purpose, so that it is not logged as slow.
func Patient(ctx context.Context) {
	if c, ok := ctx.Value(contextKey{}).(*requestContext); ok {
		c.patient = true
	}
}
