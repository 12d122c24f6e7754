package storetest

import (
	"fmt"
	"time"

	"github.com/portaria/portaria/internal/account"
)

func accountPromises() promises {
	return promises{
		"an account is found as it was created": func(s *suite) {
			a := person("Ana")
			a.DisabledAt = at(time.Minute)
			s.ok(s.store.CreateAccount(s.ctx, a))
			s.same(s.account(a.ID), a)
			found, err := s.store.AccountByIdentifier(s.ctx, a.Canonical)
			s.ok(err)
			s.same(found, a)
		},
		"times are kept in whole milliseconds, rounded down, in UTC": func(s *suite) {
			a := person("Ana")
			a.CreatedAt = start.Add(999_999).In(time.FixedZone("far", 5*3600))
			s.ok(s.store.CreateAccount(s.ctx, a))
			s.same(s.account(a.ID).CreatedAt, start)
		},
		"an unknown account is not found": func(s *suite) {
			s.created("Ana")
			for _, id := range []string{nobody, "", "no uuid", "'; DROP TABLE accounts; --", "\x00", "\xff"} {
				_, err := s.store.Account(s.ctx, id)
				s.fails(err, account.ErrNotFound)
				_, err = s.store.AccountByIdentifier(s.ctx, id)
				s.fails(err, account.ErrNotFound)
			}
			s.fails(s.store.EnableAccount(s.ctx, nobody, start), account.ErrNotFound)
			s.fails(s.store.ForgetDevices(s.ctx, nobody, start), account.ErrNotFound)
			s.fails(s.store.DeleteAccount(s.ctx, nobody, start), account.ErrNotFound)
			_, err := s.store.DisableAccount(s.ctx, nobody, start)
			s.fails(err, account.ErrNotFound)
		},
		"a canonical identifier is taken once": func(s *suite) {
			first := s.created("Ana")
			second := person("ANA")
			second.Canonical = first.Canonical
			s.fails(s.store.CreateAccount(s.ctx, second), account.ErrIdentifierTaken)
			_, err := s.store.Account(s.ctx, second.ID)
			s.fails(err, account.ErrNotFound) // nothing is half-written
			s.same(s.account(first.ID), first)
		},
		"identifiers that differ in case or accents are different here": func(s *suite) {
			// The domain folds them; an engine that folded on its own would
			// let one person block another.
			for _, identifier := range []string{"ana", "Ana", "aná", "ana ", "ａｎａ"} {
				s.created(identifier)
			}
		},
		"a text that no engine keeps is refused": func(s *suite) {
			for _, text := range []string{"a\x00b", "\xff\xfe"} {
				if err := s.store.CreateAccount(s.ctx, person(text)); err == nil {
					s.Errorf("identifier %q is kept", text)
				}
			}
			accounts, err := s.store.Accounts(s.ctx, account.Page{Limit: 10})
			s.ok(err)
			s.same(len(accounts), 0)
		},
		"any other text comes back as it was": func(s *suite) {
			for _, text := range []string{"'\"\\%_;--", "ção 日本 🏢", "a\u0301", "\u200b", "$1 ?1 :x @y"} {
				a := s.created(text)
				s.same(s.account(a.ID), a)
			}
		},
		"a ban is lifted by enabling, and enabling twice is no error": func(s *suite) {
			a := s.created("Ana")
			is(s, 0)(s.store.DisableAccount(s.ctx, a.ID, at(time.Minute)))
			s.same(s.account(a.ID).DisabledAt, at(time.Minute))
			s.ok(s.store.EnableAccount(s.ctx, a.ID, start))
			s.ok(s.store.EnableAccount(s.ctx, a.ID, start))
			s.same(s.account(a.ID), a)
		},
		"disabling twice keeps the first moment": func(s *suite) {
			a := s.created("Ana")
			is(s, 0)(s.store.DisableAccount(s.ctx, a.ID, at(time.Minute)))
			is(s, 0)(s.store.DisableAccount(s.ctx, a.ID, at(time.Hour)))
			s.same(s.account(a.ID).DisabledAt, at(time.Minute))
		},
		"pages of accounts are newest first": func(s *suite) {
			var want []account.Account
			for i := range 3 {
				a := person(fmt.Sprint("person ", i))
				a.CreatedAt = at(time.Duration(i) * time.Millisecond)
				s.ok(s.store.CreateAccount(s.ctx, a))
				want = append([]account.Account{a}, want...)
			}
			s.same(s.accountPages(10, nil), want)
		},
		"pages of accounts are stable under ties and inserts": func(s *suite) {
			seeded := map[string]bool{}
			for i := range 25 {
				seeded[s.created(fmt.Sprint("same moment ", i)).ID] = true
			}
			later := 0
			pages := s.accountPages(7, func() {
				a := person(fmt.Sprint("later ", later))
				later++
				a.CreatedAt = at(time.Second)
				s.ok(s.store.CreateAccount(s.ctx, a))
			})
			s.covers(seeded, func(yield func(string) bool) {
				for _, a := range pages {
					if !yield(a.ID) {
						return
					}
				}
			})
		},
		"a page without room is empty": func(s *suite) {
			s.created("Ana")
			for _, limit := range []int{0, -1} {
				accounts, err := s.store.Accounts(s.ctx, account.Page{Limit: limit})
				s.ok(err)
				s.same(len(accounts), 0)
			}
		},
	}
}

// accountPages reads all pages, calling between after each.
func (s *suite) accountPages(limit int, between func()) []account.Account {
	s.Helper()
	var all []account.Account
	page := account.Page{Limit: limit}
	for {
		accounts, err := s.store.Accounts(s.ctx, page)
		s.ok(err)
		all = append(all, accounts...)
		if len(accounts) < limit {
			return all
		}
		last := accounts[len(accounts)-1]
		page.After = account.Position{CreatedAt: last.CreatedAt, ID: last.ID}
		if between != nil {
			between()
		}
	}
}

// covers checks that ids, as read page by page, are exactly those of want,
// each once.
func (s *suite) covers(want map[string]bool, ids func(func(string) bool)) {
	s.Helper()
	got := map[string]bool{}
	for id := range ids {
		if got[id] {
			s.Errorf("%s is on two pages", id)
		}
		got[id] = true
	}
	s.same(got, want)
}
