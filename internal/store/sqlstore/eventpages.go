package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"math"

	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/store/sqlstore/query"
)

// searchWindow is how many rows one reading of a list looks at. A filter that
// matches little would otherwise read the whole table for one page.
const searchWindow = 5000

// search is one reading of the event log.
type search struct {
	event.Filter
	limit int32
}

// narrow reports whether the filter looks at more than account and time, so
// that rows are read and left out.
func (f search) narrow() bool { return len(f.Types) > 0 || f.SessionID != "" || f.ClientID != "" }

func (f search) timed() bool { return !f.Since.IsZero() || !f.Until.IsZero() }

// Events implements [event.Reader]. A page holds at most 1,000 events.
func (s *Store) Events(ctx context.Context, after int64, f event.Filter, limit int) (event.Page, error) {
	page, err := read(ctx, s, func(q *query.Queries, ctx context.Context) (event.Page, error) {
		return eventsAfter(ctx, q, after, search{f, pageLimit(limit)})
	})
	return page, wrap("read events", err)
}

// eventsAfter reads the head first: the log has no gaps up to it.
func eventsAfter(ctx context.Context, q *query.Queries, after int64, f search) (event.Page, error) {
	head, err := q.LastEvent(ctx)
	if err != nil || f.limit == 0 {
		return event.Page{Next: after, More: after < head}, err
	}
	through := head
	if head-after > searchWindow {
		// The events from there on may have been pruned.
		first, err := q.FirstEvent(ctx, after)
		if err != nil {
			return event.Page{}, err
		}
		if first > 0 {
			through = min(head, first+searchWindow-1)
		}
	}
	rows, err := q.EventsAfter(ctx, query.EventsAfterParams{
		After: after, Through: through, Types: typeList(f.Types), AccountID: f.AccountID, SessionID: f.SessionID, ClientID: f.ClientID,
		Since: millis(f.Since), Until: until(f.Until), PageLimit: f.limit,
	})
	if err != nil {
		return event.Page{}, err
	}
	events, err := toEvents(rows)
	next := max(through, after)
	if len(events) == int(f.limit) {
		next = events[len(events)-1].Seq
	}
	return event.Page{Events: events, Next: next, More: next < head}, err
}

// EventsBefore implements [event.Store]. A page holds at most 1,000 events.
func (s *Store) EventsBefore(ctx context.Context, before int64, f event.Filter, limit int) (event.Page, error) {
	page, err := read(ctx, s, func(q *query.Queries, ctx context.Context) (event.Page, error) {
		wanted := search{f, pageLimit(limit)}
		switch {
		case wanted.limit == 0:
			return event.Page{Next: before, More: true}, nil
		case f.AccountID != "":
			return eventsOfAccount(ctx, q, before, wanted)
		case wanted.timed():
			return eventsByTime(ctx, q, before, wanted)
		}
		return eventsBefore(ctx, q, before, wanted)
	})
	return page, wrap("read events", err)
}

// eventsBefore goes back by the numbers of the log.
func eventsBefore(ctx context.Context, q *query.Queries, before int64, f search) (event.Page, error) {
	head, err := q.LastEvent(ctx)
	if err != nil {
		return event.Page{}, err
	}
	if before <= 0 || before > head {
		before = head + 1
	}
	downTo := int64(0)
	if f.narrow() {
		downTo = before - searchWindow
	}
	rows, err := q.EventsBefore(ctx, query.EventsBeforeParams{
		Before: before, DownTo: downTo, Types: typeList(f.Types), SessionID: f.SessionID, ClientID: f.ClientID, PageLimit: f.limit,
	})
	if err != nil {
		return event.Page{}, err
	}
	if downTo > 0 && len(rows) < int(f.limit) {
		// The rest of the log may have been pruned.
		first, err := q.FirstEvent(ctx, 0)
		if err != nil {
			return event.Page{}, err
		}
		if first == 0 || first >= downTo {
			downTo = 0
		}
	}
	return pageBefore(rows, f.limit, downTo)
}

// eventsOfAccount goes back by the index of accounts.
func eventsOfAccount(ctx context.Context, q *query.Queries, before int64, f search) (event.Page, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	downTo := int64(0)
	if f.narrow() || f.timed() {
		var err error
		downTo, err = q.EventsOfAccountFloor(ctx, query.EventsOfAccountFloorParams{AccountID: f.AccountID, Before: before, Skip: searchWindow})
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return event.Page{}, err
		}
		if err == nil {
			downTo++
		}
	}
	rows, err := q.EventsOfAccountBefore(ctx, query.EventsOfAccountBeforeParams{
		AccountID: f.AccountID, Before: before, DownTo: downTo, Types: typeList(f.Types), SessionID: f.SessionID, ClientID: f.ClientID,
		Since: millis(f.Since), Until: until(f.Until), PageLimit: f.limit,
	})
	if err != nil {
		return event.Page{}, err
	}
	return pageBefore(rows, f.limit, downTo)
}

// eventsByTime goes back by the index of times. A position is that of an
// event; when the event was pruned, so were those before it.
func eventsByTime(ctx context.Context, q *query.Queries, before int64, f search) (event.Page, error) {
	span := query.EventsByTimeFloorParams{BeforeAt: until(f.Until), DownToAt: millis(f.Since), Skip: searchWindow}
	if before > 0 {
		at, err := q.EventMoment(ctx, before)
		if errors.Is(err, sql.ErrNoRows) {
			return event.Page{}, nil
		}
		if err != nil {
			return event.Page{}, err
		}
		if at < span.BeforeAt {
			span.BeforeAt, span.Before = at, before
		}
	}
	next := int64(0)
	if f.narrow() {
		floor, err := q.EventsByTimeFloor(ctx, span)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return event.Page{}, err
		}
		if err == nil {
			// The floor itself is searched, so that it can be the position.
			span.DownToAt, span.DownTo, next = floor.At, floor.Seq, floor.Seq
		}
	}
	rows, err := q.EventsByTimeBefore(ctx, query.EventsByTimeBeforeParams{
		BeforeAt: span.BeforeAt, Before: span.Before, DownToAt: span.DownToAt, DownTo: span.DownTo,
		Types: typeList(f.Types), SessionID: f.SessionID, ClientID: f.ClientID, PageLimit: f.limit,
	})
	if err != nil {
		return event.Page{}, err
	}
	return pageBefore(rows, f.limit, next)
}

// pageBefore is a page that was searched down to a position; 0 if nothing is
// left below.
func pageBefore(rows []query.Event, limit int32, downTo int64) (event.Page, error) {
	events, err := toEvents(rows)
	next := downTo
	if len(rows) == int(limit) {
		next = rows[len(rows)-1].Seq
	}
	return event.Page{Events: events, Next: next, More: next > 0}, err
}
