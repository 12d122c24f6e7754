package client

import (
	"context"
	"net/url"

	"github.com/portaria/portaria/api"
)

// The calls of this file need an access token with the scope api.AdminScope.

const (
	adminAccounts = "/v1/admin/accounts"
	adminSessions = "/v1/admin/sessions"
	adminGuard    = "/v1/admin/guard"
)

func accountPath(id string) string { return adminAccounts + "/" + url.PathEscape(id) }

// Accounts lists a page of accounts, newest first.
func (c *Client) Accounts(ctx context.Context, in api.AccountPage) (out api.Accounts, err error) {
	return out, c.do(ctx, "GET", adminAccounts+query(in.Page, "identifier", in.Identifier), nil, &out)
}

// CreateAccount creates an account, also while sign-up is closed.
func (c *Client) CreateAccount(ctx context.Context, in api.Credentials) (out api.Created, err error) {
	return out, c.do(ctx, "POST", adminAccounts, in, &out)
}

// ImportAccounts adds accounts of another system: all of them in one step, except
// those that are refused.
func (c *Client) ImportAccounts(ctx context.Context, in api.AccountImport) (out api.ImportReport, err error) {
	return out, c.do(ctx, "POST", "/v1/admin/accounts/import", in, &out)
}

// Account shows one account.
func (c *Client) Account(ctx context.Context, id string) (out api.Account, err error) {
	return out, c.do(ctx, "GET", accountPath(id), nil, &out)
}

// DisableAccount disables an account and ends its sessions.
func (c *Client) DisableAccount(ctx context.Context, id string) (out api.Ended, err error) {
	return out, c.do(ctx, "POST", accountPath(id)+"/disable", nil, &out)
}

// EnableAccount enables a disabled account.
func (c *Client) EnableAccount(ctx context.Context, id string) error {
	return c.do(ctx, "POST", accountPath(id)+"/enable", nil, nil)
}

// ForgetDevices ends the device tokens of an account.
func (c *Client) ForgetDevices(ctx context.Context, id string) error {
	return c.do(ctx, "DELETE", accountPath(id)+"/devices", nil, nil)
}

// DeleteAccount deletes an account and all that belongs to it.
func (c *Client) DeleteAccount(ctx context.Context, id string) error {
	return c.do(ctx, "DELETE", accountPath(id), nil, nil)
}

// SetPassword sets the password of an account, and ends all its sessions.
func (c *Client) SetPassword(ctx context.Context, id string, password api.Password) (out api.Ended, err error) {
	return out, c.do(ctx, "PUT", accountPath(id)+"/password", api.NewPassword{Password: password}, &out)
}

// EndAccountSessions ends all sessions of an account.
func (c *Client) EndAccountSessions(ctx context.Context, id string) (out api.Ended, err error) {
	return out, c.do(ctx, "POST", accountPath(id)+"/sessions/end", nil, &out)
}

// AllSessions lists a page of who is logged in, newest first.
func (c *Client) AllSessions(ctx context.Context, in api.SessionPage) (out api.Sessions, err error) {
	return out, c.do(ctx, "GET", adminSessions+query(in.Page, "account_id", in.AccountID), nil, &out)
}

// Session shows one session.
func (c *Client) Session(ctx context.Context, id string) (out api.Session, err error) {
	return out, c.do(ctx, "GET", adminSessions+"/"+url.PathEscape(id), nil, &out)
}

// EndAnySession ends a session of any account.
func (c *Client) EndAnySession(ctx context.Context, id string) error {
	return c.do(ctx, "DELETE", adminSessions+"/"+url.PathEscape(id), nil, nil)
}

// Budgets returns the failed attempts of an account or an address.
func (c *Client) Budgets(ctx context.Context, in api.GuardQuery) (out api.Budgets, err error) {
	q := url.Values{}
	if in.AccountID != "" {
		q.Set("account_id", in.AccountID)
	}
	if in.Address != "" {
		q.Set("address", in.Address)
	}
	return out, c.do(ctx, "GET", adminGuard+"?"+q.Encode(), nil, &out)
}

// ClearBudgets forgets the failed attempts of an account or an address.
func (c *Client) ClearBudgets(ctx context.Context, in api.GuardSubject) error {
	return c.do(ctx, "POST", adminGuard+"/clear", in, nil)
}
