package sqlstore

import (
	"context"
	"time"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/store/sqlstore/query"
)

var _ issue.Store = (*Store)(nil)

// Each of these steps begins with an UPDATE of the account's row, or with
// HoldAccount. In PostgreSQL that is the lock which puts them in an order: at
// READ COMMITTED the second statement sees all that was committed before the
// lock was granted.

// StartSession implements [issue.Store].
func (s *Store) StartSession(ctx context.Context, start issue.Start) (int64, error) {
	if start.Session.AccountID != start.Account.ID {
		return 0, wrap("start session", account.ErrChanged)
	}
	head, err := writeLog(ctx, s, start.Session.AccountID, func(q *query.Queries, ctx context.Context, add *additions) (int64, error) {
		if err := claimAccount(ctx, q, start); err != nil {
			return 0, err
		}
		if start.Advice != start.Account.PasswordAdvice {
			if err := q.SetPasswordAdvice(ctx, fit(start.Advice), start.Account.ID); err != nil {
				return 0, err
			}
		}
		if err := holdParent(ctx, q, start.Session); err != nil {
			return 0, err
		}
		add.started(start.Session)
		if err := insertSession(ctx, q, start.Session); err != nil {
			return 0, err
		}
		return add.head, endIdlest(ctx, q, add, start.Session, start.MostSessions)
	})
	return head, wrap("start session", err)
}

// claimAccount locks the account's row until the session is written, so that a change
// of password, or the end of the account, happens entirely before or entirely after.
// An unchanged hash is not written again.
func claimAccount(ctx context.Context, q *query.Queries, start issue.Start) error {
	if start.NewHash == "" {
		_, err := q.HoldAccount(ctx, asRead(start.Account))
		return missing("hold account", err, account.ErrChanged)
	}
	a := start.Account
	rows, err := q.ClaimAccount(ctx, query.ClaimAccountParams{
		NewHash: start.NewHash, ID: a.ID, Version: a.CredentialsVersion, VerifiedHash: a.PasswordHash,
	})
	if err := some("claim account", rows, err, account.ErrChanged); err != nil {
		return err
	}
	// The same password, hashed with other parameters: ChangedAt stays.
	return putPassword(ctx, q, a.ID, start.NewHash, a.PasswordChangedAt)
}

// holdParent locks the parent's row, so that the parent ends before the session
// is written, and refuses it, or after, and ends it too.
func holdParent(ctx context.Context, q *query.Queries, s session.Session) error {
	if s.Parent == "" {
		return nil
	}
	rows, err := q.HoldParent(ctx, s.Parent, s.AccountID)
	return some("hold parent session", rows, err, session.ErrEnded)
}

// started adds the events of a sign-in.
func (add *additions) started(s session.Session) {
	e := event.Event{
		Type: event.LoginSucceeded, At: s.CreatedAt, AccountID: s.AccountID, SessionID: s.ID, ClientID: s.ClientID,
		Actor: s.AccountID, Address: s.Address, UserAgent: s.UserAgent, Detail: map[string]string{"method": oldMethod(s.Proofs)},
	}
	add.event(e)
	e.Type, e.Detail = event.SessionStarted, parentDetail(s.Parent)
	add.event(e)
}

// ChangePassword implements [account.CredentialStore].
func (s *Store) ChangePassword(ctx context.Context, c account.PasswordChange) (int, error) {
	many := session.EndMany{AccountID: c.Account.ID, Except: c.KeepSession, Reason: session.ReasonPasswordChanged, At: c.At}
	before, err := s.endMost(ctx, many, 0, func() error { return s.unchanged(ctx, c) })
	if err != nil {
		return before, wrap("change password", err)
	}
	n, err := writeLog(ctx, s, c.Account.ID, func(q *query.Queries, ctx context.Context, add *additions) (int, error) {
		rows, err := q.ChangePassword(ctx, query.ChangePasswordParams{
			NewHash: c.NewHash, At: millis(c.At),
			ID: c.Account.ID, Version: c.Account.CredentialsVersion, VerifiedHash: c.Account.PasswordHash,
		})
		if err := some("replace hash", rows, err, account.ErrChanged); err != nil {
			return 0, err
		}
		if err := putPassword(ctx, q, c.Account.ID, c.NewHash, c.At); err != nil {
			return 0, err
		}
		add.event(event.Event{Type: event.PasswordChanged, At: c.At, AccountID: c.Account.ID, SessionID: c.KeepSession})
		return endSessions(ctx, q, add, many, before)
	})
	return n, wrap("change password", err)
}

// unchanged finds out whether a change of password can succeed, before any
// session is ended for it. The step itself decides.
func (s *Store) unchanged(ctx context.Context, c account.PasswordChange) error {
	_, err := read(ctx, s, func(q *query.Queries, ctx context.Context) (int64, error) {
		return q.HoldAccount(ctx, asRead(c.Account))
	})
	return missing("find account", err, account.ErrChanged)
}

// DisableAccount implements [account.Store].
func (s *Store) DisableAccount(ctx context.Context, id string, now time.Time) (int, error) {
	many := session.EndMany{AccountID: id, Reason: session.ReasonAccountDisabled, At: now}
	before, err := s.endMost(ctx, many, 0)
	if err != nil {
		return before, wrap("disable account", err)
	}
	n, err := writeLog(ctx, s, id, func(q *query.Queries, ctx context.Context, add *additions) (int, error) {
		rows, err := q.DisableAccount(ctx, nullMillis(now), id)
		if err := ofAccount(ctx, q, id, rows, err); err != nil {
			return 0, err
		}
		if rows > 0 {
			add.event(event.Event{Type: event.AccountDisabled, At: now, AccountID: id})
		}
		return endSessions(ctx, q, add, many, before)
	})
	return n, missing("disable account", err, account.ErrNotFound)
}

// DeleteAccount implements [account.Store]. The foreign keys delete identifiers,
// credentials, links and sessions.
func (s *Store) DeleteAccount(ctx context.Context, id string, now time.Time) error {
	many := session.EndMany{AccountID: id, Reason: session.ReasonAccountDeleted, At: now}
	before, err := s.endMost(ctx, many, 0)
	if err == nil {
		err = s.forgetEnded(ctx, id)
	}
	if err != nil {
		return wrap("delete account", err)
	}
	_, err = writeLog(ctx, s, id, func(q *query.Queries, ctx context.Context, add *additions) (int64, error) {
		rows, err := q.LockForDeletion(ctx, nullMillis(now), id)
		if err := some("lock account", rows, err, account.ErrNotFound); err != nil {
			return 0, err
		}
		if _, err := endSessions(ctx, q, add, many, before); err != nil {
			return 0, err
		}
		add.event(event.Event{Type: event.AccountDeleted, At: now, AccountID: id})
		return q.DeleteAccount(ctx, id)
	})
	return missing("delete account", err, account.ErrNotFound)
}
