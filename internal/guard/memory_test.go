package guard_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/guard"
	"github.com/portaria/portaria/internal/guard/guardtest"
)

func TestMemory(t *testing.T) {
	guardtest.Run(t, func(_ *testing.T, now func() time.Time) guard.Counters { return guard.NewMemory(now) })
}

// TestMemoryIsBounded: strangers invent names and addresses, and must neither
// fill the memory nor push out those who wait longest.
func TestMemoryIsBounded(t *testing.T) {
	now := time.UnixMilli(1_800_000_000_000)
	m := guard.NewMemory(func() time.Time { return now })
	m.Bound(100)
	long := guard.Limit{Burst: 1, Every: time.Hour, First: time.Hour, Most: time.Hour}
	short := guard.Limit{Burst: 10, Every: time.Minute}
	victim := guard.Charge{Key: "victim", Limit: long}
	for range 3 {
		now = now.Add(time.Hour)
		if _, err := m.Take(t.Context(), []guard.Charge{victim}, false); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 10_000 {
		if _, err := m.Take(t.Context(), []guard.Charge{{Key: fmt.Sprint("stranger ", i), Limit: short, Pair: fmt.Sprint("pair ", i)}}, false); err != nil {
			t.Fatal(err)
		}
	}
	if budgets, pairs := m.Size(); budgets > 100 || pairs > 100 {
		t.Errorf("%d budgets and %d pairs are kept, want at most 100", budgets, pairs)
	}
	if m.Dropped() < 9000 {
		t.Errorf("%d budgets are reported as forgotten early, want over 9000", m.Dropped())
	}
	levels, _, err := m.Levels(t.Context(), []guard.Charge{victim})
	if err != nil || levels[0] == 0 {
		t.Errorf("the budget with the longest wait was forgotten: level %v, %v", levels, err)
	}
}

// TestARestartIsNoAmnesty: what is saved and restored counts as before.
func TestARestartIsNoAmnesty(t *testing.T) {
	now := time.UnixMilli(1_800_000_000_000)
	clock := func() time.Time { return now }
	m := guard.NewMemory(clock)
	a := guard.Charge{Key: "a", Limit: guard.Limit{Burst: 2, Every: time.Minute}}
	b := guard.Charge{Key: "b", Limit: a.Limit}
	for range 2 {
		if v, err := m.Take(t.Context(), []guard.Charge{a, b}, false); err != nil || v.Refused >= 0 {
			t.Fatal(v, err)
		}
	}
	if err := m.Clear(t.Context(), []string{"b"}); err != nil {
		t.Fatal(err)
	}
	now = now.Add(20 * time.Second)
	saved := m.Changed(10)
	if len(saved) != 2 || len(m.Changed(10)) != 0 {
		t.Fatalf("%d changes, want 2 and then none", len(saved))
	}
	restarted := guard.NewMemory(clock)
	restarted.Restore(saved)
	v, err := restarted.Take(t.Context(), []guard.Charge{a}, false)
	if err != nil || v.Refused != 0 || v.Wait != 40*time.Second {
		t.Errorf("after a restart: refused by %d for %v, %v; want by 0 for 40s", v.Refused, v.Wait, err)
	}
	if v, err := restarted.Take(t.Context(), []guard.Charge{b}, false); err != nil || v.Refused >= 0 {
		t.Errorf("a budget that was cleared came back: %+v, %v", v, err)
	}
}
