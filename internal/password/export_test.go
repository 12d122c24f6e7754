package password

import (
	"context"
	"io"
	"time"
)

// For the tests of this package: the rules below the Hasher.
var (
	Kept = kept
	Rest = rest
)

// ParsePHC returns the canonical spelling, the memory and the iterations.
func ParsePHC(s string) (string, uint64, uint64, error) {
	d, err := parsePHC(s)
	return d.String(), uint64(d.memoryKiB), uint64(d.iterations), err
}

// ServeWorker runs a worker on any pipe.
func ServeWorker(in io.Reader, out io.Writer, idle time.Duration) error {
	return serveWorker(in, out, idle, func() time.Duration { return 0 })
}

// Take waits for a turn and keeps it until the returned function is called, as
// a hash that takes so long.
func (h *Hasher) Take() (release func()) {
	s, err := h.wait(context.Background())
	if err != nil {
		panic(err)
	}
	return func() { h.turns.give(s) }
}

// TakeAs is Take for a caller who has a seat in the queue.
func (h *Hasher) TakeAs(ctx context.Context) (release func(), err error) {
	s, err := h.acquire(ctx)
	if err != nil {
		return nil, err
	}
	return func() { h.turns.give(s) }, nil
}
