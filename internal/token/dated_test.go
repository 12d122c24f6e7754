package token_test

import (
	"errors"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/token"
)

// TestDatedByTheSharedClock: a token is dated by the earlier of two clocks, and
// its life is not cut short by more than half a minute when they differ by more.
func TestDatedByTheSharedClock(t *testing.T) {
	for _, ahead := range []time.Duration{-time.Hour, 0, 9 * time.Second, time.Hour} {
		h := newHouseWith(t, func(p *token.Policy) { p.Latest = func() time.Time { return start.Add(-ahead) } })
		minted, c := h.mint(t, token.Claims{Subject: "u1", AuthTime: start})
		dated := start.Add(-max(ahead, 0))
		if !c.IssuedAt.Equal(dated) || c.NotBefore.After(dated) || c.AuthTime.After(dated) {
			t.Errorf("%v ahead: dated %v, not before %v, proved at %v", ahead, c.IssuedAt, c.NotBefore, c.AuthTime)
		}
		if left := c.ExpiresAt.Sub(start); left != ttl-min(max(ahead, 0), 30*time.Second) {
			t.Errorf("%v ahead: lives for %v", ahead, left)
		}
		if got, want := c.Lifetime(start.Add(time.Second/2)), c.ExpiresAt.Sub(start); got != want {
			t.Errorf("%v ahead: announced a life of %v, want %v", ahead, got, want)
		}
		if _, err := h.verify(t, minted.Reveal(), start); err != nil {
			t.Errorf("%v ahead: %v", ahead, err)
		}
		_, _, err := h.issuer.Mint(start, token.Claims{Subject: "u1", ExpiresAt: start.Add(time.Hour + 31*time.Second)})
		if !errors.Is(err, token.ErrClaims) {
			t.Errorf("%v ahead: lives longer than its key is published: %v", ahead, err)
		}
	}
}
