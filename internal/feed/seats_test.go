package feed_test

import (
	"testing"

	"github.com/portaria/portaria/internal/feed"
)

// One client cannot take all feeds from the others, nor all together more than
// there are.
func TestAClientHasAShareOfTheFeeds(t *testing.T) {
	var p feed.Seats
	take := func(client string, want int) (release func()) {
		t.Helper()
		for got := 0; ; got++ {
			free, err := p.Take(client)
			if err != nil {
				if got != want {
					t.Errorf("%s gets %d, want %d", client, got, want)
				}
				return release
			}
			release = free
		}
	}
	one := take("greedy", 2048)
	other, err := p.Take("orders")
	if err != nil {
		t.Fatal(err)
	}
	take("basket", 2047)
	take("late", 0)
	one()
	take("greedy", 1)
	other()
	take("late", 1)
}
