package people

import (
	"context"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/session"
)

func (p people) ownSessions(ctx context.Context, c access.Caller, in api.Page) (api.Sessions, error) {
	return SessionPage(ctx, p.Sessions, c, api.SessionPage{Page: in, AccountID: c.Session.AccountID})
}

// endOwnSession ends a session of the caller's account. It answers 404 for sessions of
// others, so that ids cannot be probed. Ending a session other than the caller's own
// needs a fresh proof.
func (p people) endOwnSession(ctx context.Context, c access.Caller, in api.ID) (endpoint.None, error) {
	found, err := p.Sessions.Session(ctx, in.ID)
	if err != nil {
		return endpoint.None{}, err
	}
	if found.AccountID != c.Session.AccountID {
		return endpoint.None{}, session.ErrNotFound
	}
	if in.ID != c.Session.ID {
		if err := c.Proved(); err != nil {
			return endpoint.None{}, err
		}
	}
	out, err := EndSession(ctx, p.Sessions, session.End{ID: in.ID, Reason: session.ReasonEndedByOwner, At: c.Use.At})
	if err == nil && in.ID == c.Session.ID {
		left(c)
	}
	return out, err
}

func (p people) endOwnSessions(ctx context.Context, c access.Caller, in api.EndSessions) (api.Ended, error) {
	if err := c.Proved(); err != nil {
		return api.Ended{}, err
	}
	many := session.EndMany{
		AccountID: c.Session.AccountID,
		Reason:    session.ReasonEndedByOwner,
		At:        c.Use.At,
	}
	if in.Which == "others" {
		many.Except = c.Session.ID
	}
	n, err := p.Sessions.EndSessions(ctx, many)
	if err == nil && many.Except == "" {
		left(c)
	}
	return api.Ended{Ended: n}, err
}

// EndSession ends a live session. For an ended one it returns session.ErrNotFound, as
// lists do not show it either.
func EndSession(ctx context.Context, store session.Store, e session.End) (endpoint.None, error) {
	alive, err := store.EndSession(ctx, e)
	if err == nil && !alive {
		err = session.ErrNotFound
	}
	return endpoint.None{}, err
}

// SessionPage lists live sessions with the identifiers of their owners.
func SessionPage(ctx context.Context, store session.Store, c access.Caller, in api.SessionPage) (api.Sessions, error) {
	at, id, limit, err := endpoint.Window(in.Page)
	if err != nil {
		return api.Sessions{}, err
	}
	list, err := store.Sessions(ctx, session.Page{
		AccountID: in.AccountID,
		After:     session.Position{CreatedAt: at, ID: id},
		Limit:     limit + 1,
		Now:       c.Use.At,
	})
	if err != nil {
		return api.Sessions{}, err
	}
	sessions, more := endpoint.Cut(list.Sessions, limit)
	out := api.Sessions{Sessions: make([]api.Session, len(sessions))}
	for i, l := range sessions {
		out.Sessions[i] = SessionOf(c, l.Session)
		out.Sessions[i].Identifier = l.Identifier
	}
	if more {
		last := sessions[limit-1]
		list.Next = session.Position{CreatedAt: last.CreatedAt, ID: last.ID}
	}
	if list.Next.ID != "" {
		out.NextCursor = endpoint.Cursor(list.Next.CreatedAt, list.Next.ID)
	}
	return out, nil
}
