package httpapi

import (
	"context"
	"errors"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/problem"
	"github.com/portaria/portaria/internal/session"
)

func (s *Server) listAccounts(ctx context.Context, _ Caller, in api.AccountPage) (api.Accounts, error) {
	if in.Identifier != "" {
		return s.accountNamed(ctx, in.Identifier)
	}
	at, id, limit, err := endpoint.Window(in.Page)
	if err != nil {
		return api.Accounts{}, err
	}
	list, err := s.accounts.Accounts(ctx, account.Page{
		After: account.Position{CreatedAt: at, ID: id},
		Limit: limit + 1,
	})
	if err != nil {
		return api.Accounts{}, err
	}
	list, more := endpoint.Cut(list, limit)
	out := accountsOf(list)
	if more {
		last := list[limit-1]
		out.NextCursor = endpoint.Cursor(last.CreatedAt, last.ID)
	}
	return out, nil
}

// accountNamed answers a list of one, or of none.
func (s *Server) accountNamed(ctx context.Context, identifier string) (api.Accounts, error) {
	canonical, err := account.Canonical(identifier)
	if err != nil {
		return api.Accounts{}, err
	}
	a, err := s.accounts.AccountByIdentifier(ctx, canonical)
	switch {
	case errors.Is(err, account.ErrNotFound):
		return accountsOf(nil), nil
	case err != nil:
		return api.Accounts{}, err
	}
	return accountsOf([]account.Account{a}), nil
}

func accountsOf(list []account.Account) api.Accounts {
	out := api.Accounts{Accounts: make([]api.Account, len(list))}
	for i, a := range list {
		out.Accounts[i] = accountOf(a)
	}
	return out
}

func (s *Server) createAccount(ctx context.Context, c Caller, in api.Credentials) (api.Created, error) {
	identifier, err := named(in)
	if err != nil {
		return api.Created{}, err
	}
	id, err := s.people.CreateAccount(ctx, identifier, in.Password, c.Use.At)
	return api.Created{ID: id}, err
}

func (s *Server) showAccount(ctx context.Context, _ Caller, in api.ID) (api.Account, error) {
	a, err := s.accounts.Account(ctx, in.ID)
	return accountOf(a), err
}

func (s *Server) disableAccount(ctx context.Context, c Caller, in api.ID) (api.Ended, error) {
	n, err := s.people.DisableAccount(ctx, in.ID, c.Use.At)
	return api.Ended{Ended: n}, err
}

func (s *Server) enableAccount(ctx context.Context, c Caller, in api.ID) (endpoint.None, error) {
	return endpoint.None{}, s.accounts.EnableAccount(ctx, in.ID, c.Use.At)
}

func (s *Server) deleteAccount(ctx context.Context, c Caller, in api.ID) (endpoint.None, error) {
	return endpoint.None{}, s.people.DeleteAccount(ctx, in.ID, c.Use.At)
}

func (s *Server) setPassword(ctx context.Context, c Caller, in api.NewPassword) (api.Ended, error) {
	n, err := s.people.SetPassword(ctx, in.ID, in.Password, c.Use.At)
	return api.Ended{Ended: n}, err
}

func (s *Server) accountSessions(ctx context.Context, c Caller, in api.ID) (api.Sessions, error) {
	if _, err := s.accounts.Account(ctx, in.ID); err != nil {
		return api.Sessions{}, err
	}
	return s.sessionPage(ctx, c, api.SessionPage{AccountID: in.ID})
}

func (s *Server) endAccountSessions(ctx context.Context, c Caller, in api.ID) (api.Ended, error) {
	if _, err := s.accounts.Account(ctx, in.ID); err != nil {
		return api.Ended{}, err
	}
	n, err := s.sessions.EndSessions(ctx, session.EndMany{
		AccountID: in.ID,
		Reason:    session.ReasonEndedByAdmin,
		At:        c.Use.At,
	})
	return api.Ended{Ended: n}, err
}

func (s *Server) listSessions(ctx context.Context, c Caller, in api.SessionPage) (api.Sessions, error) {
	if in.AccountID != "" && !endpoint.IsID(in.AccountID) {
		return api.Sessions{}, problem.Field("account_id", "expected a UUID")
	}
	return s.sessionPage(ctx, c, in)
}

func (s *Server) showSession(ctx context.Context, c Caller, in api.ID) (api.Session, error) {
	found, err := s.sessions.Session(ctx, in.ID)
	return c.sessionOf(found), err
}

func (s *Server) endSession(ctx context.Context, c Caller, in api.ID) (endpoint.None, error) {
	return s.end(ctx, session.End{ID: in.ID, Reason: session.ReasonEndedByAdmin, At: c.Use.At})
}
