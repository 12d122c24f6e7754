package rule_test

import (
	"encoding/hex"
	"testing"

	"github.com/portaria/portaria/internal/revoke/rule"
)

// Verifiers of every version and language compute this hash. The values were
// computed from docs alone: SHA-256(salt ‖ kind ‖ 0 ‖ issuer ‖ 0 ‖ value), its
// first 16 bytes.
func TestKnownHashes(t *testing.T) {
	salt, _ := hex.DecodeString("000102030405060708090a0b0c0d0e0f")
	for _, known := range []struct {
		kind  rule.Kind
		value string
		want  string
	}{
		{rule.Token, "jti-1", "5e5e61748e3a6a6fa903efab3df4dace"},
		{rule.Session, "sid-1", "d3d6396d42c3aaae66286446239028cf"},
		{rule.Account, "sub-1", "3b971bc05fdf9c51e3ec0f333fe73cbd"},
		{rule.Client, "client-1", "40e318967b842a3c70633e78e2a40dca"},
		{"uc", "sub-1\x00client-1", "9f9cb4702a31d4e0a9312707ef638c60"},
		{rule.Key, "kid-1", "ce479256e49c9e158be29aca04baf2f5"},
		{rule.Issuer, "https://login.example.org", "13f3a5fc7c66a956492113b26f77a3cb"},
	} {
		if got := rule.Hash(salt, known.kind, "https://login.example.org", known.value); hex.EncodeToString(got[:]) != known.want {
			t.Errorf("%s: %x, want %s", known.kind, got, known.want)
		}
	}
}

// A place in the log is epoch ‖ number, on both sides.
func TestKnownPlaces(t *testing.T) {
	if got := rule.Seq(3, 7); got != 12884901895 {
		t.Errorf("epoch 3, number 7 is %d", got)
	}
	if epoch, n := rule.Split(12884901895); epoch != 3 || n != 7 {
		t.Errorf("12884901895 is epoch %d, number %d", epoch, n)
	}
}
