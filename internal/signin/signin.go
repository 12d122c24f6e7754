// Package signin proves who people are: when they sign in, and again within a
// session.
package signin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/password"
	"github.com/portaria/portaria/internal/session"
)

// Service runs sign-ins. Make it with New.
type Service struct {
	people *account.Directory
	issuer *issue.Service
	events issue.Events
}

// New joins what a sign-in needs.
func New(people *account.Directory, issuer *issue.Service, events issue.Events) *Service {
	return &Service{people, issuer, events}
}

// Attempt is one sign-in, or one proof within a session: whom it is about, and what
// they have proved.
type Attempt struct {
	// Account is the account as it was read; without an ID while it is unknown.
	Account account.Account
	Proofs  session.Proofs
	// sessionID is empty for a sign-in.
	sessionID, clientID string
	use                 session.Use
	// advice is the new account.Account.PasswordAdvice.
	advice string
}

// Missing returns the kinds of credentials of which one has to be proved before the
// attempt is complete; none when it is.
func (a Attempt) Missing() []account.CredentialKind {
	if len(a.Proofs) > 0 {
		return nil
	}
	return []account.CredentialKind{account.Password}
}

// Password signs in with a password, and returns tokens as wished. Every reason
// that lies in the account is account.ErrNotProved. Other errors: password.ErrBusy,
// issue.ErrGrantRefused, and those of issue.Service.Plan.
func (s *Service) Password(ctx context.Context, identifier string, plain password.Plain, wish issue.Wish, use session.Use) (issue.Tokens, error) {
	if err := wish.CheckPassword(); err != nil {
		return issue.Tokens{}, err // before anything says whether the password is right
	}
	plan, err := s.issuer.Plan(ctx, wish, use.At)
	if err != nil {
		return issue.Tokens{}, err
	}
	proof, err := s.people.Prove(ctx, identifier, plain)
	if err == nil || errors.Is(err, account.ErrNotProved) {
		// A guess counts as a use of the client's proof. A full queue does not.
		if spent := plan.Spend(ctx); spent != nil {
			return issue.Tokens{}, spent
		}
	}
	attempt := Attempt{Account: proof.Account, clientID: plan.ClientID(), use: use}
	if err != nil {
		return issue.Tokens{}, s.failed(ctx, attempt, err)
	}
	attempt.Proofs = attempt.Proofs.With(session.MethodPassword, use.At.Truncate(time.Millisecond))
	return s.finish(ctx, attempt, plan, proof, plain)
}

// complete starts the session of an attempt that misses nothing.
func (s *Service) complete(ctx context.Context, a Attempt, plan issue.Plan, newHash string) (issue.Tokens, error) {
	if missing := a.Missing(); len(missing) > 0 {
		return issue.Tokens{}, fmt.Errorf("%w: missing %v", account.ErrNotProved, missing)
	}
	tokens, err := s.issuer.Start(ctx, plan, issue.Proved{Account: a.Account, Proofs: a.Proofs, NewHash: newHash, Advice: a.advice}, a.use)
	if errors.Is(err, account.ErrChanged) {
		// The proof was right when the account was read. It no longer is.
		return issue.Tokens{}, fmt.Errorf("%w: %w", account.ErrNotProved, err)
	}
	return tokens, err
}

// StepUp proves the password again within a living session, and returns a fresh
// access token as wished. The wish names the session's client.
func (s *Service) StepUp(ctx context.Context, in session.Session, plain password.Plain, wish issue.Wish, now time.Time) (issue.Tokens, error) {
	if err := wish.CheckPassword(); err != nil {
		return issue.Tokens{}, err
	}
	wish.Audience = cmp.Or(wish.Audience, in.Audience)
	plan, err := s.issuer.Plan(ctx, wish, now)
	if err != nil {
		return issue.Tokens{}, err
	}
	if _, err := s.Owner(ctx, in, plain, now); err != nil {
		return issue.Tokens{}, err
	}
	in.Proofs = in.Proofs.With(session.MethodPassword, now.Truncate(time.Millisecond))
	return s.issuer.Fresh(ctx, plan, in, now)
}

// Owner checks the password of the account that a session belongs to, and returns
// the account as it was read.
func (s *Service) Owner(ctx context.Context, in session.Session, plain password.Plain, now time.Time) (account.Account, error) {
	a, err := s.people.Account(ctx, in.AccountID)
	if err != nil {
		return account.Account{}, err
	}
	_, err = s.people.ProveFor(ctx, a, plain)
	return a, s.failed(ctx, Attempt{Account: a, sessionID: in.ID, clientID: in.ClientID, use: session.Use{At: now}}, err)
}

// Change is a new password that a signed-in person asks for.
type Change struct {
	Session session.Session
	Current password.Plain
	New     password.Plain
	At      time.Time
}

// ChangePassword checks the current password, replaces it, and ends the account's
// other sessions in the same step.
func (s *Service) ChangePassword(ctx context.Context, c Change) error {
	a, err := s.Owner(ctx, c.Session, c.Current, c.At)
	if err != nil {
		return err
	}
	return s.people.ChangePassword(ctx, a, c.New, c.Session.ID, c.At)
}
