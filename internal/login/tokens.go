package login

import (
	"fmt"
	"time"

	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/token"
)

// Tokens are what a sign-in, a refresh or a step-up gives.
type Tokens struct {
	Access    token.Token
	ExpiresIn time.Duration
	// Refresh is empty after a step-up.
	Refresh          session.Token
	RefreshExpiresIn time.Duration
	SessionID        string
	// Fresh says that a password was proved in this very step.
	Fresh bool
}

// issue mints the access token that goes with a session. The session was read
// or written before this, never after: a token must not know less than its
// session.
func (s *Service) issue(in session.Session, refresh session.Token, now time.Time, fresh bool) (Tokens, error) {
	access, claims, err := s.tokens.Mint(now, token.Claims{
		Subject:   in.AccountID,
		ClientID:  in.ClientID,
		SessionID: in.ID,
		AuthTime:  in.AuthTime,
		AMR:       []string{in.Method},
		Fresh:     fresh,
		ExpiresAt: s.accessExpiry(in, now),
	})
	if err != nil {
		return Tokens{}, fmt.Errorf("issue access token: %w", err)
	}
	out := Tokens{
		Access:    access,
		ExpiresIn: claims.ExpiresAt.Sub(claims.IssuedAt),
		Refresh:   refresh,
		SessionID: in.ID,
		Fresh:     fresh,
	}
	if refresh != "" {
		out.RefreshExpiresIn = in.ExpiresAt.Sub(now.Truncate(time.Millisecond))
	}
	return out, nil
}

// accessExpiry keeps access tokens from outliving their session. In a
// session's last second they get that second: less cannot be written.
func (s *Service) accessExpiry(in session.Session, now time.Time) time.Time {
	expiry := now.Add(s.policy.AccessTTL)
	if in.AbsoluteExpiry.Before(expiry) {
		expiry = in.AbsoluteExpiry
	}
	if soonest := now.Add(time.Second); expiry.Before(soonest) {
		return soonest
	}
	return expiry
}
