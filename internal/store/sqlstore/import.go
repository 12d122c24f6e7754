package sqlstore

import (
	"context"
	"errors"
	"time"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/store/sqlstore/query"
)

// importTries bounds how often an import starts again because another process took
// one of its names meanwhile. Only PostgreSQL has more than one writer.
const importTries = 5

// ImportAccounts implements [account.Store].
func (s *Store) ImportAccounts(ctx context.Context, list []account.Account, at time.Time, dry bool) (results []error, err error) {
	for range importTries {
		results, err = s.importAccounts(ctx, list, at, dry)
		if !errors.Is(err, account.ErrIdentifierTaken) {
			break
		}
	}
	return results, wrap("import accounts", err)
}

func (s *Store) importAccounts(ctx context.Context, list []account.Account, at time.Time, dry bool) ([]error, error) {
	if dry {
		return read(ctx, s, func(q *query.Queries, ctx context.Context) ([]error, error) {
			return importable(ctx, q, list)
		})
	}
	return writeLog(ctx, s, "", func(q *query.Queries, ctx context.Context, add *additions) ([]error, error) {
		results, err := importable(ctx, q, list)
		if err != nil {
			return nil, err
		}
		for i, a := range list {
			if results[i] != nil {
				continue
			}
			add.event(event.Event{Type: event.AccountCreated, At: at, AccountID: a.ID, Reason: account.ReasonImport})
			if err := insertAccount(ctx, q, a); err != nil {
				return nil, err
			}
		}
		return results, nil
	})
}

// importable returns why accounts cannot be added, among themselves as well.
func importable(ctx context.Context, q *query.Queries, list []account.Account) ([]error, error) {
	results := make([]error, len(list))
	ids, names := map[string]bool{}, map[string]bool{}
	for i, a := range list {
		result, err := clash(ctx, q, a)
		if err != nil {
			return nil, err
		}
		switch {
		case result != nil:
		case names[a.Canonical]:
			result = account.ErrIdentifierTaken
		case ids[a.ID]:
			result = account.ErrIDTaken
		}
		ids[a.ID], names[a.Canonical] = true, true
		results[i] = result
	}
	return results, nil
}

func clash(ctx context.Context, q *query.Queries, a account.Account) (result, err error) {
	owner, err := q.OwnerOfIdentifier(ctx, a.Canonical)
	switch {
	case err == nil && owner == a.ID:
		return account.ErrPresent, nil
	case err == nil:
		return account.ErrIdentifierTaken, nil
	case !errors.Is(missing("find identifier", err, account.ErrNotFound), account.ErrNotFound):
		return nil, err
	}
	exists, err := q.AccountExists(ctx, a.ID)
	if err == nil && exists {
		result = account.ErrIDTaken
	}
	return result, err
}
