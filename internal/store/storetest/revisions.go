package storetest

import (
	"fmt"
	"sync"
	"time"

	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/internal/session"
)

// revisionPromises are what the check of a token rests on: a rule refuses the
// tokens with a lower revision, and no others.
func revisionPromises() promises {
	return promises{
		"no token minted from a session escapes the session's rule": func(s *suite) {
			s.tokensLive(15 * time.Minute)
			processes := []Store{s.store, s.beside()}
			for round := range rounds {
				a := s.created(fmt.Sprint("Ana ", round))
				d := s.signedIn(a)
				before := s.log().Seq
				var minted revisions
				s.together(6, func(i int) error {
					if i == 0 {
						_, err := processes[0].EndSession(s.ctx, session.End{ID: d.ID, Reason: session.ReasonSignedOut, At: at(1e9)})
						return err
					}
					return minted.until(s, processes[i%2], d.ID)
				})
				rule := s.onlyRule(before)
				minted.allBefore(s, rule)
				s.knows(processes, a.ID, rule)
			}
		},
		"no sign-in that is ended by an account's rule escapes it": func(s *suite) {
			s.tokensLive(15 * time.Minute)
			processes := []Store{s.store, s.beside()}
			for round := range rounds {
				a := s.created(fmt.Sprint("Ana ", round))
				s.signedIn(a)
				before := s.log().Seq
				var minted sync.Map // of sessions, their revisions
				s.together(8, func(i int) error {
					store := processes[i%2]
					if i == 5 {
						_, err := store.EndSessions(s.ctx, session.EndMany{AccountID: a.ID, Reason: session.ReasonEndedByAdmin, At: at(1e9)})
						return err
					}
					d := device(a)
					revision, err := store.StartSession(s.ctx, issue.Start{Session: d, Account: a})
					minted.Store(d.ID, revision)
					return err
				})
				rule := s.onlyRule(before)
				minted.Range(func(id, revision any) bool {
					if !s.session(id.(string)).EndedAt.IsZero() && revision.(int64) >= rule.Seq {
						s.Errorf("a token of an ended session knows %d, the rule is %d", revision, rule.Seq)
					}
					return true
				})
				s.knows(processes, a.ID, rule)
			}
		},
	}
}

// revisions are those of tokens that were minted.
type revisions struct {
	mu   sync.Mutex
	seen []int64
}

// until mints from a session as long as it lives.
func (r *revisions) until(s *suite, store Store, id string) error {
	for {
		found, err := store.Session(s.ctx, id)
		if err != nil || found.Check(at(1e9)) != nil {
			return err
		}
		r.mu.Lock()
		r.seen = append(r.seen, found.Revision)
		r.mu.Unlock()
	}
}

func (r *revisions) allBefore(s *suite, rule rule.Rule) {
	s.Helper()
	for _, revision := range r.seen {
		if revision >= rule.Seq {
			s.Fatalf("a token knows %d, the rule is %d: it escapes", revision, rule.Seq)
		}
	}
}

func (s *suite) onlyRule(after int64) rule.Rule {
	s.Helper()
	rules, _ := s.rules(after)
	if len(rules) != 1 {
		s.Fatalf("%d rules", len(rules))
	}
	return rules[0]
}

// knows checks, for every process, that a sign-in after a rule was acknowledged is not
// refused by it.
func (s *suite) knows(processes []Store, account string, rule rule.Rule) {
	s.Helper()
	a := s.account(account)
	for _, store := range processes {
		d := device(a)
		revision, err := store.StartSession(s.ctx, issue.Start{Session: d, Account: a})
		s.ok(err)
		found, err := store.Session(s.ctx, d.ID)
		s.ok(err)
		if revision < rule.Seq || found.Revision < rule.Seq {
			s.Fatalf("a later token knows %d and %d, the rule is %d: it is refused", revision, found.Revision, rule.Seq)
		}
	}
}
