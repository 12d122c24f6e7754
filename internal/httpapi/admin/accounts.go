package admin

import (
	"context"
	"errors"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/httpapi/people"
	"github.com/portaria/portaria/internal/password"
	"github.com/portaria/portaria/internal/session"
)

func (a admin) listAccounts(ctx context.Context, _ access.Caller, in api.AccountPage) (api.Accounts, error) {
	if in.Identifier != "" {
		return a.accountNamed(ctx, in.Identifier)
	}
	at, id, limit, err := endpoint.Window(in.Page)
	if err != nil {
		return api.Accounts{}, err
	}
	list, err := a.Accounts.Store.Accounts(ctx, account.Page{
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

// accountNamed returns a list of one account, or an empty list.
func (a admin) accountNamed(ctx context.Context, identifier string) (api.Accounts, error) {
	canonical, _, err := account.Comparable(identifier)
	if err != nil {
		return api.Accounts{}, err
	}
	found, err := a.Accounts.Store.AccountByIdentifier(ctx, canonical)
	switch {
	case errors.Is(err, account.ErrNotFound):
		return accountsOf(nil), nil
	case err != nil:
		return api.Accounts{}, err
	}
	return accountsOf([]account.Account{found}), nil
}

func accountsOf(list []account.Account) api.Accounts {
	out := api.Accounts{Accounts: make([]api.Account, len(list))}
	for i, a := range list {
		out.Accounts[i] = people.AccountOf(a)
	}
	return out
}

func (a admin) createAccount(ctx context.Context, c access.Caller, in api.Credentials) (api.Created, error) {
	identifier, err := people.Identifier(in)
	if err != nil {
		return api.Created{}, err
	}
	chosen, err := password.Typed(string(in.Password))
	if err != nil {
		return api.Created{}, err
	}
	id, err := a.Accounts.CreateAccount(ctx, identifier, chosen, c.Use.At)
	return api.Created{ID: id}, err
}

func (a admin) showAccount(ctx context.Context, _ access.Caller, in api.ID) (api.Account, error) {
	found, err := a.Accounts.Store.Account(ctx, in.ID)
	return people.AccountOf(found), err
}

func (a admin) disableAccount(ctx context.Context, c access.Caller, in api.ID) (api.Ended, error) {
	n, err := a.Accounts.DisableAccount(ctx, in.ID, c.Use.At)
	return api.Ended{Ended: n}, err
}

func (a admin) enableAccount(ctx context.Context, c access.Caller, in api.ID) (endpoint.None, error) {
	return endpoint.None{}, a.Accounts.Store.EnableAccount(ctx, in.ID, c.Use.At)
}

func (a admin) forgetDevices(ctx context.Context, c access.Caller, in api.ID) (endpoint.None, error) {
	return endpoint.None{}, a.Accounts.ForgetDevices(ctx, in.ID, c.Use.At)
}

func (a admin) deleteAccount(ctx context.Context, c access.Caller, in api.ID) (endpoint.None, error) {
	return endpoint.None{}, a.Accounts.DeleteAccount(ctx, in.ID, c.Use.At)
}

func (a admin) setPassword(ctx context.Context, c access.Caller, in api.NewPassword) (api.Ended, error) {
	chosen, err := password.Typed(string(in.Password))
	if err != nil {
		return api.Ended{}, err
	}
	n, err := a.Accounts.SetPassword(ctx, in.ID, chosen, c.Use.At)
	return api.Ended{Ended: n}, err
}

func (a admin) accountSessions(ctx context.Context, c access.Caller, in api.ID) (api.Sessions, error) {
	if _, err := a.Accounts.Store.Account(ctx, in.ID); err != nil {
		return api.Sessions{}, err
	}
	return people.SessionPage(ctx, a.Sessions, c, api.SessionPage{AccountID: in.ID})
}

func (a admin) endAccountSessions(ctx context.Context, c access.Caller, in api.ID) (api.Ended, error) {
	if _, err := a.Accounts.Store.Account(ctx, in.ID); err != nil {
		return api.Ended{}, err
	}
	n, err := a.Sessions.EndSessions(ctx, session.EndMany{
		AccountID: in.ID,
		Reason:    session.ReasonEndedByAdmin,
		At:        c.Use.At,
	})
	return api.Ended{Ended: n}, err
}

func (a admin) listSessions(ctx context.Context, c access.Caller, in api.SessionPage) (api.Sessions, error) {
	return people.SessionPage(ctx, a.Sessions, c, in)
}

func (a admin) showSession(ctx context.Context, c access.Caller, in api.ID) (api.Session, error) {
	found, err := a.Sessions.Session(ctx, in.ID)
	return people.SessionOf(c, found), err
}

func (a admin) endSession(ctx context.Context, c access.Caller, in api.ID) (endpoint.None, error) {
	return people.EndSession(ctx, a.Sessions, session.End{ID: in.ID, Reason: session.ReasonEndedByAdmin, At: c.Use.At})
}
