package fleet_test

import (
	"testing"
	"time"

	"github.com/portaria/portaria/internal/revoke/fleet"
	"github.com/portaria/portaria/internal/revoke/rule"
)

func (p *port) claims(id string, seq int64) {
	p.Helper()
	v := fleet.Verifier{Client: "orders", ID: id, Seq: seq, Staleness: 10 * time.Second, WhenStale: "refuse", Seen: time.Now()}
	if err := p.Ack(p.Context(), v); err != nil {
		p.Fatal(err)
	}
}

// TestReceiptsCountWhatWasSent: what a verifier says of itself confirms nothing
// that it was not sent.
func TestReceiptsCountWhatWasSent(t *testing.T) {
	for name, test := range map[string]struct {
		sent      []fleet.Span
		says      int64
		confirmed int
	}{
		"all, and it says so":      {[]fleet.Span{{From: 0, To: 5}}, 5, 1},
		"all, and it says nothing": {[]fleet.Span{{From: 0, To: 9}}, 4, 0},
		"nothing":                  {nil, 5, 0},
		"nothing, and claims all":  {nil, rule.MaxSeq, 0},
		"only what came before":    {[]fleet.Span{{From: 0, To: 4}}, 5, 0},
		"only what came later":     {[]fleet.Span{{From: 5, To: 9}}, 9, 0},
		"this rule":                {[]fleet.Span{{From: 4, To: 5}}, 5, 1},
		"in two parts that touch":  {[]fleet.Span{{From: 0, To: 3}, {From: 3, To: 7}}, 7, 1},
		"two parts, and not this":  {[]fleet.Span{{From: 0, To: 4}, {From: 5, To: 7}}, 7, 0},
		"an empty part":            {[]fleet.Span{{From: 9, To: 9}}, 9, 0},
		"a part, then one before":  {[]fleet.Span{{From: 4, To: 6}, {From: 0, To: 1}}, 6, 1},
		"a snapshot after a reset": {[]fleet.Span{{From: 7, To: 7}, {From: 0, To: 7}}, 7, 1},
	} {
		t.Run(name, func(t *testing.T) {
			inPort(t, func(p *port) {
				p.claims("a", 1)
				for _, part := range test.sent {
					p.Sent("orders", "a", part)
				}
				p.claims("a", test.says)
				p.says(test.confirmed, 1-test.confirmed, 0, 10*time.Second)
				// The same from another process, and after a restart.
				if err := p.Save(p.Context()); err != nil {
					t.Fatal(err)
				}
				other := fleet.New(p.register, time.Minute, time.Now)
				if got, err := other.Receipt(p.Context(), 5, time.Now()); err != nil || got.Confirmed != test.confirmed {
					t.Errorf("%+v, %v", got, err)
				}
			})
		})
	}
}

// TestFollowersOfARelayHaveNoMoreThanIt: nobody sees what a relay sends on, but it
// cannot send on what it was not sent.
func TestFollowersOfARelayHaveNoMoreThanIt(t *testing.T) {
	inPort(t, func(p *port) {
		p.claims("relay", 5)
		p.claims("relay/a", 5)
		p.claims("nobody/b", 5)
		p.says(0, 3, 0, 10*time.Second)
		p.Sent("orders", "relay", fleet.Span{From: 0, To: 4})
		p.says(0, 3, 0, 10*time.Second)
		p.Sent("orders", "relay", fleet.Span{From: 4, To: 5})
		p.says(2, 1, 0, 10*time.Second)
		p.Sent("billing", "nobody", fleet.Span{From: 0, To: 5}) // another client's
		p.says(2, 1, 0, 10*time.Second)
	})
}
