package feed_test

import (
	"testing"
	"time"

	"github.com/portaria/portaria/internal/feed"
)

// A lease is a duration of at most a year, whatever number a verifier sends.
func TestLeaseIsBounded(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for ms, want := range map[int64]time.Duration{
		1: time.Millisecond, year.Milliseconds() - 1: year - time.Millisecond, year.Milliseconds(): year, year.Milliseconds() + 1: year, 1<<63 - 1: year,
	} {
		if got := feed.LeaseOf(ms); got != want {
			t.Errorf("%d ms: %v, want %v", ms, got, want)
		}
	}
}

// Milliseconds never makes a view look younger: it rounds towards the past.
func TestMillisecondsRoundDown(t *testing.T) {
	for d, want := range map[time.Duration]int64{0: 0, 1: 0, 999_999: 0, 1_000_000: 1, -1: -1, -1_000_000: -1, -1_000_001: -2} {
		if got := feed.Milliseconds(d); got != want {
			t.Errorf("%d ns: %d, want %d", d, got, want)
		}
	}
}

func TestNumbersOfAFeed(t *testing.T) {
	for text, want := range map[string]int64{"": 7, "2": 2, "9": 9, "1": -1, "10": -1, "-2": -1, "x": -1, "2.0": -1, "99999999999999999999": -1} {
		if got, err := feed.Number(text, 7, 2, 9); (err == nil) != (want > 0) || err == nil && got != want {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
}
