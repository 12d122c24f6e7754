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
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/guard"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/password"
	"github.com/portaria/portaria/internal/session"
)

// Service runs sign-ins. Make it with New.
type Service struct {
	people *account.Directory
	issuer *issue.Service
	events issue.Events
	guard  Guarding
}

// New joins what a sign-in needs.
func New(people *account.Directory, issuer *issue.Service, events issue.Events, guard Guarding) *Service {
	return &Service{people, issuer, events, guard}
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

// Try is what a person types to sign in, and the device tokens that their device has of
// sign-ins before, one for each account.
type Try struct {
	Identifier string
	Password   password.Plain
	Devices    []string
}

// Signed is a sign-in that succeeded: tokens, and the device token that the device keeps
// instead of Replaced, which is empty for a new device.
type Signed struct {
	issue.Tokens
	Device, Replaced string
}

// Password signs in with a password, and returns tokens as requested. Every reason
// that lies in the account is account.ErrNotProved. Other errors: *guard.Refused,
// password.ErrBusy, issue.ErrGrantRefused, and those of issue.Service.Plan.
func (s *Service) Password(ctx context.Context, try Try, request issue.Request, use session.Use) (Signed, error) {
	if err := request.CheckPassword(); err != nil {
		return Signed{}, err // before anything says whether the password is right
	}
	plan, err := s.issuer.Plan(ctx, request, use.At)
	if err != nil {
		return Signed{}, err
	}
	found, name, err := s.people.Find(ctx, try.Identifier)
	if err != nil {
		return Signed{}, err
	}
	device, shown := s.guard.device(found, try.Devices, use.At)
	attempt := Attempt{Account: found, clientID: plan.ClientID(), use: use}
	proof, err := s.guess(ctx, attempt, guard.Attempt{Account: name, Device: device.ID, Address: address(use)}, try.Password)
	if err == nil || errors.Is(err, account.ErrNotProved) {
		// A guess counts as a use of the client's proof. A full queue does not.
		if spent := plan.Spend(ctx); spent != nil {
			return Signed{}, spent
		}
	}
	if err != nil {
		return Signed{}, err
	}
	// Irreversible steps come last: without a device token there is no session either.
	token, err := s.guard.Devices.Token(found.ID, device.ID, use.At)
	if err != nil {
		return Signed{}, fmt.Errorf("sign in: %w", err)
	}
	attempt.Proofs = attempt.Proofs.With(session.MethodPassword, use.At.Truncate(time.Millisecond))
	ctx = password.For(ctx, password.Caller{Network: password.NetworkOf(address(use)), Known: device.ID != ""}) // of a new hash
	tokens, err := s.finish(ctx, attempt, plan, proof, try.Password)
	return Signed{tokens, token, shown}, err
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
// access token as requested. The request names the session's client.
func (s *Service) StepUp(ctx context.Context, in session.Session, plain password.Plain, request issue.Request, now time.Time) (issue.Tokens, error) {
	if err := request.CheckPassword(); err != nil {
		return issue.Tokens{}, err
	}
	request.Audience = cmp.Or(request.Audience, in.Audience)
	plan, err := s.issuer.Plan(ctx, request, now)
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
	// The holder of a session has guesses of their own: strangers cannot spend them.
	attempt := Attempt{Account: a, sessionID: in.ID, clientID: in.ClientID, use: session.Use{At: now}}
	from := session.Use{Address: event.OriginOf(ctx).Address}
	_, err = s.guess(ctx, attempt, guard.Attempt{Account: account.Name(a.ID), Device: "session " + in.ID, Address: address(from)}, plain)
	return a, err
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
