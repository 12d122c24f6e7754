package signin_test

import (
	"testing"
	"time"

	"github.com/portaria/portaria/internal/issue"
)

func TestBoundsOfTheAccessLifetime(t *testing.T) {
	for ttl, ok := range map[time.Duration]bool{
		time.Second - 1: false, time.Second: true, 30 * 24 * time.Hour: true, 30*24*time.Hour + 1: false, 0: false,
	} {
		if err := (issue.Policy{AccessTTL: ttl}).Validate(); (err == nil) != ok {
			t.Errorf("%v: %v", ttl, err)
		}
	}
}
