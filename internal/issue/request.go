package issue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/token"
)

// Request says what access token is wanted. The zero value is one for Portaria's
// own routes, for people who use Portaria itself, to be sent in a header.
type Request struct {
	// Audience is the service that the token is for. Empty is the first of the client's
	// audiences, or Portaria's own.
	Audience string
	// Client is the application that people use. It is authenticated unless it is public.
	// The zero value is Portaria itself.
	Client clients.Client
	// Proof authenticated the Client. It is spent as late as possible; nil if there is
	// nothing to spend.
	Proof *clients.Proof
	// Parent is the session that a sign-in comes from, at the top of its tree (see
	// session.Session.Root); empty for none.
	Parent string
	// Cookie makes it one that is kept in a cookie: it carries the session's
	// double-submit value as csrf.
	Cookie bool
}

// forbids reports whether the client of the request may not use a grant. Portaria's own
// client may use all.
func (r Request) forbids(g clients.Grant) bool { return r.Client.ID != "" && !r.Client.May(g) }

// CheckPassword returns ErrGrantRefused unless the client of the request may ask people
// for their password.
func (r Request) CheckPassword() error {
	if r.forbids(clients.GrantPassword) {
		return ErrGrantRefused
	}
	return nil
}

// Plan is a request that can be fulfilled. Make it with [Service.Plan].
type Plan struct {
	request   Request
	recipient token.Recipient
	terms     session.Terms
	accessTTL time.Duration
	noRefresh bool
}

// ClientID returns the client that the tokens are for.
func (p Plan) ClientID() string { return p.terms.ClientID }

// Spend uses up the proof of the client, if it is good for one use.
func (p Plan) Spend(ctx context.Context) error { return p.request.Proof.Spend(ctx) }

// Plan finds out whether a request can be fulfilled. Call it before anything is spent
// for the request. For Portaria's own client it reads nothing from a store, unless the
// key ring is stale. Errors: ErrTarget, and those of token.Issuer.Recipient.
func (s *Service) Plan(ctx context.Context, r Request, now time.Time) (p Plan, err error) {
	audience, err := s.audience(r)
	if err != nil {
		return Plan{}, err
	}
	if err = s.tokens.Ready(ctx, now); err != nil {
		return Plan{}, err
	}
	if p.recipient, err = s.tokens.Recipient(ctx, audience, now); err != nil {
		return Plan{}, err
	}
	p.request, p.terms, p.accessTTL = r, session.Terms{ClientID: ClientID}, s.policy.AccessTTL
	p.terms.Retry = min(s.policy.RefreshRetry, p.accessTTL)
	if r.Client.ID == "" {
		return p, nil
	}
	if p.accessTTL, err = s.accessTTL(r.Client, now); err != nil {
		return Plan{}, err
	}
	policy := r.Client.Policy
	p.terms = session.Terms{
		ClientID: r.Client.ID, Idle: policy.Idle, Absolute: policy.Absolute,
		Retry: min(cmp.Or(policy.RefreshRetry, s.policy.RefreshRetry), p.accessTTL),
		// The token of a public client is bound to it only by its single use.
		NoRotation: policy.NoRotation && !r.Client.Public(),
	}
	if p.noRefresh = !r.Client.May(clients.GrantRefreshToken); p.noRefresh {
		// A longer session could not be used any more.
		p.terms.Idle, p.terms.Absolute = p.accessTTL, p.accessTTL
	}
	return p, nil
}

// ErrTarget reports a request for a token for a service that the client is not
// registered with. It is a token.ErrAudience.
var ErrTarget = fmt.Errorf("%w: client not registered with it", token.ErrAudience)

// Unknown returns the audiences for which no tokens are issued. An audience that cannot
// be looked up now is not among them.
func (s *Service) Unknown(ctx context.Context, audiences []string, now time.Time) (unknown []string) {
	for _, audience := range audiences {
		if _, err := s.tokens.Recipient(ctx, audience, now); errors.Is(err, token.ErrAudience) {
			unknown = append(unknown, audience)
		}
	}
	return unknown
}

// audience returns the audience of the token; empty is Portaria's own. The default is
// the first of the client's audiences. People may ask for every audience; if their app
// has audiences, then for those, Portaria's own and the issuer. A service may ask for its
// audiences, or, when it has none, for Portaria's own; and for the issuer when it has
// scopes over Portaria.
func (s *Service) audience(r Request) (string, error) {
	theirs := r.Client.Audiences
	people := r.Client.ID == "" || r.Client.Kind == clients.App
	switch {
	case r.Audience == "" && len(theirs) > 0:
		return theirs[0], nil
	case r.Audience == "", slices.Contains(theirs, r.Audience), people && len(theirs) == 0:
		return r.Audience, nil
	case r.Audience == s.tokens.Audience() && (people || len(theirs) == 0):
		return r.Audience, nil
	case r.Audience == s.tokens.Self() && (people || slices.ContainsFunc(r.Client.Scopes, power)):
		return r.Audience, nil
	}
	return "", ErrTarget
}

func power(scope string) bool { return slices.Contains(clients.Powers(), scope) }

// accessTTL returns the lifetime of a registered client's tokens. It is never longer than
// the signing key stays published.
func (s *Service) accessTTL(c clients.Client, now time.Time) (time.Duration, error) {
	ttl := c.Policy.AccessTTL
	switch {
	case ttl == 0 && c.Kind == clients.Service:
		ttl = clients.ServiceAccessTTL
	case ttl == 0:
		ttl = s.policy.AccessTTL
	}
	longest, err := s.tokens.LongestTTL(now)
	return min(ttl, longest), err
}
