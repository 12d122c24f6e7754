package issue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/token"
)

// Errors of what clients ask for.
var (
	// ErrScope reports a request for a scope that the client is not registered with, for
	// more scopes than its session has, or for too many for one token.
	ErrScope = errors.New("scope not registered")
	// ErrPower reports a request for scopes over Portaria itself (see clients.Powers) in
	// a token for another audience, or for other scopes in a token for Portaria. It is an
	// ErrScope.
	ErrPower = fmt.Errorf("%w: scopes over Portaria need a token of their own", ErrScope)
	// ErrGrantRefused reports that the client may not use this grant: see
	// clients.Client.May.
	ErrGrantRefused = errors.New("client may not use this grant")
)

// Granted is an access token in a client's own name.
type Granted struct {
	Access    token.Token
	ExpiresIn time.Duration
	// Scope is what was granted: names between single spaces.
	Scope string
}

// ClientCredentials gives a service that has proved who it is an access token
// in its own name (RFC 6749 §4.4): the service is its subject, and there is no
// session. An empty scope asks for all that the service is registered with and
// that a token for this audience may have. Errors: ErrGrantRefused, ErrScope,
// ErrPower, and those of token.Issuer.Recipient.
func (s *Service) ClientCredentials(ctx context.Context, r Request, scope string, now time.Time) (Granted, error) {
	// Everyone can send the id of a client without credentials.
	if !r.Client.May(clients.GrantClientCredentials) || len(r.Client.Secrets) == 0 && r.Client.PublicKey == "" {
		return Granted{}, ErrGrantRefused
	}
	r, granted, err := s.destination(r, scope)
	if err != nil {
		return Granted{}, err
	}
	plan, err := s.Plan(ctx, r, now)
	if err != nil {
		return Granted{}, err
	}
	access, claims, err := s.tokens.MintFor(now, plan.recipient, token.Claims{
		Subject:   r.Client.ID,
		ClientID:  r.Client.ID,
		Scope:     granted,
		Revision:  r.Client.Revision,
		ExpiresAt: now.Add(plan.accessTTL),
	})
	if errors.Is(err, token.ErrTooLarge) {
		// Only the scope of this token can be too long.
		return Granted{}, fmt.Errorf("%w: %w", ErrScope, err)
	}
	if err != nil {
		return Granted{}, fmt.Errorf("issue access token: %w", err)
	}
	// Last: a client that gets 503 can use its assertion again.
	if err := r.Proof.Spend(ctx); err != nil {
		return Granted{}, err
	}
	return Granted{access, claims.Lifetime(now), granted}, nil
}

// destination decides the audience and the scope of a client's token together. Scopes
// over Portaria are granted for the issuer alone, and no other scopes are. A request
// without an audience is for the issuer if it asks for scopes over Portaria alone, or if
// the client has neither audiences nor other scopes.
func (s *Service) destination(r Request, asked string) (Request, string, error) {
	all, err := within(r.Client.Scopes, asked)
	if err != nil {
		return r, "", err
	}
	unfit, fit := divided(all)
	if r.Audience == "" && len(unfit) > 0 && len(fit) == 0 && (asked != "" || len(r.Client.Audiences) == 0) {
		r.Audience = s.tokens.Self()
	}
	if r.Audience == s.tokens.Self() {
		unfit, fit = fit, unfit
	}
	if asked != "" && len(unfit) > 0 {
		return r, "", ErrPower
	}
	return r, strings.Join(fit, " "), nil
}

// divided returns the scopes over Portaria and the other ones.
func divided(scope string) (powers, others []string) {
	for _, name := range strings.Fields(scope) {
		if power(name) {
			powers = append(powers, name)
		} else {
			others = append(others, name)
		}
	}
	return powers, others
}

// within returns the granted scope: the requested names, each once, if all of them are
// registered; without a request, all registered names.
func within(registered []string, asked string) (string, error) {
	if asked == "" {
		return strings.Join(registered, " "), nil
	}
	var granted []string
	for name := range strings.SplitSeq(asked, " ") {
		if !slices.Contains(registered, name) {
			return "", ErrScope
		}
		if !slices.Contains(granted, name) {
			granted = append(granted, name)
		}
	}
	return strings.Join(granted, " "), nil
}

// Registered makes registered services audiences of tokens (see
// token.Policy.Registered): those of clients of the kind service that are not
// disabled.
func Registered(store clients.Finder) func(ctx context.Context, audience string) (token.Service, error) {
	var keys token.EncryptionKeys
	return func(ctx context.Context, audience string) (token.Service, error) {
		if audience == ClientID {
			return token.Service{}, token.ErrAudience // reserved: nothing to read
		}
		c, err := clients.Usable(ctx, store, audience)
		if errors.Is(err, clients.ErrNotAllowed) || err == nil && c.Kind != clients.Service {
			return token.Service{}, token.ErrAudience
		}
		if err != nil {
			return token.Service{}, err
		}
		service := token.Service{Profile: token.Profile(c.Profile)}
		if c.EncryptionKey == "" {
			return service, nil
		}
		service.EncryptTo, err = keys.Parse(c.EncryptionKey)
		return service, err
	}
}
