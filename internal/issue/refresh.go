package issue

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/session"
)

// Refresh spends a refresh token, for an access token as requested. The event, if
// any, is to be logged whether or not there is an error. Errors: those of
// session.Chain.Refresh, ErrGrantRefused, and those of token.Issuer.Recipient, also for the audience
// of the sign-in, which counts when the request names none. They spend nothing: a
// client that sends the same token again must not look like a thief.
func (s *Service) Refresh(ctx context.Context, t session.Token, request Request, use session.Use) (Tokens, session.Event, error) {
	plan, err := s.Plan(ctx, request, use.At)
	if err != nil {
		return Tokens{}, session.Event{}, err
	}
	// The client was given no refresh token, unless its policy was another one then.
	if request.Client.Policy.NoRefresh {
		return Tokens{}, session.Event{}, session.ErrTokenInvalid
	}
	if request.forbids(clients.GrantRefreshToken) {
		return Tokens{}, session.Event{}, ErrGrantRefused
	}
	var tokens Tokens
	// The token is minted before the refresh token is spent: its session was read
	// before, and a session that has ended meanwhile is not refreshed.
	got, err := s.chain.RefreshWith(ctx, t, plan.terms, use, func(next session.Refreshed) (err error) {
		if next.Token != "" && request.Audience == "" && next.Session.Audience != "" {
			// The audience of the sign-in, unless another is asked for.
			kept := request
			kept.Audience = next.Session.Audience
			if plan, err = s.Plan(ctx, kept, use.At); err != nil {
				return err
			}
		}
		if next.Token != "" {
			tokens, err = s.issue(grant{session: next.Session, refresh: next.Token, plan: plan}, s.tokens.MintFor, use.At)
		}
		return cmp.Or(err, request.Proof.Spend(ctx))
	})
	err = errors.Join(err, s.remember(ctx, got.Event))
	if err != nil {
		return Tokens{}, got.Event, err
	}
	return tokens, got.Event, nil
}

// remember appends the event of a refresh, unless the step of the refresh wrote it.
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
