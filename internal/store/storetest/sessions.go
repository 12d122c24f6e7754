package storetest

import (
	"time"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/session"
)

func sessionPromises() promises {
	return promises{
		"a session is found as it was started": func(s *suite) {
			d := s.signedIn(s.created("Ana"))
			s.same(s.session(d.ID), d)
		},
		"an unknown session is not found, nor rotated, ended, stepped up": func(s *suite) {
			s.signedIn(s.created("Ana"))
			for _, id := range []string{nobody, "", "no uuid", "\x00", "\xff"} {
				_, err := s.store.Session(s.ctx, id)
				s.fails(err, session.ErrNotFound)
			}
			is(s, false)(s.store.Rotate(s.ctx, session.Rotation{ID: nobody, To: 1}))
			is(s, false)(s.store.EndSession(s.ctx, session.End{ID: nobody, At: start}))
			is(s, false)(s.store.StepUp(s.ctx, nobody, proved(start)))
			is(s, 0)(s.store.EndSessions(s.ctx, session.EndMany{AccountID: nobody, At: start}))
		},
		"rotating writes the use and the new limit, and nothing else": func(s *suite) {
			d := s.signedIn(s.created("Ana"))
			r := rotation(d, 0, 1)
			is(s, true)(s.store.Rotate(s.ctx, r))
			d.Generation, d.UsedAt, d.Address, d.UserAgent, d.ExpiresAt = 1, r.At, r.Address, r.UserAgent, r.ExpiresAt
			s.same(s.session(d.ID), d)
		},
		"a generation is rotated once": func(s *suite) {
			d := s.signedIn(s.created("Ana"))
			is(s, true)(s.store.Rotate(s.ctx, rotation(d, 0, 1)))
			is(s, false)(s.store.Rotate(s.ctx, rotation(d, 0, 1)))
			is(s, true)(s.store.Rotate(s.ctx, rotation(d, 1, 2)))
			s.same(s.session(d.ID).Generation, int64(2))
		},
		"an ended session is not rotated nor stepped up": func(s *suite) {
			d := s.signedIn(s.created("Ana"))
			is(s, true)(s.store.EndSession(s.ctx, session.End{ID: d.ID, Reason: session.ReasonSignedOut, At: at(1e9)}))
			before := s.session(d.ID)
			is(s, false)(s.store.Rotate(s.ctx, rotation(d, 0, 1)))
			is(s, false)(s.store.StepUp(s.ctx, d.ID, proved(at(2e9))))
			s.same(s.session(d.ID), before)
		},
		"ending twice keeps the first reason and moment": func(s *suite) {
			d := s.signedIn(s.created("Ana"))
			is(s, true)(s.store.EndSession(s.ctx, session.End{ID: d.ID, Reason: session.ReasonTokenReused, At: at(1e9)}))
			is(s, false)(s.store.EndSession(s.ctx, session.End{ID: d.ID, Reason: session.ReasonSignedOut, At: at(2e9)}))
			is(s, 0)(s.store.EndSessions(s.ctx, session.EndMany{AccountID: d.AccountID, Reason: session.ReasonSignedOut, At: at(3e9)}))
			d.EndedAt, d.EndReason = at(1e9), session.ReasonTokenReused
			s.same(s.session(d.ID), d)
		},
		"an expired session was not alive when it is ended": func(s *suite) {
			a := s.created("Ana")
			first, second := s.signedIn(a), s.signedIn(a)
			is(s, false)(s.store.EndSession(s.ctx, session.End{ID: first.ID, Reason: session.ReasonSignedOut, At: first.ExpiresAt}))
			is(s, 0)(s.store.EndSessions(s.ctx, session.EndMany{AccountID: a.ID, Reason: session.ReasonSignedOut, At: second.ExpiresAt}))
			// Ended as well, for a process whose clock is slow.
			for _, id := range []string{first.ID, second.ID} {
				s.same(s.session(id).EndReason, session.ReasonSignedOut)
			}
			is(s, false)(s.store.StepUp(s.ctx, s.signedIn(a).ID, proved(first.ExpiresAt)))
		},
		"a step-up moves the time of authentication only": func(s *suite) {
			d := s.signedIn(s.created("Ana"))
			is(s, true)(s.store.StepUp(s.ctx, d.ID, proved(at(time.Minute))))
			d.Proofs = proved(at(time.Minute))
			s.same(s.session(d.ID), d)
		},
		"ending many spares the exception and other accounts": func(s *suite) {
			a, b := s.created("Ana"), s.created("Bia")
			kept, other := s.signedIn(a), s.signedIn(b)
			ended := []session.Session{s.signedIn(a), s.signedIn(a)}
			end := session.EndMany{AccountID: a.ID, Except: kept.ID, Reason: session.ReasonEndedByOwner, At: at(1e9)}
			is(s, 2)(s.store.EndSessions(s.ctx, end))
			s.same(s.session(kept.ID), kept)
			s.same(s.session(other.ID), other)
			for _, d := range ended {
				d.EndedAt, d.EndReason = end.At, end.Reason
				s.same(s.session(d.ID), d)
			}
		},
		"ending many without exception ends all": func(s *suite) {
			a := s.created("Ana")
			s.signedIn(a)
			s.signedIn(a)
			is(s, 2)(s.store.EndSessions(s.ctx, session.EndMany{AccountID: a.ID, Reason: session.ReasonEndedByAdmin, At: at(1e9)}))
			s.same(s.living(a, at(2e9)), 0)
		},
		"pruning forgets what is past its absolute limit, ended or not": func(s *suite) {
			a := s.created("Ana")
			limit := at(24 * time.Hour)
			old, due, young := device(a), device(a), device(a)
			old.AbsoluteExpiry = limit.Add(-time.Millisecond)
			due.AbsoluteExpiry = limit
			young.AbsoluteExpiry = limit.Add(time.Millisecond)
			for _, d := range []session.Session{old, due, young} {
				s.started(a, d)
			}
			is(s, 1)(s.store.PruneSessions(s.ctx, limit))
			is(s, 0)(s.store.PruneSessions(s.ctx, limit))
			_, err := s.store.Session(s.ctx, old.ID)
			s.fails(err, session.ErrNotFound)
			s.session(due.ID)
			s.session(young.ID)
		},
		"pruning leaves nothing over, however much there is": func(s *suite) {
			a := s.created("Ana")
			s.together(1100, func(int) error {
				return s.starts(issue.Start{Session: device(a), Account: a})
			})
			is(s, 1100)(s.store.PruneSessions(s.ctx, at(25*time.Hour)))
			s.same(s.living(a, start), 0)
		},
		"a thousand refreshes leave one row": func(s *suite) {
			a := s.created("Ana")
			d := s.signedIn(a)
			for g := range int64(1000) {
				is(s, true)(s.store.Rotate(s.ctx, rotation(d, g, g+1)))
			}
			s.same(s.living(a, start), 1)
			s.same(s.session(d.ID).Generation, int64(1000))
		},
	}
}

// rotation is a refresh from another address, a minute after the start.
func rotation(d session.Session, from, to int64) session.Rotation {
	return session.Rotation{
		ID: d.ID, From: from, To: to,
		Use:       session.Use{At: at(time.Minute), Address: "2001:db8::1", UserAgent: "Browser/2"},
		ExpiresAt: at(2 * time.Hour),
	}
}

func pagePromises() promises {
	return promises{
		"listed sessions are the living, newest first, with their owner's name": func(s *suite) {
			a, b := s.created("Ana"), s.created("Bia")
			first := s.signedIn(a)
			second := device(b)
			second.CreatedAt = at(time.Second)
			s.started(b, second)
			ended := s.signedIn(a)
			is(s, true)(s.store.EndSession(s.ctx, session.End{ID: ended.ID, At: at(1)}))
			expired := device(a)
			expired.ExpiresAt = at(time.Minute)
			s.started(a, expired)

			listed, err := s.store.Sessions(s.ctx, session.Page{Limit: 10, Now: expired.ExpiresAt})
			s.ok(err)
			s.same(listed.Sessions, []session.Listed{{Session: second, Identifier: "Bia"}, {Session: first, Identifier: "Ana"}})
			listed, err = s.store.Sessions(s.ctx, session.Page{AccountID: a.ID, Limit: 10, Now: expired.ExpiresAt})
			s.ok(err)
			s.same(listed.Sessions, []session.Listed{{Session: first, Identifier: "Ana"}})
		},
		"a session is listed until the very moment it expires": func(s *suite) {
			a := s.created("Ana")
			d := s.signedIn(a)
			s.same(s.living(a, d.ExpiresAt.Add(-time.Millisecond)), 1)
			s.same(s.living(a, d.ExpiresAt), 0)
		},
		"pages of sessions are stable under ties and inserts": func(s *suite) {
			a, b := s.created("Ana"), s.created("Bia")
			seeded := map[string]bool{}
			for range 25 {
				seeded[s.signedIn(a).ID] = true
			}
			later := func() {
				for _, owner := range []account.Account{a, b} {
					d := device(owner)
					d.CreatedAt = at(time.Second)
					s.started(owner, d)
				}
			}
			s.coversSessions(seeded, session.Page{AccountID: a.ID, Limit: 7, Now: start}, later)
			s.coversSessions(s.allSessions(), session.Page{Limit: 7, Now: start}, later)
		},
		"a page of sessions without room is empty": func(s *suite) {
			s.signedIn(s.created("Ana"))
			for _, limit := range []int{0, -1} {
				listed, err := s.store.Sessions(s.ctx, session.Page{Limit: limit, Now: start})
				s.ok(err)
				s.same(len(listed.Sessions), 0)
			}
		},
	}
}

// coversSessions reads all pages, calling between after each, and checks that
// they hold exactly the sessions of want, each once.
func (s *suite) coversSessions(want map[string]bool, page session.Page, between func()) {
	s.Helper()
	s.covers(want, func(yield func(string) bool) {
		for {
			listed, err := s.store.Sessions(s.ctx, page)
			s.ok(err)
			for _, d := range listed.Sessions {
				if !yield(d.ID) {
					return
				}
			}
			if page.After = listed.Next; page.After.ID == "" {
				return
			}
			between()
		}
	})
}

func (s *suite) allSessions() map[string]bool {
	s.Helper()
	listed, err := s.store.Sessions(s.ctx, session.Page{Limit: 1000, Now: start})
	s.ok(err)
	ids := map[string]bool{}
	for _, d := range listed.Sessions {
		ids[d.ID] = true
	}
	return ids
}
