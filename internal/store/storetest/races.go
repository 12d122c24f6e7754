package storetest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/session"
)

// rounds is how often a race is run; each is won now by one, now by the other.
const rounds = 40

func racePromises() promises {
	return promises{
		"one of 20 concurrent rotations of a generation wins": func(s *suite) {
			d := s.signedIn(s.created("Ana"))
			for g := range int64(rounds) {
				var winners atomic.Int64
				s.together(20, func(int) error {
					won, err := s.store.Rotate(s.ctx, rotation(d, g, g+1))
					if won {
						winners.Add(1)
					}
					return err
				})
				s.same(winners.Load(), int64(1))
			}
		},
		"one of 20 concurrent sign-ups gets a name": func(s *suite) {
			for round := range rounds {
				var winners atomic.Int64
				s.together(20, func(int) error {
					err := s.store.CreateAccount(s.ctx, person(fmt.Sprint("Ana ", round)))
					if err == nil {
						winners.Add(1)
					}
					return unless(err, account.ErrIdentifierTaken)
				})
				s.same(winners.Load(), int64(1))
			}
		},
		"one of 20 concurrent ends of a session hears that it was alive": func(s *suite) {
			a := s.created("Ana")
			for range rounds {
				d := s.signedIn(a)
				var alive atomic.Int64
				s.together(20, func(int) error {
					was, err := s.store.EndSession(s.ctx, session.End{ID: d.ID, Reason: session.ReasonTokenReused, At: at(1)})
					if was {
						alive.Add(1)
					}
					return err
				})
				s.same(alive.Load(), int64(1))
			}
		},
		"no session with the old password outlives a change of password": func(s *suite) {
			s.raceSignIns(func(a account.Account) error {
				_, err := s.store.ChangePassword(s.ctx, change(a, ""))
				return err
			})
		},
		"no session outlives disabling its account": func(s *suite) {
			s.raceSignIns(func(a account.Account) error {
				_, err := s.store.DisableAccount(s.ctx, a.ID, at(time.Minute))
				return err
			})
		},
		"no session outlives its account": func(s *suite) {
			s.raceSignIns(func(a account.Account) error { return s.store.DeleteAccount(s.ctx, a.ID, start) })
		},
		"ends and rotations of the same sessions never fail each other": func(s *suite) {
			// In PostgreSQL they may lock rows in opposite orders; a deadlock
			// is the store's own business.
			for round := range rounds / 4 {
				a := s.created(fmt.Sprint("Ana ", round))
				var own []session.Session
				for range 10 {
					own = append(own, s.signedIn(a))
				}
				s.together(8, func(i int) error {
					if i%4 == 0 {
						_, err := s.store.Rotate(s.ctx, rotation(own[i], 0, 1))
						return err
					}
					_, err := s.store.EndSessions(s.ctx, session.EndMany{
						AccountID: a.ID, Except: own[i].ID, Reason: session.ReasonEndedByOwner, At: at(1),
					})
					return err
				})
				s.same(s.living(a, start), 0)
			}
		},
		"one of 20 concurrent rotations of a key wins": func(s *suite) {
			s.ok(s.keys.AddKey(s.ctx, key("first", 1)))
			var winners atomic.Int64
			s.together(20, func(i int) error {
				err := s.keys.Rotate(s.ctx, "first", key(fmt.Sprint("second ", i), 2))
				if err == nil {
					winners.Add(1)
				}
				return unless(err, keyring.ErrConflict)
			})
			s.same(winners.Load(), int64(1))
			records, err := s.keys.Keys(s.ctx)
			s.ok(err)
			s.same(len(records), 2)
		},
	}
}

// raceSignIns lets sign-ins with the old password run against a step after
// which no session may live.
func (s *suite) raceSignIns(end func(account.Account) error) {
	s.Helper()
	for round := range rounds {
		a := s.created(fmt.Sprint("Ana ", round))
		s.together(6, func(i int) error {
			if i == 3 {
				return end(a)
			}
			err := s.starts(issue.Start{Session: device(a), Account: a})
			return unless(err, account.ErrChanged)
		})
		s.same(s.living(a, start), 0)
	}
}

// together runs n calls at once and expects none of them to fail.
func (s *suite) together(n int, call func(i int) error) {
	s.Helper()
	var ready, done sync.WaitGroup
	begin := make(chan struct{})
	errs := make([]error, n)
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			<-begin
			errs[i] = call(i)
		})
	}
	ready.Wait()
	close(begin)
	done.Wait()
	s.ok(errors.Join(errs...))
}

func unless(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}
