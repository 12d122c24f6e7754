package storetest

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/event"
)

func (s *suite) imports(list ...account.Account) []error {
	s.Helper()
	results, err := s.store.ImportAccounts(s.ctx, list, at(time.Hour), false)
	s.ok(err)
	if len(results) != len(list) {
		s.Fatalf("%d results for %d accounts", len(results), len(list))
	}
	return results
}

func (s *suite) foundBy(canonical string) account.Account {
	s.Helper()
	a, err := s.store.AccountByIdentifier(s.ctx, canonical)
	s.ok(err)
	return a
}

func importPromises() promises {
	return promises{
		"imported accounts are found as they were given, and can sign in": func(s *suite) {
			ana, bia := person("Ana"), person("Bia")
			ana.VerifiedAt, ana.Attributes, ana.DisabledAt = at(time.Second), `{"user_id":7}`, time.Time{}
			ana.PasswordHash, bia.PasswordHash = "$legacy$md5$0,0,0,16$$$AAAAAAAAAAAAAAAAAAAAAA", ""
			s.same(s.imports(ana, bia), []error{nil, nil})
			s.same(s.account(ana.ID), ana)
			s.same(s.account(bia.ID), bia)
			s.same(s.foundBy(ana.Canonical), ana)
			s.same(len(s.credentials(ana)), 1)
			s.same(len(s.credentials(bia)), 0)
		},
		"each imported account has its event, dated when it was imported": func(s *suite) {
			ana := person("Ana")
			s.imports(ana, person("Bia"))
			page, err := s.store.Events(s.ctx, 0, event.Filter{}, 10)
			s.ok(err)
			s.same(len(page.Events), 2)
			for _, e := range page.Events {
				s.same([]any{e.Type, e.Reason, e.At}, []any{event.AccountCreated, account.ReasonImport, at(time.Hour)})
			}
		},
		"a repeated import changes nothing and says so": func(s *suite) {
			ana := person("Ana")
			s.imports(ana)
			again := ana
			again.PasswordHash = "other"
			s.same(errors.Is(s.imports(again)[0], account.ErrPresent), true)
			s.same(s.account(ana.ID), ana)
		},
		"an account with a taken name or id is refused, and the others are added": func(s *suite) {
			first := s.created("Ana")
			name, id, other := person("ANA"), person("Bia"), person("Caio")
			name.Canonical, id.ID = first.Canonical, first.ID
			results := s.imports(name, id, other)
			s.fails(results[0], account.ErrIdentifierTaken)
			s.fails(results[1], account.ErrIDTaken)
			s.ok(results[2])
			s.same(s.account(first.ID), first)
			s.same(s.account(other.ID), other)
			_, err := s.store.AccountByIdentifier(s.ctx, id.Canonical)
			s.fails(err, account.ErrNotFound)
		},
		"two accounts of one import with one name or id": func(s *suite) {
			a, b, c := person("Ana"), person("ANA"), person("Caio")
			b.Canonical, c.ID = a.Canonical, a.ID
			results := s.imports(a, b, c)
			s.ok(results[0])
			s.fails(results[1], account.ErrIdentifierTaken)
			s.fails(results[2], account.ErrIDTaken)
			s.same(s.account(a.ID), a)
		},
		"a dry import reports the same and adds nothing": func(s *suite) {
			first := s.created("Ana")
			name, other, twin := person("ANA"), person("Caio"), person("CAIO")
			name.Canonical, twin.Canonical = first.Canonical, other.Canonical
			results, err := s.store.ImportAccounts(s.ctx, []account.Account{name, other, twin, first}, at(time.Hour), true)
			s.ok(err)
			s.fails(results[0], account.ErrIdentifierTaken)
			s.ok(results[1])
			s.fails(results[2], account.ErrIdentifierTaken)
			s.fails(results[3], account.ErrPresent)
			_, err = s.store.Account(s.ctx, other.ID)
			s.fails(err, account.ErrNotFound)
		},
		"an import is written wholly or not at all": func(s *suite) {
			good, bad := person("Ana"), person("a\x00b") // no engine keeps the second
			if _, err := s.store.ImportAccounts(s.ctx, []account.Account{good, bad}, at(time.Hour), false); err == nil {
				s.Error("an impossible name was imported")
			}
			_, err := s.store.Account(s.ctx, good.ID)
			s.fails(err, account.ErrNotFound)
		},
		"of imports and sign-ups at the same time, one has each name": func(s *suite) {
			const names, writers = 10, 4
			ids := make([]map[string]string, writers) // of each writer: name to id
			var wait sync.WaitGroup
			for w := range writers {
				ids[w] = map[string]string{}
				wait.Go(func() {
					var list []account.Account
					for n := range names {
						a := person(fmt.Sprint("name ", n))
						list = append(list, a)
					}
					if w%2 == 0 {
						for _, a := range list {
							if err := s.store.CreateAccount(s.ctx, a); err == nil {
								ids[w][a.Canonical] = a.ID
							}
						}
						return
					}
					results, err := s.store.ImportAccounts(s.ctx, list, at(time.Hour), false)
					if err != nil {
						s.Error(err)
						return
					}
					for i, a := range list {
						if results[i] == nil {
							ids[w][a.Canonical] = a.ID
						}
					}
				})
			}
			wait.Wait()
			winners := map[string]int{}
			for _, of := range ids {
				for name, id := range of {
					winners[name]++
					s.same(s.foundBy(name).ID, id)
				}
			}
			s.same(len(winners), names)
			for name, n := range winners {
				if n != 1 {
					s.Errorf("%s has %d owners", name, n)
				}
			}
		},
	}
}
