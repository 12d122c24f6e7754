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

// clientEnd disables, withdraws or deletes a client: a rule revokes its tokens, and
// the sessions at it end. Otherwise the old sessions would go on after the client is
// enabled again, or after another one gets its id.
type clientEnd struct {
	id     string
	at     time.Time
	event  event.Type
	reason string // of the event
	ends   session.Reason
	// when reports whether there is anything to change; nil for always. Without a
	// change no session ends.
	when func(query.Client) bool
	// row changes the client's row, and returns how many rows changed.
	row func(*query.Queries, context.Context) (int64, error)
}

// WithdrawClient implements [clients.Store].
func (s *Store) WithdrawClient(ctx context.Context, id string, at time.Time) (bool, error) {
	done, err := s.endClient(ctx, clientEnd{
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
	_, err := s.endClient(ctx, clientEnd{
		id: id, at: at, event: event.ClientDisabled, ends: session.ReasonClientDisabled,
		row: func(q *query.Queries, ctx context.Context) (int64, error) {
			return q.DisableClient(ctx, nullMillis(at), id)
		},
	})
	return missing("disable client", err, clients.ErrNotFound)
}

// DeleteClient implements [clients.Store].
func (s *Store) DeleteClient(ctx context.Context, id string, now time.Time) error {
	done, err := s.endClient(ctx, clientEnd{
		id: id, at: now, event: event.ClientDeleted, ends: session.ReasonClientDeleted,
		row: func(q *query.Queries, ctx context.Context) (int64, error) { return q.DeleteClient(ctx, id) },
	})
	if err == nil && !done {
		err = clients.ErrNotFound // somebody else was faster
	}
	return missing("delete client", err, clients.ErrNotFound)
}

// endClient reports whether the client's row was changed. Many sessions end in
// portions before the step, as for a rule about a client: see [Store.overBefore].
func (s *Store) endClient(ctx context.Context, b clientEnd) (bool, error) {
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
	rows, err := writeLog(ctx, s, sessionsOf(""), func(q *query.Queries, ctx context.Context, add *additions) (int64, error) {
		rows, err := b.row(q, ctx)
		if err != nil || rows == 0 {
			return rows, err
		}
		last, err := endSessionsOfClient(ctx, q, ending{client: b.id, at: b.at, reason: b.ends})
		if err != nil {
			return 0, err
		}
		add.clientEnded(b, before+add.ended(last))
		add.childRules(last, b.id)
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

// clientEnded adds the rule and the event.
func (add *additions) clientEnded(b clientEnd, sessions int) {
	add.rules = append(add.rules, addedRule{Rule: rule.Rule{Kind: rule.Client, Value: b.id, Mode: rule.Hard, At: b.at}})
	ended := event.Event{Type: b.event, At: b.at, ClientID: b.id, Reason: b.reason}
	if sessions > 0 {
		ended.Detail = map[string]string{"sessions_ended": strconv.Itoa(sessions)}
	}
	add.event(ended)
}
