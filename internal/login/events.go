package login

import (
	"context"
	"errors"
	"fmt"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/session"
)

// Events takes what happened without a step of its own.
type Events interface {
	// Append is that of event.Store.
	Append(ctx context.Context, events []event.Event) error
}

// attempt is where a password was tried.
type attempt struct {
	// session is that of a step-up or a change of password; empty for a
	// sign-in.
	session, client string
	session.Use
}

// Why a sign-in failed, as events say it. Whoever tries is not told.
const (
	reasonUnknown  = "unknown_account"
	reasonWrong    = "wrong_password"
	reasonDisabled = "account_disabled"
)

// failed writes down that a password was refused, for an account that exists as
// for one that does not, so that neither is answered sooner. It answers err, or
// why that could not be written. What was typed is not written down: people
// type their passwords into the wrong field.
func (s *Service) failed(ctx context.Context, proof account.Proof, at attempt, err error) error {
	if !errors.Is(err, account.ErrNotProved) {
		return err
	}
	e := event.Event{
		Type: event.LoginFailed, At: at.At, AccountID: proof.Account.ID, SessionID: at.session, ClientID: at.client,
		Address: at.Address, UserAgent: at.UserAgent, Reason: reasonWrong,
	}
	switch {
	case proof.Account.ID == "":
		e.Reason = reasonUnknown
	case proof.Account.Disabled():
		e.Reason = reasonDisabled
	}
	// Whoever guesses and hangs up has guessed all the same.
	if lost := s.events.Append(context.WithoutCancel(ctx), []event.Event{e}); lost != nil {
		return fmt.Errorf("record failed sign-in: %w", lost)
	}
	return err
}

// remember writes down what a refresh showed, unless the step that it took has
// done so.
func (s *Service) remember(ctx context.Context, seen session.Event) error {
	types := map[session.Kind]event.Type{
		session.ReplayedElsewhere: event.SessionReplayed,
		session.AheadOfStore:      event.SessionAhead,
	}
	t, ok := types[seen.Kind]
	if !ok {
		return nil
	}
	err := s.events.Append(ctx, []event.Event{{
		Type: t, At: seen.Use.At, AccountID: seen.AccountID, SessionID: seen.SessionID,
		Address: seen.Use.Address, UserAgent: seen.Use.UserAgent,
	}})
	if err != nil {
		return fmt.Errorf("record what a refresh showed: %w", err)
	}
	return nil
}
