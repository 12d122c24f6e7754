package storetest

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/secret"
)

// authenticator is a credential of a, ready to be added.
func authenticator(a account.Account, label string) account.Credential {
	return account.NewCredential(a.ID, account.TOTP, account.Sealed([]byte{0, 1, 255}), label, at(time.Second))
}

func (s *suite) credentials(a account.Account) []account.Credential {
	s.Helper()
	list, err := s.store.Credentials(s.ctx, a.ID)
	s.ok(err)
	return list
}

func credentialPromises() promises {
	return promises{
		"an account is created with its password as a credential": func(s *suite) {
			a := s.created("Ana")
			s.same(s.credentials(a), []account.Credential{{
				ID: a.ID, AccountID: a.ID, Kind: account.Password, Data: secret.Text(a.PasswordHash), CreatedAt: start, ChangedAt: start,
			}})
		},
		"an account without a password has no credential, and can be given one": func(s *suite) {
			a := person("Ana")
			a.PasswordHash = ""
			s.ok(s.store.CreateAccount(s.ctx, a))
			s.same(len(s.credentials(a)), 0)
			is(s, 0)(s.store.ChangePassword(s.ctx, change(a, "")))
			s.same(s.credentials(a)[0].Data, secret.Text("new hash"))
		},
		"a new password and a rehash change the credential": func(s *suite) {
			a := s.created("Ana")
			s.ok(s.starts(issue.Start{Session: device(a), Account: a, NewHash: "stronger"}))
			got := s.credentials(a)[0]
			s.same([]any{got.Data, got.ChangedAt}, []any{secret.Text("stronger"), start})
			is(s, 1)(s.store.ChangePassword(s.ctx, change(s.account(a.ID), "")))
			got = s.credentials(a)[0]
			s.same([]any{got.Data, got.ChangedAt, got.CreatedAt}, []any{secret.Text("new hash"), at(time.Minute), start})
		},
		"a credential is kept, replaced and removed, and the version rises each time": func(s *suite) {
			a := s.created("Ana")
			c := authenticator(a, "ção 📱")
			s.writes(func() { s.ok(s.store.AddCredential(s.ctx, 0, c)) }, "credential.added")
			s.same(s.credentials(a)[1], c)
			c.Data, c.Label, c.ChangedAt, c.UsedAt = "other", "tablet", at(time.Minute), at(time.Hour)
			s.writes(func() { s.ok(s.store.ReplaceCredential(s.ctx, 1, c)) }, "credential.changed")
			s.same(s.credentials(a)[1], c)
			s.writes(func() { s.ok(s.store.RemoveCredential(s.ctx, 2, a.ID, c.ID, at(2*time.Hour))) }, "credential.removed")
			s.same(len(s.credentials(a)), 1)
			s.same(s.account(a.ID).CredentialsVersion, int64(3))
		},
		"events of credentials name the kind and the id, and nothing that somebody typed": func(s *suite) {
			a := s.created("Ana")
			c := authenticator(a, "hunter2")
			s.ok(s.store.AddCredential(s.ctx, 0, c))
			s.ok(s.store.RemoveCredential(s.ctx, 1, a.ID, c.ID, at(time.Minute)))
			got := s.events(1, event.Filter{})
			for i, want := range []event.Event{{Type: event.CredentialAdded, At: c.CreatedAt}, {Type: event.CredentialRemoved, At: at(time.Minute)}} {
				want.Seq, want.ID, want.AccountID = got[i].Seq, got[i].ID, a.ID
				want.Detail = map[string]string{"kind": "totp", "credential_id": c.ID}
				s.same(got[i], want)
			}
		},
		"a sign-in that read the credentials before they changed does not commit": func(s *suite) {
			a := s.created("Ana")
			s.ok(s.store.AddCredential(s.ctx, 0, authenticator(a, "")))
			s.fails(s.starts(issue.Start{Session: device(a), Account: a}), account.ErrChanged)
			s.ok(s.starts(issue.Start{Session: device(a), Account: s.account(a.ID)}))
		},
		"a credential is not changed from another version, nor of a disabled account": func(s *suite) {
			a := s.created("Ana")
			c := authenticator(a, "")
			s.fails(s.store.AddCredential(s.ctx, 1, c), account.ErrChanged)
			s.ok(s.store.AddCredential(s.ctx, 0, c))
			is(s, 0)(s.store.DisableAccount(s.ctx, a.ID, start))
			s.fails(s.store.ReplaceCredential(s.ctx, 1, c), account.ErrChanged)
			s.fails(s.store.RemoveCredential(s.ctx, 1, a.ID, c.ID, start), account.ErrChanged)
			s.same(len(s.credentials(a)), 2)
		},
		"a password is changed by no other step": func(s *suite) {
			a := s.created("Ana")
			c := s.credentials(a)[0]
			s.fails(s.store.AddCredential(s.ctx, 0, c), account.ErrCredential)
			s.fails(s.store.ReplaceCredential(s.ctx, 0, c), account.ErrCredential)
			c.Kind = account.TOTP
			s.fails(s.store.ReplaceCredential(s.ctx, 0, c), account.ErrNotFound)
			s.writes(func() { s.fails(s.store.RemoveCredential(s.ctx, 0, a.ID, c.ID, start), account.ErrNotFound) })
			s.same(s.account(a.ID), a)
			s.same(s.credentials(a)[0].Kind, account.Password)
		},
		"an account has so many credentials at most, and none that is too long": func(s *suite) {
			a := s.created("Ana")
			long := authenticator(a, strings.Repeat("x", account.MaxLabel+1))
			s.fails(s.store.AddCredential(s.ctx, 0, long), account.ErrCredential)
			long.Label, long.Data = "", secret.Text(strings.Repeat("x", account.MaxCredentialData+1))
			s.fails(s.store.AddCredential(s.ctx, 0, long), account.ErrCredential)
			for i := range int64(account.MaxCredentials - 1) {
				s.ok(s.store.AddCredential(s.ctx, i, authenticator(a, fmt.Sprint(i))))
			}
			s.fails(s.store.AddCredential(s.ctx, account.MaxCredentials-1, authenticator(a, "")), account.ErrCredential)
			s.same(s.account(a.ID).CredentialsVersion, int64(account.MaxCredentials-1))
		},
		"of several changes from one version, one is made": func(s *suite) {
			a := s.created("Ana")
			var group sync.WaitGroup
			won := make(chan error, 20)
			for range cap(won) {
				group.Go(func() { won <- s.store.AddCredential(s.ctx, 0, authenticator(a, "")) })
			}
			group.Wait()
			close(won)
			made := 0
			for err := range won {
				if err == nil {
					made++
				} else {
					s.fails(err, account.ErrChanged)
				}
			}
			s.same([]int{made, len(s.credentials(a))}, []int{1, 2})
		},
		"deleting an account deletes its credentials": func(s *suite) {
			a := s.created("Ana")
			s.ok(s.store.AddCredential(s.ctx, 0, authenticator(a, "")))
			s.ok(s.store.DeleteAccount(s.ctx, a.ID, start))
			s.same(len(s.credentials(a)), 0)
		},
		"attributes are replaced, and are not too long": func(s *suite) {
			a, b := s.created("Ana"), s.created("Bia")
			s.ok(s.store.SetAttributes(s.ctx, a.ID, `{"roles":["admin"]}`, start))
			s.fails(s.store.SetAttributes(s.ctx, a.ID, account.Attributes(strings.Repeat("x", account.MaxAttributes+1)), start), account.ErrAttributes)
			s.fails(s.store.SetAttributes(s.ctx, nobody, "{}", start), account.ErrNotFound)
			a.Attributes = `{"roles":["admin"]}`
			s.same(s.account(a.ID), a)
			s.same(s.account(b.ID), b)
		},
		"other attributes are a soft rule about the account, and the session goes on": func(s *suite) {
			s.tokensLive(15 * time.Minute)
			a := s.created("Ana")
			d := s.signedIn(a)
			set := func() { s.ok(s.store.SetAttributes(s.ctx, a.ID, `{"roles":["admin"]}`, at(time.Minute))) }
			s.writes(set, "u soft "+a.ID, "account.changed attributes")
			s.writes(set) // the same again
			s.writes(func() { s.ok(s.store.SetAttributes(s.ctx, a.ID, "", at(time.Hour))) }, "u soft "+a.ID, "account.changed attributes")
			found, err := s.store.Session(s.ctx, d.ID)
			s.ok(err)
			s.same([]any{found.EndedAt, s.account(a.ID).CredentialsVersion}, []any{time.Time{}, int64(0)})
		},
	}
}
