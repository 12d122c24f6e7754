package revoke_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/revoke"
)

func (p *port) claims(id string, seq int64) {
	p.Helper()
	v := revoke.Verifier{Client: "orders", ID: id, Seq: seq, Staleness: 10 * time.Second, WhenStale: "refuse", Seen: time.Now()}
	if err := p.Ack(p.Context(), v); err != nil {
		p.Fatal(err)
	}
}

// TestReceiptsCountWhatWasSent: what a verifier says of itself confirms nothing
// that it was not sent.
func TestReceiptsCountWhatWasSent(t *testing.T) {
	for name, test := range map[string]struct {
		sent      []revoke.Span
		says      int64
		confirmed int
	}{
		"all, and it says so":      {[]revoke.Span{{From: 0, To: 5}}, 5, 1},
		"all, and it says nothing": {[]revoke.Span{{From: 0, To: 9}}, 4, 0},
		"nothing":                  {nil, 5, 0},
		"nothing, and claims all":  {nil, revoke.MaxSeq, 0},
		"only what came before":    {[]revoke.Span{{From: 0, To: 4}}, 5, 0},
		"only what came later":     {[]revoke.Span{{From: 5, To: 9}}, 9, 0},
		"this rule":                {[]revoke.Span{{From: 4, To: 5}}, 5, 1},
		"in two parts that touch":  {[]revoke.Span{{From: 0, To: 3}, {From: 3, To: 7}}, 7, 1},
		"two parts, and not this":  {[]revoke.Span{{From: 0, To: 4}, {From: 5, To: 7}}, 7, 0},
		"an empty part":            {[]revoke.Span{{From: 9, To: 9}}, 9, 0},
		"a part, then one before":  {[]revoke.Span{{From: 4, To: 6}, {From: 0, To: 1}}, 6, 1},
		"a snapshot after a reset": {[]revoke.Span{{From: 7, To: 7}, {From: 0, To: 7}}, 7, 1},
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
				other := revoke.NewFleet(p.register, time.Minute, time.Now)
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
		p.Sent("orders", "relay", revoke.Span{From: 0, To: 4})
		p.says(0, 3, 0, 10*time.Second)
		p.Sent("orders", "relay", revoke.Span{From: 4, To: 5})
		p.says(2, 1, 0, 10*time.Second)
		p.Sent("billing", "nobody", revoke.Span{From: 0, To: 5}) // another client's
		p.says(2, 1, 0, 10*time.Second)
	})
}

// TestProofs: only what was made with the key is one, and it is of one place.
func TestProofs(t *testing.T) {
	key := bytes.Repeat([]byte{7}, 32)
	proofs := revoke.NewProofs(key)
	key2 := append([]byte{1}, key[1:]...)
	for _, seq := range []int64{1, revoke.Seq(1, 7), revoke.MaxSeq} {
		proof := proofs.Of(seq)
		if got := proofs.Seq(proof); got != seq {
			t.Errorf("%s: %d", proof, got)
		}
		if len(proof) > 64 {
			t.Errorf("%d characters", len(proof))
		}
		tag := proof[len(proof)-22:]
		for _, bad := range []string{"", ".", tag, "1" + proof, "0" + proof, "+" + proof, proof + "A", proof[:len(proof)-1],
			proof + ".", proof + "\n", proof[:len(proof)-3] + "\r\n" + proof[len(proof)-3:], revoke.NewProofs(key2).Of(seq), revoke.Proofs{}.Of(seq), "9." + tag} {
			if got := proofs.Seq(bad); got != 0 {
				t.Errorf("%q: %d", bad, got)
			}
		}
	}
	if got := (revoke.Proofs{}).Seq(revoke.Proofs{}.Of(5)); got != 0 {
		t.Errorf("without a key: %d", got)
	}
	// A known answer: other versions must read it.
	if got := proofs.Of(revoke.Seq(1, 7)); got != "4294967303.-bfti4uZ0tLyiR3k0-Z7yA" {
		t.Error(got)
	}
}
