package guard_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/guard"
)

// away are counters that can be away.
type away struct {
	guard.Counters
	err   error
	asked int
}

func (a *away) Take(ctx context.Context, charges []guard.Charge, solved bool) (guard.Verdict, error) {
	a.asked++
	if a.err != nil {
		return guard.Verdict{}, a.err
	}
	return a.Counters.Take(ctx, charges, solved)
}

// TestFallback: while the shared counters are away, local and smaller budgets
// count; afterwards the shared ones again, and each attempt is given back where
// it was counted.
func TestFallback(t *testing.T) {
	now := time.UnixMilli(1_800_000_000_000)
	clock := func() time.Time { return now }
	shared := &away{Counters: guard.NewMemory(clock)}
	var changes []string
	f := &guard.Fallback{Shared: shared, Local: guard.NewMemory(clock), Now: clock, Changed: func(err error) {
		if err != nil {
			changes = append(changes, "lost")
		} else {
			changes = append(changes, "back")
		}
	}}
	p := guard.DefaultPolicy()
	p.Strangers.Failures = 6
	g, err := guard.New(p, f, []byte(strings.Repeat("k", 32)), clock)
	if err != nil {
		t.Fatal(err)
	}
	begin := func() (*guard.Reservation, bool) {
		t.Helper()
		r, err := g.Begin(t.Context(), ana(from(1)))
		var refused *guard.Refused
		if err != nil && !errors.As(err, &refused) {
			t.Fatal(err)
		}
		return r, err == nil
	}
	count := func() (n int) {
		t.Helper()
		for {
			if _, ok := begin(); !ok {
				return n
			}
			n++
		}
	}
	shared.err = errors.New("connection refused")
	early, _ := begin()
	if got := count(); got != 2 {
		t.Errorf("%d more attempts while the shared counters are away, want 2", got)
	}
	if shared.asked != 1 {
		t.Errorf("the shared counters were asked %d times within a second, want once", shared.asked)
	}
	shared.err = nil
	now = now.Add(2 * time.Second)
	if got := count(); got != 6 {
		t.Errorf("%d attempts after the shared counters are back, want 6", got)
	}
	if err := early.Succeeded(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, ok := begin(); ok {
		t.Error("an attempt that was counted locally was given back to the shared counters")
	}
	if got := strings.Join(changes, " "); got != "lost back" || f.Lost() {
		t.Errorf("changes %q, lost %t", got, f.Lost())
	}
}
