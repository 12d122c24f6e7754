package storetest

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/issue"
)

const upstream = "https://login.example.net"

// linkOf is a link of a, ready to be added.
func linkOf(a account.Account, subject string) account.Link {
	return account.Link{Issuer: upstream, Subject: subject, AccountID: a.ID, CreatedAt: at(time.Second)}
}

func (s *suite) links(a account.Account) []account.Link {
	s.Helper()
	list, err := s.store.Links(s.ctx, a.ID)
	s.ok(err)
	return list
}

func linkPromises() promises {
	return promises{
		"an account is found by its link, issuer and subject byte by byte": func(s *suite) {
			a, b := s.created("Ana"), s.created("Bia")
			l := linkOf(a, "248289761001")
			s.ok(s.store.AddLink(s.ctx, 0, l))
			other := linkOf(b, l.Subject)
			other.Issuer += "/"
			s.ok(s.store.AddLink(s.ctx, 0, other))
			a.CredentialsVersion = 1
			is(s, a)(s.store.AccountByLink(s.ctx, l.Issuer, l.Subject))
			earlier := linkOf(a, "3")
			earlier.CreatedAt = start
			s.ok(s.store.AddLink(s.ctx, 1, earlier))
			s.same(s.links(a), []account.Link{earlier, l})
			s.same(s.links(b), []account.Link{other})
			for _, wrong := range [][2]string{{l.Issuer, "24828976100"}, {strings.ToUpper(l.Issuer), l.Subject}, {l.Issuer, ""}, {"", l.Subject}, {l.Issuer, "\x00"}} {
				_, err := s.store.AccountByLink(s.ctx, wrong[0], wrong[1])
				s.fails(err, account.ErrNotFound)
			}
		},
		"a link is added once, is removed by its account alone, and raises the version": func(s *suite) {
			a, b := s.created("Ana"), s.created("Bia")
			l := linkOf(a, "1")
			s.writes(func() { s.ok(s.store.AddLink(s.ctx, 0, l)) }, "account.linked")
			s.writes(func() {
				s.fails(s.store.AddLink(s.ctx, 1, l), account.ErrLinkTaken)
				s.fails(s.store.AddLink(s.ctx, 0, linkOf(b, "1")), account.ErrLinkTaken)
				s.fails(s.store.RemoveLink(s.ctx, 0, linkOf(b, "1"), start), account.ErrNotFound)
				s.fails(s.store.RemoveLink(s.ctx, 1, linkOf(a, "2"), start), account.ErrNotFound)
			})
			s.same([]int64{s.account(a.ID).CredentialsVersion, s.account(b.ID).CredentialsVersion}, []int64{1, 0})
			s.writes(func() { s.ok(s.store.RemoveLink(s.ctx, 1, l, at(time.Minute))) }, "account.unlinked")
			s.same([]any{len(s.links(a)), s.account(a.ID).CredentialsVersion}, []any{0, int64(2)})
			s.ok(s.store.AddLink(s.ctx, 0, linkOf(b, "1")))
		},
		"events of links name the issuer and not the subject": func(s *suite) {
			a := s.created("Ana")
			l := linkOf(a, "ana@example.com")
			s.ok(s.store.AddLink(s.ctx, 0, l))
			got := s.events(1, event.Filter{})[0]
			s.same(got, event.Event{
				Seq: got.Seq, ID: got.ID, Type: event.AccountLinked, At: l.CreatedAt, AccountID: a.ID, Detail: map[string]string{"issuer": upstream},
			})
		},
		"a sign-in that read the account before a link was removed does not commit": func(s *suite) {
			a := s.created("Ana")
			l := linkOf(a, "1")
			s.ok(s.store.AddLink(s.ctx, 0, l))
			read := s.account(a.ID)
			s.ok(s.store.RemoveLink(s.ctx, 1, l, start))
			s.fails(s.starts(issue.Start{Session: device(a), Account: read}), account.ErrChanged)
		},
		"links are not changed from another version, nor of a disabled account": func(s *suite) {
			a := s.created("Ana")
			l := linkOf(a, "1")
			s.fails(s.store.AddLink(s.ctx, 1, l), account.ErrChanged)
			s.ok(s.store.AddLink(s.ctx, 0, l))
			is(s, 0)(s.store.DisableAccount(s.ctx, a.ID, start))
			s.fails(s.store.AddLink(s.ctx, 1, linkOf(a, "2")), account.ErrChanged)
			s.fails(s.store.RemoveLink(s.ctx, 1, l, start), account.ErrChanged)
			s.same(s.links(a), []account.Link{l})
		},
		"an account has so many links at most, and none that is too long": func(s *suite) {
			a := s.created("Ana")
			for _, bad := range []account.Link{
				linkOf(a, ""), linkOf(a, strings.Repeat("x", account.MaxLinkSubject+1)), linkOf(a, "\x00"), linkOf(a, "é"),
				{Subject: "1", AccountID: a.ID}, {Issuer: strings.Repeat("x", account.MaxLinkIssuer+1), Subject: "1", AccountID: a.ID},
			} {
				s.fails(s.store.AddLink(s.ctx, 0, bad), account.ErrLink)
			}
			for i := range int64(account.MaxLinks) {
				s.ok(s.store.AddLink(s.ctx, i, linkOf(a, fmt.Sprint(i))))
			}
			s.fails(s.store.AddLink(s.ctx, account.MaxLinks, linkOf(a, "more")), account.ErrLink)
			list := s.links(a)
			s.same([]string{list[0].Subject, list[1].Subject, list[account.MaxLinks-1].Subject}, []string{"0", "1", "9"}) // all of one moment
		},
		"of 20 accounts that ask for one subject, one gets it": func(s *suite) {
			accounts := make([]account.Account, 20)
			for i := range accounts {
				accounts[i] = s.created(fmt.Sprint("Ana ", i))
			}
			var winners atomic.Int64
			s.together(len(accounts), func(i int) error {
				err := s.store.AddLink(s.ctx, 0, linkOf(accounts[i], "1"))
				if err == nil {
					winners.Add(1)
				}
				return unless(err, account.ErrLinkTaken)
			})
			s.same(winners.Load(), int64(1))
		},
		"deleting an account deletes its links": func(s *suite) {
			a, b := s.created("Ana"), s.created("Bia")
			s.ok(s.store.AddLink(s.ctx, 0, linkOf(a, "1")))
			s.ok(s.store.DeleteAccount(s.ctx, a.ID, start))
			_, err := s.store.AccountByLink(s.ctx, upstream, "1")
			s.fails(err, account.ErrNotFound)
			s.ok(s.store.AddLink(s.ctx, 0, linkOf(b, "1")))
		},
	}
}
