package sqlstore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/store/sqlstore/query"
)

// AccountByLink implements [account.LinkStore].
func (s *Store) AccountByLink(ctx context.Context, issuer, subject string) (account.Account, error) {
	row, err := read(ctx, s, func(q *query.Queries, ctx context.Context) (query.AccountByLinkRow, error) {
		return q.AccountByLink(ctx, issuer, subject)
	})
	if err != nil {
		return account.Account{}, missing("find account by link", err, account.ErrNotFound)
	}
	return toAccount(row.Account, row.Identifier), nil
}

// Links implements [account.LinkStore].
func (s *Store) Links(ctx context.Context, accountID string) ([]account.Link, error) {
	rows, err := read(ctx, s, func(q *query.Queries, ctx context.Context) ([]query.Link, error) {
		return q.Links(ctx, accountID, account.MaxLinks)
	})
	list := make([]account.Link, len(rows))
	for i, row := range rows {
		list[i] = account.Link{Issuer: row.Issuer, Subject: row.Sub, AccountID: row.AccountID, CreatedAt: moment(row.CreatedAt)}
	}
	slices.SortFunc(list, func(a, b account.Link) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.Issuer, b.Issuer), cmp.Compare(a.Subject, b.Subject))
	})
	return list, wrap("list links", err)
}

// AddLink implements [account.LinkStore].
func (s *Store) AddLink(ctx context.Context, version int64, l account.Link) error {
	if err := l.Validate(); err != nil {
		return wrap("add link", err)
	}
	return wrap("add link", s.changeCredentials(ctx, version, l.AccountID, func(q *query.Queries, ctx context.Context, add *additions) error {
		kept, err := q.Links(ctx, l.AccountID, account.MaxLinks)
		if err == nil && len(kept) >= account.MaxLinks {
			err = account.ErrLink
		}
		if err != nil {
			return err
		}
		add.event(linkEvent(event.AccountLinked, l, l.CreatedAt))
		return q.InsertLink(ctx, query.InsertLinkParams{Issuer: l.Issuer, Sub: l.Subject, AccountID: l.AccountID, CreatedAt: millis(l.CreatedAt)})
	}))
}

// RemoveLink implements [account.LinkStore].
func (s *Store) RemoveLink(ctx context.Context, version int64, l account.Link, now time.Time) error {
	return wrap("remove link", s.changeCredentials(ctx, version, l.AccountID, func(q *query.Queries, ctx context.Context, add *additions) error {
		add.event(linkEvent(event.AccountUnlinked, l, now))
		rows, err := q.DeleteLink(ctx, query.DeleteLinkParams{Issuer: l.Issuer, Sub: l.Subject, AccountID: l.AccountID})
		return some("find link", rows, err, account.ErrNotFound)
	}))
}

// linkEvent names the identity provider and not the subject, which may be an e-mail
// address.
func linkEvent(what event.Type, l account.Link, at time.Time) event.Event {
	return event.Event{Type: what, At: at, AccountID: l.AccountID, Detail: map[string]string{"issuer": l.Issuer}}
}
