package httpapi

import (
	"context"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/session"
)

func (s *Server) ownSessions(ctx context.Context, c Caller, in api.Page) (api.Sessions, error) {
	return s.sessionPage(ctx, c, api.SessionPage{Page: in, AccountID: c.Session.AccountID})
}

// endOwnSession answers "not found" for the sessions of others, so that ids
// cannot be probed. To end a session other than the caller's own takes a fresh
// proof.
func (s *Server) endOwnSession(ctx context.Context, c Caller, in api.ID) (endpoint.None, error) {
	found, err := s.sessions.Session(ctx, in.ID)
	if err != nil {
		return endpoint.None{}, err
	}
	if found.AccountID != c.Session.AccountID {
		return endpoint.None{}, session.ErrNotFound
	}
	if in.ID != c.Session.ID {
		if err := c.proved(); err != nil {
			return endpoint.None{}, err
		}
	}
	out, err := s.end(ctx, session.End{ID: in.ID, Reason: session.ReasonEndedByOwner, At: c.Use.At})
	if err == nil && in.ID == c.Session.ID {
		c.left()
	}
	return out, err
}

func (s *Server) endOwnSessions(ctx context.Context, c Caller, in api.EndSessions) (api.Ended, error) {
	if err := c.proved(); err != nil {
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
	n, err := s.sessions.EndSessions(ctx, many)
	if err == nil && many.Except == "" {
		c.left()
	}
	return api.Ended{Ended: n}, err
}

// end ends a session that must be alive; one that is not is "not found", as
// it is in no list either.
func (s *Server) end(ctx context.Context, e session.End) (endpoint.None, error) {
	alive, err := s.sessions.EndSession(ctx, e)
	if err == nil && !alive {
		err = session.ErrNotFound
	}
	return endpoint.None{}, err
}

// sessionPage lists living sessions with the names of their owners.
func (s *Server) sessionPage(ctx context.Context, c Caller, in api.SessionPage) (api.Sessions, error) {
	at, id, limit, err := endpoint.Window(in.Page)
	if err != nil {
		return api.Sessions{}, err
	}
	list, err := s.sessions.Sessions(ctx, session.Page{
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
		out.Sessions[i] = c.sessionOf(l.Session)
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
