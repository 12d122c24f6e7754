package sqlstore

import (
	"context"
	"strconv"
	"time"

	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/store/sqlstore/query"
)

// barring is what happens to a client that must not be used any more: its tokens
// are taken back by a rule, and whoever is signed in through it is no longer.
// Otherwise a client that is let in again, or another one of the same name,
// would find the old sessions as they were.
type barring struct {
	id     string
	at     time.Time
	event  event.Type
	reason string // of the event
	ends   session.Reason
	// when says of which clients it is true; nil of all. Nobody's sessions end
	// for what changes nothing.
	when func(query.Client) bool
	// row changes the client's row, and answers whether it did.
	row func(*query.Queries, context.Context) (int64, error)
}

// WithdrawClient implements [clients.Store].
func (s *Store) WithdrawClient(ctx context.Context, id string, at time.Time) (bool, error) {
	done, err := s.bar(ctx, barring{
		id: id, at: at, event: event.ClientDisabled, reason: reasonSettings, ends: session.ReasonClientDisabled,
		when: func(c query.Client) bool { return c.Configured },
		row: func(q *query.Queries, ctx context.Context) (int64, error) {
			return q.WithdrawClient(ctx, nullMillis(at), id)
		},
	})
	return done, unless(missing("withdraw client", err, clients.ErrNotFound), clients.ErrNotFound)
}

// DisableClient implements [clients.Store].
func (s *Store) DisableClient(ctx context.Context, id string, at time.Time) error {
	_, err := s.bar(ctx, barring{
		id: id, at: at, event: event.ClientDisabled, ends: session.ReasonClientDisabled,
		row: func(q *query.Queries, ctx context.Context) (int64, error) {
			return q.DisableClient(ctx, nullMillis(at), id)
		},
	})
	return missing("disable client", err, clients.ErrNotFound)
}

// DeleteClient implements [clients.Store].
func (s *Store) DeleteClient(ctx context.Context, id string, now time.Time) error {
	done, err := s.bar(ctx, barring{
		id: id, at: now, event: event.ClientDeleted, ends: session.ReasonClientDeleted,
		row: func(q *query.Queries, ctx context.Context) (int64, error) { return q.DeleteClient(ctx, id) },
	})
	if err == nil && !done {
		err = clients.ErrNotFound // somebody else was faster
	}
	return missing("delete client", err, clients.ErrNotFound)
}

// bar reports whether the client's row was changed. Sessions end in portions
// first, as for a rule about a client: see [Store.overBefore].
func (s *Store) bar(ctx context.Context, b barring) (bool, error) {
	found, err := read(ctx, s, func(q *query.Queries, ctx context.Context) (query.ClientRow, error) {
		return q.Client(ctx, b.id)
	})
	if err != nil || b.when != nil && !b.when(found.Client) {
		return false, err
	}
	before, err := s.endPortions(ctx, ending{client: found.Client.ID, at: b.at, reason: b.ends},
		rule.Rule{Kind: rule.Client, Value: found.Client.ID, Mode: rule.Soft, At: b.at})
	if err != nil {
		return false, err
	}
	rows, err := writeLog(ctx, s, sessionsOf(""), func(q *query.Queries, ctx context.Context, d *draft) (int64, error) {
		rows, err := b.row(q, ctx)
		if err != nil || rows == 0 {
			return rows, err
		}
		last, err := endSessionsOfClient(ctx, q, ending{client: b.id, at: b.at, reason: b.ends})
		if err != nil {
			return 0, err
		}
		d.barred(b, before+d.ended(last))
		d.childRules(last, b.id)
		return rows, nil
	})
	return rows > 0, err
}

// endSessionsOfClient ends those of a client, and the sessions that came from them.
func endSessionsOfClient(ctx context.Context, q *query.Queries, e ending) (endings, error) {
	ended, err := q.EndSessionsOfClient(ctx, query.EndSessionsOfClientParams{At: millis(e.at), Reason: string(e.reason), ClientID: e.client})
	if err != nil {
		return nil, err
	}
	return withChildren(ctx, q, ended, e.at, e.reason)
}

// barred drafts the rule and the event.
func (d *draft) barred(b barring, sessions int) {
	d.rules = append(d.rules, draftRule{Rule: rule.Rule{Kind: rule.Client, Value: b.id, Mode: rule.Hard, At: b.at}})
	told := event.Event{Type: b.event, At: b.at, ClientID: b.id, Reason: b.reason}
	if sessions > 0 {
		told.Detail = map[string]string{"sessions_ended": strconv.Itoa(sessions)}
	}
	d.event(told)
}
