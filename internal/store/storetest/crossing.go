package storetest

import (
	"fmt"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/session"
)

// crossingPromises are about two processes that are busy with the same people,
// each with several of them in one transaction.
func crossingPromises() promises {
	return promises{
		"sign-ins and ends of the same people in two processes never fail each other": func(s *suite) {
			processes := []Store{s.store, s.beside()}
			var people []account.Account
			for i := range 6 {
				people = append(people, s.created(fmt.Sprint("Ana ", i)))
			}
			s.together(24, func(i int) error {
				for round := range rounds {
					a := people[(i*7+round*i)%len(people)]
					store := processes[i%2]
					d := device(a)
					if _, err := store.StartSession(s.ctx, issue.Start{Session: d, Account: a}); err != nil {
						return err
					}
					switch i % 6 {
					case 0:
						_, err := store.EndSession(s.ctx, session.End{ID: d.ID, Reason: session.ReasonSignedOut, At: at(1)})
						if err != nil {
							return err
						}
					case 1:
						_, err := store.EndSessions(s.ctx, session.EndMany{AccountID: a.ID, Except: d.ID, Reason: session.ReasonEndedByOwner, At: at(1)})
						if err != nil {
							return err
						}
					}
				}
				return nil
			})
			last, err := s.store.LastEvent(s.ctx)
			s.ok(err)
			s.same(s.countEvents(), last)
		},
	}
}

func (s *suite) countEvents() (n int64) {
	s.Helper()
	for {
		page, err := s.store.Events(s.ctx, n, event.Filter{}, 1000)
		got := page.Events
		s.ok(err)
		for _, e := range got {
			n++
			s.same(e.Seq, n)
		}
		if len(got) < 1000 {
			return n
		}
	}
}
