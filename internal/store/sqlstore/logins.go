package sqlstore

import (
	"cmp"
	"context"
	"time"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/login"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/store/sqlstore/query"
)

var _ login.Store = (*Store)(nil)

// Each of these steps begins with an UPDATE of the account's row. In
// PostgreSQL that is the lock which puts them in an order: at READ COMMITTED
// the second statement sees all that was committed before the lock was granted.

// StartSession implements [login.Store].
func (s *Store) StartSession(ctx context.Context, start login.Start) error {
	_, err := writeAll(ctx, s, func(q *query.Queries, ctx context.Context) (none, error) {
		rows, err := q.ClaimAccount(ctx, query.ClaimAccountParams{
			NewHash:      cmp.Or(start.NewHash, start.VerifiedHash),
			ID:           start.Session.AccountID,
			VerifiedHash: start.VerifiedHash,
		})
		if err := some("claim account", rows, err, login.ErrAccountChanged); err != nil {
			return none{}, err
		}
		return none{}, insertSession(ctx, q, start.Session)
	})
	return wrap("start session", err)
}

// ChangePassword implements [login.Store].
func (s *Store) ChangePassword(ctx context.Context, c login.PasswordChange) (int, error) {
	n, err := writeAll(ctx, s, func(q *query.Queries, ctx context.Context) (int, error) {
		rows, err := q.ChangePassword(ctx, query.ChangePasswordParams{
			NewHash: c.NewHash, At: millis(c.At), ID: c.AccountID, OldHash: c.OldHash,
		})
		if err := some("replace hash", rows, err, login.ErrAccountChanged); err != nil {
			return 0, err
		}
		return endSessions(ctx, q, session.EndMany{
			AccountID: c.AccountID, Except: c.KeepSession, Reason: session.ReasonPasswordChanged, At: c.At,
		})
	})
	return n, wrap("change password", err)
}

// DisableAccount implements [login.Store].
func (s *Store) DisableAccount(ctx context.Context, id string, now time.Time) (int, error) {
	n, err := writeAll(ctx, s, func(q *query.Queries, ctx context.Context) (int, error) {
		rows, err := q.DisableAccount(ctx, nullMillis(now), id)
		if err := some("bar account", rows, err, account.ErrNotFound); err != nil {
			return 0, err
		}
		return endSessions(ctx, q, session.EndMany{AccountID: id, Reason: session.ReasonAccountDisabled, At: now})
	})
	return n, wrap("disable account", err)
}

// DeleteAccount implements [login.Store]. The foreign keys take identifiers
// and sessions along.
func (s *Store) DeleteAccount(ctx context.Context, id string) error {
	rows, err := write(ctx, s, func(q *query.Queries, ctx context.Context) (int64, error) {
		return q.DeleteAccount(ctx, id)
	})
	return some("delete account", rows, err, account.ErrNotFound)
}
