package background_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portaria/portaria/internal/background"
)

func TestALoopThatPanicsIsLoggedCountedAndRunAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		p := background.New(slog.New(slog.NewTextHandler(&log, nil)))
		var runs []time.Duration
		start := time.Now()
		p.Keep(t.Context(), "upkeep", func(context.Context) {
			if runs = append(runs, time.Since(start)); len(runs) < 4 {
				panic("oops")
			}
		})
		want := []time.Duration{0, 100 * time.Millisecond, 300 * time.Millisecond, 700 * time.Millisecond}
		for i := range want {
			if runs[i] != want[i] {
				t.Errorf("run %d began after %v, want %v", i, runs[i], want[i])
			}
		}
		if p.Count() != 3 || strings.Count(log.String(), "panic=oops") != 1 {
			t.Errorf("%d counted: %s", p.Count(), log.String())
		}
		for _, part := range []string{"work=upkeep", "background_test.go", "panics=1"} {
			if !strings.Contains(log.String(), part) {
				t.Errorf("the log lacks %s", part)
			}
		}
	})
}

// The same work logs one panic a minute, with the number of those before it. Other
// work is logged at once.
func TestPanicsThatRepeatAreLoggedOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		p := background.New(slog.New(slog.NewTextHandler(&log, nil)))
		oops := func() { panic("oops") }
		logged := func(work string, want int) {
			t.Helper()
			p.Try(t.Context(), work, oops)
			if n := strings.Count(log.String(), "work="+work); n != want {
				t.Errorf("%s was logged %d times, want %d: %s", work, n, want, log.String())
			}
		}
		logged("follow", 1)
		logged("follow", 1)
		logged("ack", 1)
		time.Sleep(time.Minute - time.Nanosecond)
		logged("follow", 1)
		time.Sleep(time.Nanosecond)
		logged("follow", 2)
		if !strings.Contains(log.String(), "unlogged=2 panics=5") {
			t.Errorf("the log lacks the number: %s", log.String())
		}
	})
}

// brokenLog is a log handler that panics.
type brokenLog struct{ slog.Handler }

func (brokenLog) Enabled(context.Context, slog.Level) bool  { return true }
func (brokenLog) Handle(context.Context, slog.Record) error { panic("the log is broken") }

func TestALogThatPanicsDoesNotEndTheProcess(t *testing.T) {
	p := background.New(slog.New(brokenLog{}))
	if p.Try(t.Context(), "work", func() { panic("oops") }) || p.Count() != 1 {
		t.Errorf("%d counted", p.Count())
	}
}

func TestThePauseIsBoundedAndShortAgainAfterACalm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := background.New(slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		ended := time.Now()
		var pauses []time.Duration
		p.Keep(ctx, "work", func(context.Context) {
			pauses = append(pauses, time.Since(ended))
			switch {
			case len(pauses) == 15:
				time.Sleep(2 * time.Minute) // it goes well for a while
			case len(pauses) == 17:
				cancel()
			}
			ended = time.Now()
			panic("oops")
		})
		if longest := pauses[14]; longest != 30*time.Second {
			t.Errorf("the longest pause is %v", longest)
		}
		if after := pauses[15]; after != 100*time.Millisecond {
			t.Errorf("the pause after a calm is %v", after)
		}
		if len(pauses) != 17 {
			t.Errorf("%d runs: the loop outlives its context", len(pauses))
		}
	})
}

func TestCatch(t *testing.T) {
	failure := errors.New("x")
	if err := background.Catch(func() error { return failure }); err != failure {
		t.Error(err)
	}
	var caught *background.Panic
	err := background.Catch(func() error { panic(failure) })
	if !errors.As(err, &caught) || caught.Value != failure || err.Error() != "panic: x" || len(caught.Stack) == 0 {
		t.Errorf("%v", err)
	}
}

// A panic of a callback must not end the process either.
func TestCallbacks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		p := background.New(slog.New(slog.NewTextHandler(&log, nil)))
		p.After(time.Second, "timer", func() { panic("oops") })
		p.After(time.Second, "stopped", func() { panic("oops") }).Stop()
		ctx, cancel := context.WithCancel(t.Context())
		p.AfterDone(ctx, "context", func() { panic("oops") })
		p.AfterDone(ctx, "unhooked", func() { panic("oops") })()
		cancel()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if p.Count() != 2 || !strings.Contains(log.String(), "work=timer") || !strings.Contains(log.String(), "work=context") {
			t.Errorf("%d counted: %s", p.Count(), log.String())
		}
	})
}

// Without a log, work is kept alive all the same.
func TestNoLog(t *testing.T) {
	var none *background.Panics
	if none.Try(t.Context(), "work", func() { panic("oops") }) || none.Count() != 0 {
		t.Error("a panic was not noticed")
	}
}
