package sqlstore

import (
	"context"
	"sync"
	"time"

	"github.com/portaria/portaria/internal/store/sqlstore/query"
)

// The steady clock measures how much time has passed, for decisions that end
// something. Wall clocks can be set, and those of two machines differ; each process
// only knows for certain what its monotonic clock has counted since it read a value in
// the database. Every sum is a lower bound of the true time, so the greatest of them
// is the clock. It stands still while no process runs.

// steady is this process's reading of the clock. The zero value has not begun.
type steady struct {
	elapsed func() time.Duration

	mu   sync.Mutex
	at   int64         // milliseconds, the last known value; 0 before the first
	mark time.Duration // elapsed when at was learned
}

// saw takes over a value of another process.
func (c *steady) saw(at int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at > c.now() {
		c.at, c.mark = at, c.elapsed()
	}
}

// now needs mu.
func (c *steady) now() int64 {
	if c.at == 0 {
		return 0
	}
	return c.at + (c.elapsed() - c.mark).Milliseconds()
}

func (c *steady) millis() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

// monotonic counts from the call on, and no change of a wall clock moves it.
func monotonic() func() time.Duration {
	start := time.Now()
	return func() time.Duration { return time.Since(start) }
}

// Steady returns the time of the clock that all processes on this database share
// and that no change of a wall clock moves. It is near wall time, but slower: it stops
// while no process runs. The zero time means that KeepSteady was not called yet.
func (s *Store) Steady() time.Time { return steadyMoment(s.clock.millis()) }

// KeepSteady shares the steady clock with the other processes. Call it at the start and
// every few seconds. wall is the time at which the clock of a new database begins.
func (s *Store) KeepSteady(ctx context.Context, wall time.Time) error {
	known := s.clock.millis()
	at, err := s.advanceSteady(ctx, known)
	if err == nil && at == 0 {
		at, err = s.advanceSteady(ctx, millis(wall))
	}
	if err != nil {
		return wrap("keep the steady clock", err)
	}
	s.clock.saw(at)
	return nil
}

func (s *Store) advanceSteady(ctx context.Context, at int64) (int64, error) {
	return write(ctx, s, func(q *query.Queries, ctx context.Context) (int64, error) {
		return q.AdvanceSteady(ctx, at)
	})
}

// steadyMillis and steadyMoment keep a moment of the steady clock in a column
// where 0 stands for none.
func steadyMillis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return millis(t)
}

func steadyMoment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return moment(ms)
}
