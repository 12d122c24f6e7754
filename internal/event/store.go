package event

import (
	"context"
	"time"
)

// Store keeps the log. Each method is one atomic step. The steps of other
// stores write their events themselves.
type Store interface {
	Reader
	// EventsBefore returns at most limit events before a position in the log,
	// newest first; 0 starts at the newest. With Since or Until, and without
	// AccountID, the order is that of At.
	EventsBefore(ctx context.Context, before int64, f Filter, limit int) (Page, error)
	// Append writes events that come with no step of their own. It sets Seq,
	// and an ID where there is none; Actor, Address and UserAgent are those
	// of the context's Origin where they are empty.
	Append(ctx context.Context, events []Event) error
	// PruneEvents deletes events from before a moment, and returns how many.
	PruneEvents(ctx context.Context, before time.Time) (int, error)
}
