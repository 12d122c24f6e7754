package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/store/sqlstore/query"
)

var _ event.Store = (*Store)(nil)

// Append implements [event.Store].
func (s *Store) Append(ctx context.Context, events []event.Event) error {
	if len(events) == 0 {
		return nil
	}
	_, err := writeLog(ctx, s, "", func(_ *query.Queries, _ context.Context, add *additions) (none, error) {
		for _, e := range events {
			add.event(e)
		}
		return none{}, nil
	})
	return wrap("append events", err)
}

// LastEvent implements [event.Reader].
func (s *Store) LastEvent(ctx context.Context) (int64, error) {
	n, err := read(ctx, s, (*query.Queries).LastEvent)
	return n, wrap("read event log", err)
}

// PruneEvents implements [event.Store]. It works in portions.
func (s *Store) PruneEvents(ctx context.Context, before time.Time) (int, error) {
	n, err := s.prune(ctx, before, (*query.Queries).PruneEvents)
	return n, wrap("prune events", err)
}

// PruneUnknownLogins deletes all but the newest failed sign-ins with unknown identifiers,
// and returns how many. It works in portions.
func (s *Store) PruneUnknownLogins(ctx context.Context, keep int) (int, error) {
	n, err := s.prune(ctx, time.Time{}, func(q *query.Queries, ctx context.Context, _ int64, portion int32) (int64, error) {
		return q.PruneUnknownLogins(ctx, int32(min(keep, math.MaxInt32)), portion)
	})
	return n, wrap("prune failed sign-ins of unknown names", err)
}

// until is the end of time when there is no other.
func until(t time.Time) int64 {
	if t.IsZero() {
		return math.MaxInt64
	}
	return millis(t)
}

// typeList is how the queries take a list; see there.
func typeList(types []event.Type) string {
	var list strings.Builder
	for _, t := range types {
		list.WriteString("," + string(t))
	}
	if list.Len() > 0 {
		list.WriteByte(',')
	}
	return list.String()
}

func toEvents(rows []query.Event) ([]event.Event, error) {
	events := make([]event.Event, len(rows))
	for i, row := range rows {
		events[i] = event.Event{
			Seq: row.Seq, ID: row.ID, Type: event.Type(row.Type), At: moment(row.At),
			AccountID: row.AccountID, SessionID: row.SessionID, ClientID: row.ClientID, KeyID: row.KeyID,
			Actor: row.Actor, Address: row.Address, UserAgent: row.UserAgent, Reason: row.Reason,
		}
		if row.Detail != "" {
			if err := json.Unmarshal([]byte(row.Detail), &events[i].Detail); err != nil {
				return nil, fmt.Errorf("event %d: %w", row.Seq, err)
			}
			events[i].RequestID = events[i].Detail[requestIDDetail]
			if delete(events[i].Detail, requestIDDetail); len(events[i].Detail) == 0 {
				events[i].Detail = nil
			}
		}
	}
	return events, nil
}
