package feed_test

import (
	"strings"
	"testing"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/feed"
)

// TestWhatIsHandedOn: one ack that the issuer refuses would take all others of a
// relay with it.
func TestWhatIsHandedOn(t *testing.T) {
	tests := map[string]struct {
		change func(*api.FollowerAck)
		want   bool
	}{
		"good":            {func(*api.FollowerAck) {}, true},
		"no name":         {func(a *api.FollowerAck) { a.Verifier = "" }, false},
		"long name":       {func(a *api.FollowerAck) { a.Verifier = strings.Repeat("x", api.MaxVerifierName+1) }, false},
		"the last place":  {func(a *api.FollowerAck) { a.Seq = 1<<53 - 1 }, true},
		"beyond it":       {func(a *api.FollowerAck) { a.Seq = 1 << 53 }, false},
		"before all":      {func(a *api.FollowerAck) { a.Seq = -1 }, false},
		"no lease":        {func(a *api.FollowerAck) { a.Staleness = 0 }, false},
		"another policy":  {func(a *api.FollowerAck) { a.WhenStale = "hope" }, false},
		"a name of bytes": {func(a *api.FollowerAck) { a.Verifier = "\xff" }, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := api.FollowerAck{Verifier: "v1", Seq: 7, Staleness: 10_000, WhenStale: "refuse"}
			test.change(&a)
			if got := feed.Valid(a); got != test.want {
				t.Errorf("valid: %v", got)
			}
		})
	}
}
