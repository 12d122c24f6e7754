package feed_test

import (
	"testing"
	"time"

	"github.com/portaria/portaria/internal/feed"
)

// TestHeartbeats: four in a lease, between a quarter of a second and a second.
func TestHeartbeats(t *testing.T) {
	for lease, every := range map[time.Duration]time.Duration{
		0: 250 * time.Millisecond, time.Second: 250 * time.Millisecond, 2 * time.Second: 500 * time.Millisecond,
		4 * time.Second: time.Second, time.Hour: time.Second,
	} {
		if got := feed.BeatEvery(lease); got != every {
			t.Errorf("a heartbeat every %v for a lease of %v", got, lease)
		}
	}
}
