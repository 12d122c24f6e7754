package webhook

import (
	"context"
	"time"

	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/webhook/push"
)

// Store keeps subscriptions and what became of deliveries. Each method is one
// atomic step, durable when it returns nil; several processes may share one
// store.
type Store interface {
	Registry
	Queue
	History
}

// Registry keeps subscriptions. Unknown ids are ErrNotFound. The events that a
// method is given are written in the same step as the change.
type Registry interface {
	// Create adds one; ErrTooMany, ErrNoClient.
	Create(ctx context.Context, s Subscription, written ...event.Event) error
	// Find answers one, disabled or not.
	Find(ctx context.Context, id string) (Subscription, error)
	// List answers all, oldest first.
	List(ctx context.Context) ([]Subscription, error)
	// Delete removes one with its history.
	Delete(ctx context.Context, id string, written ...event.Event) error
	// NextSecret raises the generation and sets RotatedAt and KeptGeneration:
	// the generation before, or what is kept if RotatedAt is within Overlap.
	NextSecret(ctx context.Context, id string, at time.Time, written ...event.Event) (Subscription, error)
	// Disable stops delivery; at zero lets it go on, at once. What is disabled
	// already keeps its moment and reason.
	Disable(ctx context.Context, id string, why Reason, at time.Time, written ...event.Event) error
	// Seek sets the cursor, and forgets the failures so far.
	Seek(ctx context.Context, id string, cursor int64, written ...event.Event) error
}

// Queue is how one process at a time delivers to a subscription.
type Queue interface {
	// Lease takes the subscription for a holder, or keeps it for him: false
	// while somebody else holds it, and when it is disabled or deleted.
	Lease(ctx context.Context, l Lease) (Subscription, bool, error)
	// Release lets others take it. Whoever does not hold it changes nothing.
	Release(ctx context.Context, id, holder string) error
	// Record notes what became of a delivery, if the holder still holds the
	// lease and the cursor is still where the step began; otherwise it changes
	// nothing and answers false. It answers the subscription after it.
	Record(ctx context.Context, s Step) (Subscription, bool, error)
}

// History keeps what became of deliveries.
type History interface {
	// Attempts answers the last tries of a subscription, newest first, at most
	// KeptAttempts.
	Attempts(ctx context.Context, id string, limit int) ([]Attempt, error)
	// DeadLetters answers events that were given up, oldest first, those
	// after a place in the log.
	DeadLetters(ctx context.Context, id string, after int64, limit int) ([]Attempt, error)
	// Redelivered notes a try outside of the queue; the dead letter is removed
	// when it succeeded.
	Redelivered(ctx context.Context, id string, a Attempt) error
	// PruneDeadLetters removes those that were given up before t.
	PruneDeadLetters(ctx context.Context, t time.Time) (int, error)
}

// KeptAttempts is how many tries of a subscription are remembered.
const KeptAttempts = 100

// Lease is a process's claim to deliver to a subscription. A holder that dies
// loses it at Until.
type Lease struct {
	ID, Holder string
	Now, Until time.Time
}

// Step is what became of some events, one after the other, or of several that
// were not wanted.
type Step struct {
	ID string
	// Holder holds the lease; empty for a receiver that polls, where only the
	// cursor decides who was first.
	Holder string
	// From is where the cursor is now; after a replay it is elsewhere.
	From int64
	Progress
	// LeaseUntil prolongs the lease.
	LeaseUntil time.Time
	// Delivered are tries that succeeded, oldest first. They come before Attempt.
	Delivered []Attempt
	// Attempt is the last try, whatever became of it; nil when nothing was sent.
	Attempt *Attempt
	// Dead gives the event up, Gone disables the subscription.
	Dead, Gone bool
	// Written are events that are written in the same step.
	Written []event.Event
}

// Attempt is one try to deliver an event.
type Attempt struct {
	Seq     int64
	EventID string
	Type    string
	At      time.Time
	// Status is the HTTP status; 0 when there was no answer.
	Status   int
	Duration time.Duration
	// Failure is empty after a success.
	Failure push.Failure
}

// OK reports whether the receiver acknowledged.
func (a Attempt) OK() bool { return a.Failure == "" }
