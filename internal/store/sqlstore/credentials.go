package sqlstore

import (
	"context"
	"time"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/secret"
	"github.com/portaria/portaria/internal/store/sqlstore/query"
)

// The password of an account is in two columns in this release: in the table
// credentials, and in accounts.password_hash. The version before this one reads
// and writes the second one alone, and may run on the same database. So every
// step here writes both, and accounts.password_hash is the one that is read. The
// next release copies what the old version wrote, and drops the column.

func putPassword(ctx context.Context, q *query.Queries, accountID, hash string, at time.Time) error {
	return q.PutPassword(ctx, query.PutPasswordParams{AccountID: accountID, Data: hash, At: millis(at)})
}

// asRead selects an account whose credentials are those that were read.
func asRead(a account.Account) query.HoldAccountParams {
	return query.HoldAccountParams{ID: a.ID, Version: a.CredentialsVersion, VerifiedHash: a.PasswordHash}
}

// Credentials implements [account.CredentialStore].
func (s *Store) Credentials(ctx context.Context, accountID string) ([]account.Credential, error) {
	rows, err := read(ctx, s, func(q *query.Queries, ctx context.Context) ([]query.Credential, error) {
		return q.Credentials(ctx, accountID, account.MaxCredentials)
	})
	list := make([]account.Credential, len(rows))
	for i, row := range rows {
		list[i] = account.Credential{
			ID: row.ID, AccountID: row.AccountID, Kind: account.CredentialKind(row.Kind), Data: secret.Text(row.Data), Label: row.Label,
			CreatedAt: moment(row.CreatedAt), ChangedAt: moment(row.ChangedAt), UsedAt: nullMoment(row.UsedAt),
		}
	}
	return list, wrap("list credentials", err)
}

// AddCredential implements [account.CredentialStore].
func (s *Store) AddCredential(ctx context.Context, version int64, c account.Credential) error {
	if err := c.Validate(); err != nil {
		return wrap("add credential", err)
	}
	return wrap("add credential", s.changeCredentials(ctx, version, c.AccountID, func(q *query.Queries, ctx context.Context, add *additions) error {
		add.event(credentialEvent(event.CredentialAdded, c.AccountID, c.ID, string(c.Kind), c.CreatedAt))
		kept, err := q.Credentials(ctx, c.AccountID, account.MaxCredentials)
		if err == nil && len(kept) >= account.MaxCredentials {
			err = account.ErrCredential
		}
		if err != nil {
			return err
		}
		return q.InsertCredential(ctx, query.InsertCredentialParams{
			ID: c.ID, AccountID: c.AccountID, Kind: string(c.Kind), Data: string(c.Data), Label: c.Label,
			CreatedAt: millis(c.CreatedAt), ChangedAt: millis(c.ChangedAt), UsedAt: nullMillis(c.UsedAt),
		})
	}))
}

// ReplaceCredential implements [account.CredentialStore].
func (s *Store) ReplaceCredential(ctx context.Context, version int64, c account.Credential) error {
	if err := c.Validate(); err != nil {
		return wrap("replace credential", err)
	}
	return wrap("replace credential", s.changeCredentials(ctx, version, c.AccountID, func(q *query.Queries, ctx context.Context, add *additions) error {
		kind, err := q.ReplaceCredential(ctx, query.ReplaceCredentialParams{
			Data: string(c.Data), Label: c.Label, ChangedAt: millis(c.ChangedAt), UsedAt: nullMillis(c.UsedAt), ID: c.ID, AccountID: c.AccountID,
		})
		add.event(credentialEvent(event.CredentialChanged, c.AccountID, c.ID, kind, c.ChangedAt))
		return missing("find credential", err, account.ErrNotFound)
	}))
}

// RemoveCredential implements [account.CredentialStore].
func (s *Store) RemoveCredential(ctx context.Context, version int64, accountID, id string, now time.Time) error {
	return wrap("remove credential", s.changeCredentials(ctx, version, accountID, func(q *query.Queries, ctx context.Context, add *additions) error {
		kind, err := q.DeleteCredential(ctx, id, accountID)
		add.event(credentialEvent(event.CredentialRemoved, accountID, id, kind, now))
		return missing("find credential", err, account.ErrNotFound)
	}))
}

// credentialEvent names the kind and id of a credential, never its label: people
// write there what they like.
func credentialEvent(what event.Type, accountID, id, kind string, at time.Time) event.Event {
	return event.Event{Type: what, At: at, AccountID: accountID, Detail: map[string]string{"kind": kind, "credential_id": id}}
}

// changeCredentials raises the version of an account's credentials in the step that
// changes one.
func (s *Store) changeCredentials(ctx context.Context, version int64, accountID string, change func(*query.Queries, context.Context, *additions) error) error {
	_, err := writeLog(ctx, s, accountID, func(q *query.Queries, ctx context.Context, add *additions) (none, error) {
		rows, err := q.RaiseCredentialsVersion(ctx, accountID, version)
		if err := some("find account", rows, err, account.ErrChanged); err != nil {
			return none{}, err
		}
		return none{}, change(q, ctx, add)
	})
	return err
}
