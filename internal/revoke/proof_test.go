package revoke_test

import (
	"bytes"
	"testing"

	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/rule"
)

// TestProofs: only what was made with the key is one, and it is of one place.
func TestProofs(t *testing.T) {
	key := bytes.Repeat([]byte{7}, 32)
	proofs := revoke.NewProofs(key)
	key2 := append([]byte{1}, key[1:]...)
	for _, seq := range []int64{1, rule.Seq(1, 7), rule.MaxSeq} {
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
	if got := proofs.Of(rule.Seq(1, 7)); got != "4294967303.-bfti4uZ0tLyiR3k0-Z7yA" {
		t.Error(got)
	}
}
