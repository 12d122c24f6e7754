package access

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/problem"
	"github.com/portaria/portaria/internal/serve"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/verify"
)

// Audit writes refused requests to the audit trail, and suspicious refreshes to the log.
type Audit struct {
	Events event.Store
	// Chain finds the session of a refused refresh token.
	Chain *session.Chain
	// Problems has the answers of all errors.
	Problems problem.Table
	Log      *slog.Logger

	bound event.Bound
}

// kind returns the type of the event about an error, or "" when the error is not
// worth an event.
func (a *Audit) kind(err error) event.Type {
	switch {
	case errors.Is(err, clients.ErrNotProved), errors.Is(err, clients.ErrNotAllowed):
		return event.ClientNotProved
	case errors.Is(err, issue.ErrCrossSite), errors.Is(err, verify.ErrCrossSite):
		return event.CrossSiteRefused
	case a.Problems.Of(err).Status == http.StatusForbidden:
		return event.AccessRefused
	}
	return ""
}

// Refused writes an event about a refused request, unless there were too many. A
// failure to write it does not change the response.
func (a *Audit) Refused(ctx context.Context, c Caller, err error) {
	if t := a.kind(err); t != "" {
		a.record(ctx, c, event.Event{Type: t, AccountID: c.AccountID(), SessionID: c.SessionID(), ClientID: c.ClientID(),
			Reason: a.Problems.Of(err).Code})
	}
}

// RefreshRefused writes an event about a refused refresh token. It names the
// session only if the token is genuine. A reuse has events of its own.
func (a *Audit) RefreshRefused(ctx context.Context, c Caller, t session.Token, err error) {
	for _, why := range []error{session.ErrTokenInvalid, session.ErrEnded, session.ErrExpired} {
		if errors.Is(err, why) && !errors.Is(err, session.ErrReused) {
			// Find returns no session for a token that is not genuine.
			found, _ := a.Chain.Find(ctx, t, c.Use.At)
			a.record(ctx, c, event.Event{Type: event.RefreshRefused, AccountID: found.AccountID, SessionID: found.ID,
				ClientID: found.ClientID, Reason: a.Problems.Of(err).Code})
			return
		}
	}
}

// record appends an event about a refusal, unless there were too many.
func (a *Audit) record(ctx context.Context, c Caller, e event.Event) {
	leftOut, ok := a.bound.Take(e.Type, c.Use.Address, c.Use.At)
	if !ok {
		return
	}
	e.At = c.Use.At
	if leftOut > 0 {
		e.Detail = map[string]string{"left_out": strconv.Itoa(leftOut)}
	}
	// The caller may have closed the connection; the event is written all the same.
	if err := a.Events.Append(context.WithoutCancel(ctx), []event.Event{e}); err != nil {
		a.Log.ErrorContext(ctx, "refused request not recorded", "type", string(e.Type), "error", err)
	}
}

// Report logs the reuse of a refresh token. Operators search for these lines when a
// person reports that somebody else used their account.
func (a *Audit) Report(ctx context.Context, e session.Event) {
	if e.Kind == "" {
		return
	}
	a.Log.LogAttrs(ctx, slog.LevelWarn, string(e.Kind),
		slog.String("session_id", e.SessionID),
		slog.String("account_id", e.AccountID),
		slog.String("address", e.Use.Address),
		slog.String("user_agent", e.Use.UserAgent))
}

// ClientRefused logs why a client was not authenticated. The caller does not learn
// the reason; the operator can look it up.
func (a *Audit) ClientRefused(ctx context.Context, err error) {
	if errors.Is(err, clients.ErrNotProved) || errors.Is(err, clients.ErrNotAllowed) {
		a.Log.InfoContext(ctx, "client not authenticated", "reason", err, "request_id", serve.RequestID(ctx))
	}
}
