package skew_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portaria/portaria/internal/skew"
)

// TestReference: whatever the shared clock shows, and however long its reading
// takes, it is between the two bounds.
func TestReference(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ahead, before, after time.Duration
		var fails error
		read := func(context.Context) (time.Time, error) {
			time.Sleep(before)
			shown := time.Now().Add(ahead)
			time.Sleep(after)
			return shown, fails
		}
		r, err := skew.Measure(t.Context(), read)
		if err != nil {
			t.Fatal(err)
		}
		within := func(what string, most time.Duration) {
			t.Helper()
			low, high := time.Now().Add(ahead).Sub(r.Earliest()), r.Latest(time.Now()).Sub(time.Now().Add(ahead))
			if low < 0 || high < 0 || low > most || high > most {
				t.Errorf("%s: the clock is %v after the one bound and %v before the other, want up to %v", what, low, high, most)
			}
		}
		within("at once", 0)
		update := func() {
			t.Helper()
			if err := r.Update(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		ahead = 9 * time.Second
		update()
		within("set forward", time.Millisecond)
		before, after = 300*time.Millisecond, 200*time.Millisecond
		update()
		within("a slow reading", 510*time.Millisecond)
		before, after, fails = 0, 0, errors.New("away")
		if err := r.Update(t.Context()); !errors.Is(err, fails) {
			t.Error(err)
		}
		time.Sleep(100 * time.Second)
		within("not read for long", 700*time.Millisecond)
		if at := time.Now().Add(-time.Minute); r.Latest(at).Before(at.Add(ahead)) {
			t.Error("the bound of a minute ago is too low")
		}
		// Set back: tokens that are dated by the old time are still about.
		fails, ahead = nil, -time.Minute
		update()
		if r.Latest(time.Now()).Before(time.Now().Add(9*time.Second)) || r.Earliest().After(time.Now().Add(ahead)) {
			t.Errorf("set back: %v to %v", r.Earliest(), r.Latest(time.Now()))
		}
		for range 3 {
			time.Sleep(time.Hour)
			update()
		}
		within("set back hours ago", time.Second)
		if off := r.Offset(time.Now()); off < 59*time.Second || off > time.Minute {
			t.Errorf("this machine is %v ahead, want a minute", off)
		}
	})
}

func TestMeasureFails(t *testing.T) {
	away := errors.New("away")
	if _, err := skew.Measure(t.Context(), func(context.Context) (time.Time, error) { return time.Now(), away }); !errors.Is(err, away) {
		t.Error(err)
	}
}

// TestPeak remembers the greatest value for an hour at least, and for two at
// most.
func TestPeak(t *testing.T) {
	var p skew.Peak
	note := func(at time.Duration, value, want int64) {
		t.Helper()
		if got := p.Note(at, value); got != want {
			t.Errorf("after %v: %d, want %d", at, got, want)
		}
	}
	note(0, -5, -5)
	note(time.Minute, 9, 9)
	note(time.Hour, 3, 9)
	note(2*time.Hour-time.Minute, 2, 9)
	note(2*time.Hour+time.Minute, 1, 3)
	note(3*time.Hour+2*time.Minute, 0, 1)
}
