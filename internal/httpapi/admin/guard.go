package admin

import (
	"context"
	"math"
	"net/netip"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/guard"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/problem"
	"github.com/portaria/portaria/internal/signin"
)

// Guard shows and clears the budgets of failed attempts. A *guard.Guard is one.
type Guard interface {
	Budgets(ctx context.Context, s guard.Subject) ([]guard.Budget, error)
	Clear(ctx context.Context, s guard.Subject) error
}

func (a admin) showGuard(ctx context.Context, _ access.Caller, in api.GuardQuery) (api.Budgets, error) {
	s, err := a.subject(ctx, in.AccountID, in.Address)
	if err != nil {
		return api.Budgets{}, err
	}
	list, err := a.Accounts.Guard.Budgets(ctx, s)
	if err != nil {
		return api.Budgets{}, err
	}
	out := api.Budgets{Budgets: make([]api.Budget, len(list))}
	for i, b := range list {
		out.Budgets[i] = api.Budget{Budget: b.Kind, Failed: math.Round(b.Failed*100) / 100, Allowed: b.Burst, Wait: int64(math.Ceil(b.Wait.Seconds()))}
	}
	return out, nil
}

func (a admin) clearGuard(ctx context.Context, c access.Caller, in api.GuardSubject) (endpoint.None, error) {
	s, err := a.subject(ctx, in.AccountID, in.Address)
	if err != nil {
		return endpoint.None{}, err
	}
	if err := a.Accounts.Guard.Clear(ctx, s); err != nil {
		return endpoint.None{}, err
	}
	e := event.Event{Type: event.GuardCleared, At: c.Use.At.Truncate(time.Millisecond), AccountID: in.AccountID}
	if in.Address != "" {
		e.Detail = map[string]string{"address": in.Address}
	}
	return endpoint.None{}, a.Events.Append(ctx, []event.Event{e})
}

// subject reads whose budgets are meant. The account must exist.
func (a admin) subject(ctx context.Context, id, address string) (guard.Subject, error) {
	if (id == "") == (address == "") {
		return guard.Subject{}, problem.Field("account_id", "give either an account or an address")
	}
	if id != "" {
		found, err := a.Accounts.Account(ctx, id)
		return guard.Subject{Purpose: signin.PurposePassword, Account: account.Name(found.ID)}, err
	}
	parsed, err := netip.ParseAddr(address)
	if err != nil {
		return guard.Subject{}, problem.Field("address", "expected an IP address, such as 192.0.2.1 or 2001:db8::1")
	}
	return guard.Subject{Address: parsed}, nil
}
