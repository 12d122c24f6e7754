package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/verify"
)

// refusalOf returns the type of the event that tells of an error, or "" for
// errors that are no attempt at anything.
func refusalOf(err error) event.Type {
	switch {
	case errors.Is(err, clients.ErrNotProved), errors.Is(err, clients.ErrBarred):
		return event.ClientNotProved
	case errors.Is(err, issue.ErrCrossSite), errors.Is(err, verify.ErrCrossSite):
		return event.CrossSiteRefused
	case problems.Of(err).Status == http.StatusForbidden:
		return event.AccessRefused
	}
	return ""
}

// recordRefusal writes down that a request was refused, unless there were too
// many. The answer is the same when that fails.
func (s *Server) recordRefusal(ctx context.Context, c Caller, err error) {
	if t := refusalOf(err); t != "" {
		s.record(ctx, c, event.Event{Type: t, AccountID: c.account(), SessionID: c.session(), ClientID: c.client(),
			Reason: problems.Of(err).Code})
	}
}

// recordRefusedRefresh writes down that a refresh token was refused. A session
// is named only if the token is one of its own; a reuse has its own events.
func (s *Server) recordRefusedRefresh(ctx context.Context, c Caller, t session.Token, err error) {
	for _, why := range []error{session.ErrTokenInvalid, session.ErrEnded, session.ErrExpired} {
		if errors.Is(err, why) && !errors.Is(err, session.ErrReused) {
			// Of a token that is not genuine, Find returns no session.
			found, _ := s.Chain.Find(ctx, t, c.Use.At)
			s.record(ctx, c, event.Event{Type: event.RefreshRefused, AccountID: found.AccountID, SessionID: found.ID,
				ClientID: found.ClientID, Reason: problems.Of(err).Code})
			return
		}
	}
}

// record appends an event of a refusal, within bounds.
func (s *Server) record(ctx context.Context, c Caller, e event.Event) {
	leftOut, ok := s.refusals.Take(e.Type, c.Use.Address, c.Use.At)
	if !ok {
		return
	}
	e.At = c.Use.At
	if leftOut > 0 {
		e.Detail = map[string]string{"left_out": strconv.Itoa(leftOut)}
	}
	// A caller who hangs up was refused all the same.
	if err := s.Events.Append(context.WithoutCancel(ctx), []event.Event{e}); err != nil {
		s.Log.ErrorContext(ctx, "refused request not recorded", "type", string(e.Type), "error", err)
	}
}
