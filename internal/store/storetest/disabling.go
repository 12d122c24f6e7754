package storetest

import (
	"time"

	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/session"
)

// disablingPromises: the end of a client ends the sessions at it.
func disablingPromises() promises {
	return promises{
		"a disabled client's sessions end in the step, and no others": func(s *suite) {
			a := s.created("Ana")
			for _, test := range []struct {
				run    func() error
				event  event.Type
				reason session.Reason
			}{
				{func() error { return s.store.DisableClient(s.ctx, "web", at(1e9)) }, event.ClientDisabled, session.ReasonClientDisabled},
				{func() error { return s.withdrawn("web") }, event.ClientDisabled, session.ReasonClientDisabled},
				{func() error { return s.store.DeleteClient(s.ctx, "web", at(1e9)) }, event.ClientDeleted, session.ReasonClientDeleted},
			} {
				s.ok(s.store.DescribeClient(s.ctx, described("web"), start))
				s.ok(s.store.EnableClient(s.ctx, "web", start))
				d, other := s.signedIn(a), device(a)
				other.ClientID = "portaria"
				s.started(a, other)
				before, err := s.store.LastEvent(s.ctx)
				s.ok(err)
				s.ok(test.run())
				d.EndedAt, d.EndReason = at(1e9), test.reason
				s.same(s.session(d.ID), d)
				s.same(s.session(other.ID), other)
				got := s.events(before, event.Filter{})
				s.same(len(got), 2)
				s.same([]string{string(got[0].Type), got[0].SessionID, got[0].Reason},
					[]string{string(event.SessionEnded), d.ID, string(test.reason)})
				s.same(got[1].Type, test.event)
				s.same(got[1].Detail, map[string]string{"sessions_ended": "1"})
			}
		},
		"disabling a client ends its sessions, however many": func(s *suite) {
			a := s.created("Ana")
			s.registered("web")
			s.together(1100, func(int) error {
				return s.starts(issue.Start{Session: device(a), Account: a})
			})
			s.ok(s.store.DisableClient(s.ctx, "web", at(1e9)))
			s.same(s.living(a, start), 0)
			got := s.events(0, event.Filter{Types: []event.Type{event.ClientDisabled}})
			s.same(got[0].Detail["sessions_ended"], "1100")
			s.same(s.recordedEndings(session.ReasonClientDisabled), 1100)
		},
		"disabling an unknown client ends no session": func(s *suite) {
			a := s.created("Ana")
			d := s.signedIn(a) // through web, which nobody registered
			s.registered("orders")
			for _, id := range []string{"", "web", "WEB", "\x00"} {
				s.fails(s.store.DisableClient(s.ctx, id, at(1e9)), clients.ErrNotFound)
				s.fails(s.store.DeleteClient(s.ctx, id, at(1e9)), clients.ErrNotFound)
				is(s, false)(s.store.WithdrawClient(s.ctx, id, at(1e9)))
			}
			s.same(s.session(d.ID), d)
		},
		"withdrawing what the settings never described ends nobody's session": func(s *suite) {
			a := s.created("Ana")
			s.registered("web")
			d := s.signedIn(a)
			is(s, false)(s.store.WithdrawClient(s.ctx, "web", at(1e9)))
			s.same(s.session(d.ID), d)
		},
	}
}

// withdrawn withdraws a client that was described.
func (s *suite) withdrawn(id string) error {
	s.Helper()
	was, err := s.store.WithdrawClient(s.ctx, id, start.Add(time.Second))
	s.same(was, true)
	return err
}
