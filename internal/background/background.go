// Package background runs what goes on beside requests. A panic there must not
// end the process, and must not end the work in silence: it is logged with its
// stack (at most once a minute for each work), counted, and the work begins again
// after a pause.
package background

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
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

	mu    sync.Mutex
	works map[string]*work // by name
}

// work is one kind of background work that has panicked.
type work struct {
	logged   time.Time // when a panic was last logged
	unlogged int64     // panics since
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

// quiet is how long further panics of the same work are counted and not logged: work
// that is tried again and again must not fill the log with stacks.
const quiet = time.Minute

// Report counts a panic that somebody has caught, and logs it: the first of each work
// at once, and those after it at most once a minute, with their number. what names
// the work.
func (p *Panics) Report(ctx context.Context, what string, caught *Panic) {
	if p == nil {
		return
	}
	total := p.count.Add(1)
	unlogged, due := p.due(what)
	if !due {
		return
	}
	// A log handler that panics must not end the process either.
	_ = Catch(func() error {
		p.log.LogAttrs(ctx, slog.LevelError, "background work panicked", slog.String("work", what), slog.Any("panic", caught.Value),
			slog.String("stack", string(caught.Stack)), slog.Int64("unlogged", unlogged), slog.Int64("panics", total))
		return nil
	})
}

// due reports whether a panic of this work is to be logged now, and how many were not
// since the last that was.
func (p *Panics) due(what string) (unlogged int64, due bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.works == nil {
		p.works = map[string]*work{}
	}
	w := p.works[what]
	if w == nil {
		w = &work{}
		p.works[what] = w
	}
	now := time.Now()
	if !w.logged.IsZero() && now.Sub(w.logged) < quiet {
		w.unlogged++
		return 0, false
	}
	unlogged, w.logged, w.unlogged = w.unlogged, now, 0
	return unlogged, true
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
