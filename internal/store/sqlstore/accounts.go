package sqlstore

import (
	"context"
	"time"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/internal/store/sqlstore/query"
)

var _ account.Store = (*Store)(nil)

// CreateAccount implements [account.Store].
func (s *Store) CreateAccount(ctx context.Context, a account.Account) error {
	_, err := writeLog(ctx, s, "", func(q *query.Queries, ctx context.Context, add *additions) (none, error) {
		add.event(event.Event{Type: event.AccountCreated, At: a.CreatedAt, AccountID: a.ID})
		return none{}, insertAccount(ctx, q, a)
	})
	return wrap("create account", err)
}

func insertAccount(ctx context.Context, q *query.Queries, a account.Account) error {
	err := q.InsertAccount(ctx, query.InsertAccountParams{
		ID:                a.ID,
		PasswordHash:      a.PasswordHash,
		CreatedAt:         millis(a.CreatedAt),
		PasswordChangedAt: millis(a.PasswordChangedAt),
		DisabledAt:        nullMillis(a.DisabledAt),

		CredentialsVersion: a.CredentialsVersion,
		Attributes:         string(a.Attributes),
	})
	if err != nil {
		return err
	}
	err = q.InsertIdentifier(ctx, query.InsertIdentifierParams{
		Canonical: a.Canonical, AccountID: a.ID, Display: a.Identifier,
		Kind: string(a.Kind()), IsPrimary: true, VerifiedAt: nullMillis(a.VerifiedAt),
	})
	if err != nil || a.PasswordHash == "" {
		return err
	}
	return putPassword(ctx, q, a.ID, a.PasswordHash, a.PasswordChangedAt)
}

// none is the result of a step that returns nothing.
type none struct{}

// AccountByIdentifier implements [account.Store].
func (s *Store) AccountByIdentifier(ctx context.Context, canonical string) (account.Account, error) {
	row, err := read(ctx, s, func(q *query.Queries, ctx context.Context) (query.AccountByIdentifierRow, error) {
		return q.AccountByIdentifier(ctx, canonical)
	})
	if err != nil {
		return account.Account{}, missing("find account", err, account.ErrNotFound)
	}
	return toAccount(row.Account, row.Identifier), nil
}

// Account implements [account.Store].
func (s *Store) Account(ctx context.Context, id string) (account.Account, error) {
	row, err := read(ctx, s, func(q *query.Queries, ctx context.Context) (query.AccountRow, error) {
		return q.Account(ctx, id)
	})
	if err != nil {
		return account.Account{}, missing("find account", err, account.ErrNotFound)
	}
	return toAccount(row.Account, row.Identifier), nil
}

// Accounts implements [account.Store]. A page holds at most 1,000 accounts.
func (s *Store) Accounts(ctx context.Context, p account.Page) ([]account.Account, error) {
	at, id := before(p.After.CreatedAt, p.After.ID)
	rows, err := read(ctx, s, func(q *query.Queries, ctx context.Context) ([]query.AccountsRow, error) {
		return q.Accounts(ctx, query.AccountsParams{AfterCreatedAt: at, AfterID: id, PageLimit: pageLimit(p.Limit)})
	})
	accounts := make([]account.Account, len(rows))
	for i, row := range rows {
		accounts[i] = toAccount(row.Account, row.Identifier)
	}
	return accounts, wrap("list accounts", err)
}

// EnableAccount implements [account.Store].
func (s *Store) EnableAccount(ctx context.Context, id string, now time.Time) error {
	_, err := writeLog(ctx, s, id, func(q *query.Queries, ctx context.Context, add *additions) (none, error) {
		rows, err := q.EnableAccount(ctx, id)
		if err == nil && rows > 0 {
			add.event(event.Event{Type: event.AccountEnabled, At: now, AccountID: id})
		}
		return none{}, ofAccount(ctx, q, id, rows, err)
	})
	return missing("enable account", err, account.ErrNotFound)
}

// ForgetDevices implements [account.Store].
func (s *Store) ForgetDevices(ctx context.Context, id string, now time.Time) error {
	_, err := writeLog(ctx, s, id, func(q *query.Queries, ctx context.Context, add *additions) (none, error) {
		rows, err := q.ForgetDevices(ctx, millis(now), id)
		if err == nil && rows > 0 {
			add.event(event.Event{Type: event.DevicesForgotten, At: now, AccountID: id})
		}
		return none{}, ofAccount(ctx, q, id, rows, err)
	})
	return missing("forget devices", err, account.ErrNotFound)
}

// reasonAttributes is the reason of an account.changed event.
const reasonAttributes = "attributes"

// SetAttributes implements [account.Store].
func (s *Store) SetAttributes(ctx context.Context, id string, attributes account.Attributes, now time.Time) error {
	if len(attributes) > account.MaxAttributes {
		return wrap("set attributes", account.ErrAttributes)
	}
	_, err := writeLog(ctx, s, id, func(q *query.Queries, ctx context.Context, add *additions) (none, error) {
		rows, err := q.SetAttributes(ctx, string(attributes), id)
		if err == nil && rows > 0 {
			add.rules = append(add.rules, addedRule{Rule: rule.Rule{Kind: rule.Account, Value: id, Mode: rule.Soft, At: moment(millis(now))}})
			add.event(event.Event{Type: event.AccountChanged, At: now, AccountID: id, Reason: reasonAttributes})
		}
		return none{}, ofAccount(ctx, q, id, rows, err)
	})
	return missing("set attributes", err, account.ErrNotFound)
}

// ofAccount returns account.ErrNotFound if an update changed nothing because the account
// does not exist.
func ofAccount(ctx context.Context, q *query.Queries, id string, rows int64, err error) error {
	if err != nil || rows > 0 {
		return err
	}
	exists, err := q.AccountExists(ctx, id)
	if err == nil && !exists {
		err = account.ErrNotFound
	}
	return err
}

func toAccount(a query.Account, i query.Identifier) account.Account {
	return account.Account{
		ID:                a.ID,
		Identifier:        i.Display,
		Canonical:         i.Canonical,
		PasswordHash:      a.PasswordHash,
		CreatedAt:         moment(a.CreatedAt),
		PasswordChangedAt: moment(a.PasswordChangedAt),
		DisabledAt:        nullMoment(a.DisabledAt),
		VerifiedAt:        nullMoment(i.VerifiedAt),
		Attributes:        account.Attributes(a.Attributes),
		PasswordAdvice:    a.PasswordAdvice,
		DevicesSince:      steadyMoment(a.DevicesSince),

		CredentialsVersion: a.CredentialsVersion,
	}
}
