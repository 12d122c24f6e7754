package admin

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/problem"
)

// listEvents lists the newest events first. With after it lists the events after a
// position, oldest first, for programs that follow the log.
func (a admin) listEvents(ctx context.Context, _ access.Caller, in api.EventPage) (api.Events, error) {
	limit, err := endpoint.PageLimit(in.Limit)
	if err != nil {
		return api.Events{}, err
	}
	filter, err := eventFilter(in)
	if err != nil {
		return api.Events{}, err
	}
	// The head is read first: an event that is written in between is then read twice
	// and not left out.
	head, err := a.Events.LastEvent(ctx)
	switch {
	case err != nil:
		return api.Events{}, err
	case in.After != "" && in.Cursor != "":
		return api.Events{}, problem.Field("cursor", "cannot be used together with after")
	case in.After != "":
		return a.eventsAfter(ctx, in.After, filter, limit, head)
	}
	return a.eventsBefore(ctx, in.Cursor, filter, limit, head)
}

func (a admin) eventsAfter(ctx context.Context, after string, f event.Filter, limit int, head int64) (api.Events, error) {
	seq, err := eventPosition("after", after)
	if err != nil {
		return api.Events{}, err
	}
	page, err := a.Events.Events(ctx, seq, f, limit)
	out := eventsOf(page.Events)
	out.Last = page.Next
	if !page.More {
		out.Last = max(page.Next, head)
	}
	return out, err
}

func (a admin) eventsBefore(ctx context.Context, cursor string, f event.Filter, limit int, head int64) (api.Events, error) {
	seq := int64(0)
	if cursor != "" {
		var err error
		if seq, err = eventPosition("cursor", cursor); err != nil {
			return api.Events{}, err
		}
	}
	page, err := a.Events.EventsBefore(ctx, seq, f, limit+1)
	list, more := endpoint.Cut(page.Events, limit)
	out := eventsOf(list)
	out.Last = head
	for _, e := range list { // written since head was read
		out.Last = max(out.Last, e.Seq)
	}
	switch {
	case more:
		out.NextCursor = strconv.FormatInt(list[limit-1].Seq, 10)
	case page.More:
		out.NextCursor = strconv.FormatInt(page.Next, 10)
	}
	return out, err
}

func eventPosition(field, text string) (int64, error) {
	seq, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seq < 0 {
		return 0, problem.Field(field, "expected a position in the log")
	}
	return seq, nil
}

func eventFilter(in api.EventPage) (f event.Filter, err error) {
	if f.Types, err = eventTypes(in.Type); err != nil {
		return f, err
	}
	f.AccountID, f.SessionID, f.ClientID = in.AccountID, in.SessionID, in.ClientID
	if f.Since, err = eventMoment("since", in.Since); err != nil {
		return f, err
	}
	f.Until, err = eventMoment("until", in.Until)
	return f, err
}

// eventTypes reads the query parameter type. It refuses unknown types: a misspelt type
// must not look like a type without events.
func eventTypes(list string) (types []event.Type, err error) {
	if list == "" {
		return nil, nil
	}
	for pattern := range strings.SplitSeq(list, ",") {
		found := slices.DeleteFunc(event.Types(), func(t event.Type) bool {
			prefix, all := strings.CutSuffix(pattern, "*")
			return string(t) != pattern && !(all && strings.HasSuffix(prefix, ".") && strings.HasPrefix(string(t), prefix))
		})
		if len(found) == 0 {
			return nil, problem.Field("type", "expected types of events, such as login.failed or session.*")
		}
		types = append(types, found...)
	}
	return types, nil
}

func eventMoment(field, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, problem.Field(field, "expected a time such as 2026-11-22T09:30:00Z")
	}
	return t, nil
}

func eventsOf(list []event.Event) api.Events {
	out := api.Events{Events: make([]api.Event, len(list))}
	for i, e := range list {
		out.Events[i] = api.Event{
			Seq: e.Seq, ID: e.ID, Type: string(e.Type), At: e.At,
			AccountID: e.AccountID, SessionID: e.SessionID, ClientID: e.ClientID, KeyID: e.KeyID,
			Actor: e.Actor, Address: e.Address, UserAgent: e.UserAgent, RequestID: e.RequestID, Reason: e.Reason, Detail: e.Detail,
		}
	}
	return out
}
