package storetest

import (
	"fmt"
	"strings"
	"time"

	"github.com/portaria/portaria/internal/event"
)

func eventPromises() promises {
	return promises{
		"an event reads back as it was appended, from where the context is": func(s *suite) {
			is(s, int64(0))(s.store.LastEvent(s.ctx))
			e := event.Event{
				Type: event.LoginFailed, At: start, AccountID: nobody, SessionID: "sid", ClientID: "web", KeyID: "kid",
				Actor: "operator", Address: "192.0.2.1", UserAgent: "Browser/1", Reason: "because", Detail: map[string]string{"a": "b"},
			}
			from := event.From(s.ctx, event.Origin{Actor: "someone", Address: "192.0.2.9", UserAgent: "curl"})
			s.ok(s.store.Append(from, []event.Event{e, {Type: event.SessionAhead, At: at(1e9)}}))
			got := s.events(0, event.Filter{})
			if len(got) != 2 || got[0].ID == "" || got[0].ID == got[1].ID {
				s.Fatalf("%+v", got)
			}
			e.Seq, e.ID = 1, got[0].ID
			s.same(got[0], e)
			s.same(got[1], event.Event{
				Seq: 2, ID: got[1].ID, Type: event.SessionAhead, At: at(1e9),
				Actor: "someone", Address: "192.0.2.9", UserAgent: "curl",
			})
			is(s, int64(2))(s.store.LastEvent(s.ctx))
		},
		"events keep texts that no engine would": func(s *suite) {
			long := strings.Repeat("ã", 1000)
			s.ok(s.store.Append(s.ctx, []event.Event{{
				Type: event.LoginFailed, At: start, UserAgent: "a\x00b\xffc", Reason: long, Detail: map[string]string{"\x00": "\xff"},
			}}))
			got := s.events(0, event.Filter{})[0]
			s.same(got.UserAgent, "abc")
			if len(got.Reason) < 512 || len(got.Reason) > 1024 || !strings.HasPrefix(long, got.Reason) {
				s.Errorf("reason of %d bytes", len(got.Reason))
			}
		},
		"filters narrow, in both directions": func(s *suite) {
			types := []event.Type{event.LoginFailed, event.SessionEnded, event.SessionStarted}
			var all []event.Event
			for i := range 30 {
				all = append(all, event.Event{
					Type: types[i%3], At: at(time.Duration(i) * time.Second), AccountID: fmt.Sprint("a", i%2),
					SessionID: fmt.Sprint("s", i%5), ClientID: fmt.Sprint("c", i%7),
				})
			}
			s.ok(s.store.Append(s.ctx, all))
			for _, f := range []event.Filter{
				{},
				{Types: types[:1]},
				{Types: types[1:]},
				{Types: []event.Type{"login", "%", "session.ende_"}},
				{AccountID: "a1"},
				{AccountID: "a1", Types: types[:2], SessionID: "s3", ClientID: "c3"},
				{SessionID: "s2"},
				{ClientID: "c6", Since: at(3 * time.Second)},
				{Since: at(10 * time.Second), Until: at(20 * time.Second)},
				{Until: at(-1e9)},
				{AccountID: "nobody"},
			} {
				var want []int64
				for i, e := range all {
					if f.Match(e) {
						want = append(want, int64(i+1))
					}
				}
				s.same(s.pagesUp(f), want)
				s.same(s.pagesDown(f), want)
			}
		},
		"pruning forgets old events and keeps the count": func(s *suite) {
			for i := range 3 {
				s.ok(s.store.Append(s.ctx, []event.Event{{Type: event.LoginFailed, At: at(time.Duration(i) * time.Hour)}}))
			}
			is(s, 2)(s.store.PruneEvents(s.ctx, at(2*time.Hour)))
			is(s, 0)(s.store.PruneEvents(s.ctx, at(2*time.Hour)))
			s.same(s.events(0, event.Filter{})[0].Seq, int64(3))
			is(s, 1)(s.store.PruneEvents(s.ctx, at(3*time.Hour)))
			is(s, int64(3))(s.store.LastEvent(s.ctx))
			s.ok(s.store.Append(s.ctx, []event.Event{{Type: event.LoginFailed, At: at(0)}}))
			s.same(s.events(0, event.Filter{})[0].Seq, int64(4))
		},
		"nothing appended is nothing": func(s *suite) {
			s.ok(s.store.Append(s.ctx, nil))
			is(s, int64(0))(s.store.LastEvent(s.ctx))
		},
	}
}

func (s *suite) events(after int64, f event.Filter) []event.Event {
	s.Helper()
	got, err := s.store.Events(s.ctx, after, f, 1000)
	s.ok(err)
	return got.Events
}

func (s *suite) followEvents(seen []int64) ([]int64, error) {
	page, err := s.store.Events(s.ctx, last(seen), event.Filter{}, 50)
	for _, e := range page.Events {
		seen = append(seen, e.Seq)
	}
	return seen, err
}

// pagesUp reads in small pages from the oldest on.
func (s *suite) pagesUp(f event.Filter) (seen []int64) {
	s.Helper()
	for after := int64(0); ; {
		got, err := s.store.Events(s.ctx, after, f, 4)
		s.ok(err)
		for _, e := range got.Events {
			seen = append(seen, e.Seq)
		}
		if after = got.Next; !got.More {
			return seen
		}
	}
}

// pagesDown reads in small pages from the newest on, and turns it around.
func (s *suite) pagesDown(f event.Filter) (seen []int64) {
	s.Helper()
	before := int64(0)
	for {
		got, err := s.store.EventsBefore(s.ctx, before, f, 4)
		s.ok(err)
		for _, e := range got.Events {
			seen = append([]int64{e.Seq}, seen...)
		}
		if before = got.Next; !got.More {
			return seen
		}
	}
}
