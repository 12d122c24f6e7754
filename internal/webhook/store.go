package webhook

import (
	"context"
	"time"

	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/webhook/push"
)

// Store keeps subscriptions and the results of deliveries. Each method is one atomic step,
// durable when it returns nil. Several processes may share one store.
type Store interface {
	Registry
	Queue
	History
}

// Registry keeps subscriptions. Methods return ErrNotFound for an unknown id. Events that
// are passed to a method are written in the same step as the change.
type Registry interface {
	// Create adds a subscription. Errors: ErrTooMany, ErrNoClient.
	Create(ctx context.Context, s Subscription, written ...event.Event) error
	// Find returns a subscription, disabled or not.
	Find(ctx context.Context, id string) (Subscription, error)
	// List returns all subscriptions, oldest first.
	List(ctx context.Context) ([]Subscription, error)
	// Delete removes a subscription with its history.
	Delete(ctx context.Context, id string, written ...event.Event) error
	// NextSecret raises the generation and sets RotatedAt. It sets KeptGeneration to the
	// generation before, or leaves it if RotatedAt is within Overlap.
	NextSecret(ctx context.Context, id string, at time.Time, written ...event.Event) (Subscription, error)
	// Disable stops delivery; with a zero time it continues delivery at once. A disabled
	// subscription keeps its time and reason.
	Disable(ctx context.Context, id string, why Reason, at time.Time, written ...event.Event) error
	// Seek sets the cursor and resets the failures.
	Seek(ctx context.Context, id string, cursor int64, written ...event.Event) error
}

// Queue makes sure that one process at a time delivers to a subscription.
type Queue interface {
	// Lease takes or prolongs the lease for a holder. It returns false while another
	// holder has it, and for a disabled or deleted subscription.
	Lease(ctx context.Context, l Lease) (Subscription, bool, error)
	// Release ends the lease of this holder. It changes nothing if another one has it.
	Release(ctx context.Context, id, holder string) error
	// Record stores the result of a delivery and returns the subscription after it. It
	// changes nothing and returns false if the holder lost the lease, or if the cursor is
	// no longer where the step began.
	Record(ctx context.Context, s Step) (Subscription, bool, error)
}

// History keeps attempts and dead letters.
type History interface {
	// Attempts returns the last attempts of a subscription, newest first, at most
	// KeptAttempts.
	Attempts(ctx context.Context, id string, limit int) ([]Attempt, error)
	// DeadLetters returns the dead letters after a position in the log, oldest first.
	DeadLetters(ctx context.Context, id string, after int64, limit int) ([]Attempt, error)
	// Redelivered stores an attempt outside of the queue. After a success it removes the
	// dead letter.
	Redelivered(ctx context.Context, id string, a Attempt) error
	// PruneDeadLetters deletes dead letters from before t, and returns how many.
	PruneDeadLetters(ctx context.Context, t time.Time) (int, error)
}

// KeptAttempts is how many attempts of a subscription are stored.
const KeptAttempts = 100

// Lease is the right of one process to deliver to a subscription. It ends at Until unless
// it is prolonged.
type Lease struct {
	ID, Holder string
	Now, Until time.Time
}

// Step is the result of one or more events in a row: delivered, failed, or not wanted.
type Step struct {
	ID string
	// Holder has the lease. It is empty for a receiver that polls: there, the cursor alone
	// decides which of two polls was first.
	Holder string
	// From is the cursor before the step. It does not match after a replay.
	From int64
	Progress
	// LeaseUntil prolongs the lease.
	LeaseUntil time.Time
	// Delivered are successful attempts, oldest first. They come before Attempt.
	Delivered []Attempt
	// Attempt is the last attempt, successful or not; nil if nothing was sent.
	Attempt *Attempt
	// Dead makes the event a dead letter. Gone disables the subscription.
	Dead, Gone bool
	// Written are events to write in the same step.
	Written []event.Event
}

// Attempt is one attempt to deliver an event.
type Attempt struct {
	Seq     int64
	EventID string
	Type    string
	At      time.Time
	// Status is the HTTP status; 0 without a response.
	Status   int
	Duration time.Duration
	// Failure is empty after a success.
	Failure push.Failure
}

// OK reports whether the receiver acknowledged.
func (a Attempt) OK() bool { return a.Failure == "" }
