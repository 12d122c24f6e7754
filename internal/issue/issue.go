// Package issue gives sessions and access tokens to people who have signed in, and access
// tokens to services that have authenticated.
package issue

import (
	"context"
	"fmt"
	"time"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/token"
)

// ClientID is the client of people who sign in to Portaria itself.
const ClientID = "portaria"

// OperatorClientID is the client of the operator's tokens, which belong to no
// session.
const OperatorClientID = "portaria-cli"

// Policy bounds the lifetimes of what is issued. Validate refuses the zero value.
type Policy struct {
	// AccessTTL is the lifetime of access tokens.
	AccessTTL time.Duration
	// RefreshRetry is how long a spent refresh token returns the same successor again,
	// unless its client has another value: see session.Terms.
	RefreshRetry time.Duration
}

// MinAccessTTL and MaxAccessTTL bound Policy.AccessTTL: a shorter token expires before it
// arrives, and people must not stay signed in for longer without a refresh.
const (
	MinAccessTTL = clients.MinTTL
	MaxAccessTTL = clients.MaxAccessTTL
)

// Validate returns a fault of the policy, if there is one.
func (p Policy) Validate() error {
	if p.AccessTTL < MinAccessTTL || p.AccessTTL > MaxAccessTTL {
		return fmt.Errorf("access token lifetime %v: must be between %v and %v", p.AccessTTL, MinAccessTTL, MaxAccessTTL)
	}
	if p.RefreshRetry < 0 {
		return fmt.Errorf("refresh retry %v: must not be negative", p.RefreshRetry)
	}
	return nil
}

// Events appends events that have no step of their own.
type Events interface {
	// Append is that of event.Store.
	Append(ctx context.Context, events []event.Event) error
}

// Service issues sessions and tokens. Make it with New.
type Service struct {
	store  Store
	chain  *session.Chain
	tokens *token.Issuer
	events Events
	policy Policy
}

// Config is what a Service needs. Every field is required.
type Config struct {
	Store  Store
	Chain  *session.Chain
	Tokens *token.Issuer
	Events Events
	Policy Policy
}

// New checks the policy.
func New(c Config) (*Service, error) {
	if err := c.Policy.Validate(); err != nil {
		return nil, fmt.Errorf("policy of issued tokens: %w", err)
	}
	return &Service{c.Store, c.Chain, c.Tokens, c.Events, c.Policy}, nil
}

// Proved is a person who has proved all that the sign-in asks for.
type Proved struct {
	// Account is the account as it was read before its credentials were checked.
	Account account.Account
	Proofs  session.Proofs
	// NewHash replaces the password hash when its parameters are outdated; empty
	// keeps it.
	NewHash string
	// Advice is the new value of Account.PasswordAdvice.
	Advice string
}

// Start stores a session and issues its first tokens, or does neither. Errors:
// account.ErrChanged, and session.ErrEnded for the request's parent.
func (s *Service) Start(ctx context.Context, plan Plan, p Proved, use session.Use) (Tokens, error) {
	plan.terms.Audience, plan.terms.Parent = plan.request.Audience, plan.request.Parent
	started, err := s.chain.Start(p.Account.ID, p.Proofs, plan.terms, use)
	if err != nil {
		return Tokens{}, fmt.Errorf("start session: %w", err)
	}
	g := grant{session: started.Session, refresh: started.Token, plan: plan, fresh: true}
	claims, _ := s.wanted(g, use.At)
	draft, err := s.tokens.Prepare(ctx, use.At, plan.recipient, claims)
	if err != nil {
		return Tokens{}, fmt.Errorf("start session: %w", err)
	}
	g.session.Revision, err = s.store.StartSession(ctx, Start{
		Session: g.session, Account: p.Account, NewHash: p.NewHash, Advice: p.Advice, MostSessions: s.chain.PerAccount(),
	})
	if err != nil {
		return Tokens{}, fmt.Errorf("start session: %w", err)
	}
	return s.issue(g, draft.Mint, use.At)
}

// Fresh issues a fresh access token for a session whose owner has proved a
// credential again, and records the proofs of in. The session keeps its refresh
// token. Errors: session.ErrEnded.
func (s *Service) Fresh(ctx context.Context, plan Plan, in session.Session, now time.Time) (Tokens, error) {
	tokens, err := s.issue(grant{session: in, plan: plan, fresh: true}, s.tokens.MintFor, now)
	if err != nil {
		return Tokens{}, err
	}
	alive, err := s.chain.StepUp(ctx, in.ID, in.Proofs)
	if err != nil {
		return Tokens{}, fmt.Errorf("step up session: %w", err)
	}
	if !alive {
		return Tokens{}, session.ErrEnded
	}
	return tokens, nil
}
