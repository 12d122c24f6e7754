// Package background runs what goes on beside requests. A panic there must not
// end the process, and must not end the work in silence: it is logged with its
// stack, counted, and the work begins again after a pause.
package background

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// The pause after a panic doubles from firstPause to longestPause. It is short
// again after the work has gone well for calm.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = 30 * time.Second
	calm         = time.Minute
)

// Panic is the error that a panic becomes.
type Panic struct {
	Value any
	Stack []byte
}

// Error names the value. The stack belongs in the log alone.
func (p *Panic) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

// Catch returns what f returns. When f panics, the error is a [*Panic].
func Catch(f func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &Panic{value, debug.Stack()}
		}
	}()
	return f()
}

// Panics logs and counts panics. Its nil value does neither, and still keeps
// the process alive. Make it with [New].
type Panics struct {
	log   *slog.Logger
	count atomic.Int64
}

// New returns a counter that is at zero.
func New(log *slog.Logger) *Panics { return &Panics{log: log} }

// Count returns how many panics there were since the start.
func (p *Panics) Count() int64 {
	if p == nil {
		return 0
	}
	return p.count.Load()
}

// Report logs a panic that somebody has caught, and counts it. what names the
// work.
func (p *Panics) Report(ctx context.Context, what string, caught *Panic) {
	if p == nil {
		return
	}
	p.log.LogAttrs(ctx, slog.LevelError, "background work panicked", slog.String("work", what),
		slog.Any("panic", caught.Value), slog.String("stack", string(caught.Stack)), slog.Int64("panics", p.count.Add(1)))
}

// Error returns what f returns. A panic of f is reported, and becomes a [*Panic].
func (p *Panics) Error(ctx context.Context, what string, f func() error) error {
	err := Catch(f)
	var caught *Panic
	if errors.As(err, &caught) {
		p.Report(ctx, what, caught)
	}
	return err
}

// Try runs f once, and reports whether it returned without a panic.
func (p *Panics) Try(ctx context.Context, what string, f func()) bool {
	return p.Error(ctx, what, func() error { f(); return nil }) == nil
}

// Keep runs f until it returns or ctx ends. After a panic it pauses and runs f
// again.
func (p *Panics) Keep(ctx context.Context, what string, f func(context.Context)) {
	pause := firstPause
	for {
		began := time.Now()
		if p.Try(ctx, what, func() { f(ctx) }) {
			return
		}
		if time.Since(began) > calm {
			pause = firstPause
		}
		if !rest(ctx, pause) {
			return
		}
		pause = min(2*pause, longestPause)
	}
}

// After runs f after a time, as [time.AfterFunc] does. A panic of f is reported.
func (p *Panics) After(d time.Duration, what string, f func()) *time.Timer {
	return time.AfterFunc(d, func() { p.Try(context.Background(), what, f) })
}

// AfterDone runs f when ctx ends, as [context.AfterFunc] does. A panic of f is
// reported.
func (p *Panics) AfterDone(ctx context.Context, what string, f func()) (stop func() bool) {
	return context.AfterFunc(ctx, func() { p.Try(context.WithoutCancel(ctx), what, f) })
}

func rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
