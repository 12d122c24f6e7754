package event_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/event"
)

func TestRefusalsAreBounded(t *testing.T) {
	var b event.Bound
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	count := func(n int, address string) (written int) {
		for range n {
			if _, ok := b.Take(event.AccessRefused, address, now); ok {
				written++
			}
		}
		return written
	}
	if got := count(1000, "192.0.2.1"); got != 5 {
		t.Errorf("one address: %d events, want 5", got)
	}
	// Another address, and another type, are not silenced by the first.
	if leftOut, ok := b.Take(event.AccessRefused, "192.0.2.2", now); !ok || leftOut != 995 {
		t.Errorf("a second address: %v, %d left out, want 995", ok, leftOut)
	}
	count(3, "192.0.2.1")
	if _, ok := b.Take(event.CrossSiteRefused, "192.0.2.1", now); !ok {
		t.Error("another type was silenced")
	}
	now = now.Add(10 * time.Minute)
	leftOut, ok := b.Take(event.AccessRefused, "192.0.2.1", now)
	if !ok || leftOut != 3 {
		t.Errorf("after a while: %v, %d left out, want 3", ok, leftOut)
	}
	// Many addresses together.
	total := 0
	for i := range 20_000 {
		total += count(1, fmt.Sprint("a", i))
	}
	if total > 60 {
		t.Errorf("%d events of many addresses at once, want at most 60", total)
	}
	now = now.Add(-time.Hour) // a clock that was set back gives nothing for free
	if got := count(100, "b"); got > 0 {
		t.Errorf("%d events after the clock was set back", got)
	}
}
