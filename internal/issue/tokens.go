package issue

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
	// Refresh is empty after a step-up, and where the client's policy has none.
	Refresh          session.Token
	RefreshExpiresIn time.Duration
	SessionID        string
	// CSRF is the session's double-submit value; empty unless it was requested.
	CSRF session.CSRF
	// Fresh says that a password was proved in this very step.
	Fresh bool
}

// grant is what tokens are issued for.
type grant struct {
	// session was read or written before, never after: a token must not know
	// less than its session.
	session session.Session
	// refresh is empty when the session keeps the one it has.
	refresh session.Token
	plan    Plan
	fresh   bool
}

func (g grant) claims() token.Claims {
	return token.Claims{
		Subject:   g.session.AccountID,
		ClientID:  g.session.ClientID,
		SessionID: g.session.ID,
		Root:      g.session.Parent,
		AuthTime:  g.session.AuthTime(),
		AMR:       g.session.Proofs.AMR(),
		ACR:       g.session.Proofs.ACR(),
		Fresh:     g.fresh,
		Revision:  g.session.Revision,
	}
}

// minter signs the access token of a grant: a token.Issuer, or a token.Prepared.
type minter func(now time.Time, r token.Recipient, c token.Claims) (token.Token, token.Claims, error)

// issue mints the access token that goes with a session. Call it before the step
// that spends something for the token; after a step, only with the minter of a token.Prepared.
func (s *Service) issue(g grant, mint minter, now time.Time) (Tokens, error) {
	wanted, csrf := s.wanted(g, now)
	access, claims, err := mint(now, g.plan.recipient, wanted)
	if err != nil {
		return Tokens{}, fmt.Errorf("issue access token: %w", err)
	}
	out := Tokens{
		Access:    access,
		ExpiresIn: claims.Lifetime(now),
		Refresh:   g.refresh,
		SessionID: g.session.ID,
		CSRF:      csrf,
		Fresh:     g.fresh,
	}
	if g.plan.noRefresh {
		out.Refresh = ""
	}
	if out.Refresh != "" {
		out.RefreshExpiresIn = g.session.ExpiresAt.Sub(now.Truncate(time.Millisecond))
	}
	return out, nil
}

// wanted are the claims of a grant's token, and the session's double-submit value
// where it is one of them.
func (s *Service) wanted(g grant, now time.Time) (token.Claims, session.CSRF) {
	c := g.claims()
	var csrf session.CSRF
	if g.plan.request.Cookie {
		csrf = s.chain.CSRF(g.session)
	}
	c.CSRF, c.ExpiresAt = csrf.Reveal(), g.accessExpiry(now)
	return c, csrf
}

// accessExpiry keeps access tokens from outliving their session. In a
// session's last second they get that second: less cannot be written.
func (g grant) accessExpiry(now time.Time) time.Time {
	expiry := now.Add(g.plan.accessTTL)
	if g.session.AbsoluteExpiry.Before(expiry) {
		expiry = g.session.AbsoluteExpiry
	}
	if soonest := now.Add(time.Second); expiry.Before(soonest) {
		return soonest
	}
	return expiry
}
