package sqlstore

import (
	"cmp"
	"context"
	"time"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/login"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/store/sqlstore/query"
)

var _ login.Store = (*Store)(nil)

// Each of these steps begins with an UPDATE of the account's row. In
// PostgreSQL that is the lock which puts them in an order: at READ COMMITTED
// the second statement sees all that was committed before the lock was granted.

// StartSession implements [login.Store].
func (s *Store) StartSession(ctx context.Context, start login.Start) (int64, error) {
	head, err := writeLog(ctx, s, start.Session.AccountID, func(q *query.Queries, ctx context.Context, d *draft) (int64, error) {
		rows, err := q.ClaimAccount(ctx, query.ClaimAccountParams{
			NewHash:      cmp.Or(start.NewHash, start.VerifiedHash),
			ID:           start.Session.AccountID,
			VerifiedHash: start.VerifiedHash,
		})
		if err := some("claim account", rows, err, login.ErrAccountChanged); err != nil {
			return 0, err
		}
		d.started(start.Session)
		return d.head, insertSession(ctx, q, start.Session)
	})
	return head, wrap("start session", err)
}

// started drafts the events of a sign-in.
func (d *draft) started(s session.Session) {
	e := event.Event{
		Type: event.LoginSucceeded, At: s.CreatedAt, AccountID: s.AccountID, SessionID: s.ID, ClientID: s.ClientID,
		Actor: s.AccountID, Address: s.Address, UserAgent: s.UserAgent, Detail: map[string]string{"method": s.Method},
	}
	d.event(e)
	e.Type, e.Detail = event.SessionStarted, nil
	d.event(e)
}

// ChangePassword implements [login.Store].
func (s *Store) ChangePassword(ctx context.Context, c login.PasswordChange) (int, error) {
	n, err := writeLog(ctx, s, c.AccountID, func(q *query.Queries, ctx context.Context, d *draft) (int, error) {
		rows, err := q.ChangePassword(ctx, query.ChangePasswordParams{
			NewHash: c.NewHash, At: millis(c.At), ID: c.AccountID, OldHash: c.OldHash,
		})
		if err := some("replace hash", rows, err, login.ErrAccountChanged); err != nil {
			return 0, err
		}
		d.event(event.Event{Type: event.PasswordChanged, At: c.At, AccountID: c.AccountID, SessionID: c.KeepSession})
		return endSessions(ctx, q, d, session.EndMany{
			AccountID: c.AccountID, Except: c.KeepSession, Reason: session.ReasonPasswordChanged, At: c.At,
		})
	})
	return n, wrap("change password", err)
}

// DisableAccount implements [login.Store].
func (s *Store) DisableAccount(ctx context.Context, id string, now time.Time) (int, error) {
	n, err := writeLog(ctx, s, id, func(q *query.Queries, ctx context.Context, d *draft) (int, error) {
		rows, err := q.DisableAccount(ctx, nullMillis(now), id)
		if err := ofAccount(ctx, q, id, rows, err); err != nil {
			return 0, err
		}
		if rows > 0 {
			d.event(event.Event{Type: event.AccountDisabled, At: now, AccountID: id})
		}
		return endSessions(ctx, q, d, session.EndMany{AccountID: id, Reason: session.ReasonAccountDisabled, At: now})
	})
	return n, missing("disable account", err, account.ErrNotFound)
}

// DeleteAccount implements [login.Store]. The foreign keys take identifiers
// and sessions along.
func (s *Store) DeleteAccount(ctx context.Context, id string, now time.Time) error {
	_, err := writeLog(ctx, s, id, func(q *query.Queries, ctx context.Context, d *draft) (int64, error) {
		rows, err := q.BarAccount(ctx, nullMillis(now), id)
		if err := some("bar account", rows, err, account.ErrNotFound); err != nil {
			return 0, err
		}
		_, err = endSessions(ctx, q, d, session.EndMany{AccountID: id, Reason: session.ReasonAccountDeleted, At: now})
		if err != nil {
			return 0, err
		}
		d.event(event.Event{Type: event.AccountDeleted, At: now, AccountID: id})
		return q.DeleteAccount(ctx, id)
	})
	return missing("delete account", err, account.ErrNotFound)
}
