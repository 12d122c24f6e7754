package view_test

import (
	"testing"

	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/verify/internal/view"
)

// TestCeiling: the clock that moved on further counts, so that neither a clock
// that was set back nor a suspended machine makes a token young.
func TestCeiling(t *testing.T) {
	for what, c := range map[string]struct{ mono, wall, least int64 }{
		"both":             {10_000, 10_000, 10_000},
		"set back":         {10_000, -3_600_000, 10_000},
		"set forward":      {10_000, 70_000, 70_000},
		"suspended":        {10, 60_000, 60_000},
		"read a bit early": {-5, -5, 0},
	} {
		if got := view.IssuerClock(c.mono, c.wall); got < c.least || got > c.least+c.least/500+10 {
			t.Errorf("%s: the issuer's clock moved on by at most %d ms, want %d or a little more", what, got, c.least)
		}
	}
}

// TestPlausiblePositions: a log advances by 2^28 rules and 2^10 epochs at most
// while a verifier is away.
func TestPlausiblePositions(t *testing.T) {
	for _, test := range []struct {
		from, to int64
		want     bool
	}{
		{0, 1<<53 - 1, true}, {0, 1 << 53, false}, {rule.Seq(3, 5), 1 << 53, false},
		{rule.Seq(3, 5), rule.Seq(3, 5+1<<28), true}, {rule.Seq(3, 5), rule.Seq(3, 6+1<<28), false},
		{rule.Seq(3, 5), rule.Seq(3+1<<10, 0), true}, {rule.Seq(3, 5), rule.Seq(4+1<<10, 0), false},
		{rule.Seq(3, 5), rule.Seq(4, 5+1<<28), true}, {rule.Seq(3, 5), rule.Seq(4, 6+1<<28), false},
	} {
		if err := view.Plausible(test.from, test.to); (err == nil) != test.want {
			t.Errorf("from %d to %d: %v", test.from, test.to, err)
		}
	}
}
