package storetest

import (
	"time"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/session"
)

func loginPromises() promises {
	return promises{
		"advice about a password is kept until the next sign-in or the next password": func(s *suite) {
			a := s.created("Ana")
			s.ok(s.starts(issue.Start{Session: device(a), Account: a, Advice: "password_common"}))
			a = s.account(a.ID)
			s.same([]any{a.PasswordAdvice, a.CredentialsVersion}, []any{"password_common", int64(0)})
			s.ok(s.starts(issue.Start{Session: device(a), Account: a}))
			s.same(s.account(a.ID).PasswordAdvice, "")
			s.ok(s.starts(issue.Start{Session: device(a), Account: s.account(a.ID), NewHash: "stronger", Advice: "password_too_short"}))
			a = s.account(a.ID)
			s.same(a.PasswordAdvice, "password_too_short")
			_, err := s.store.ChangePassword(s.ctx, change(a, ""))
			s.ok(err)
			s.same(s.account(a.ID).PasswordAdvice, "")
		},
		"a session is started only with the credentials that were read": func(s *suite) {
			a := s.created("Ana")
			d := device(a)
			for _, read := range []account.Account{older(a), elsewise(a), s.created("Bia"), {}} {
				s.fails(s.starts(issue.Start{Session: d, Account: read}), account.ErrChanged)
			}
			_, err := s.store.Session(s.ctx, d.ID)
			s.fails(err, session.ErrNotFound)
		},
		"a session is not started for an account that is disabled or gone": func(s *suite) {
			a := s.created("Ana")
			is(s, 0)(s.store.DisableAccount(s.ctx, a.ID, at(1e9)))
			begin := issue.Start{Session: device(a), Account: a}
			s.fails(s.starts(begin), account.ErrChanged)
			s.ok(s.store.DeleteAccount(s.ctx, a.ID, start))
			s.fails(s.starts(begin), account.ErrChanged)
		},
		"a rehash replaces the hash, not the moment it was chosen": func(s *suite) {
			a := s.created("Ana")
			s.ok(s.starts(issue.Start{Session: device(a), Account: a, NewHash: "stronger"}))
			a.PasswordHash, a.CredentialsVersion = "stronger", 1
			s.same(s.account(a.ID), a)
		},
		"a rehash is undone with its sign-in": func(s *suite) {
			a := s.created("Ana")
			d := s.signedIn(a)
			if err := s.starts(issue.Start{Session: d, Account: a, NewHash: "stronger"}); err == nil {
				s.Error("one id is two sessions")
			}
			s.same(s.account(a.ID), a)
		},
		"a new password keeps the session that asked, and no other": func(s *suite) {
			a, b := s.created("Ana"), s.created("Bia")
			kept, ended, other := s.signedIn(a), s.signedIn(a), s.signedIn(b)
			is(s, 1)(s.store.ChangePassword(s.ctx, change(a, kept.ID)))
			s.same(s.session(kept.ID), kept)
			s.same(s.session(other.ID), other)
			ended.EndedAt, ended.EndReason = at(time.Minute), session.ReasonPasswordChanged
			s.same(s.session(ended.ID), ended)
			a.PasswordHash, a.PasswordChangedAt, a.CredentialsVersion = "new hash", at(time.Minute), 1
			s.same(s.account(a.ID), a)
		},
		"a password is not changed from another hash, nor of a disabled account": func(s *suite) {
			a := s.created("Ana")
			d := s.signedIn(a)
			for _, read := range []account.Account{older(a), elsewise(a)} {
				_, err := s.store.ChangePassword(s.ctx, change(read, ""))
				s.fails(err, account.ErrChanged)
			}
			s.same(s.session(d.ID), d)
			is(s, 1)(s.store.DisableAccount(s.ctx, a.ID, at(1e9)))
			_, err := s.store.ChangePassword(s.ctx, change(a, ""))
			s.fails(err, account.ErrChanged)
			s.same(s.account(a.ID).PasswordHash, a.PasswordHash)
		},
		"disabling ends the account's sessions and tells how many": func(s *suite) {
			a, b := s.created("Ana"), s.created("Bia")
			first, other := s.signedIn(a), s.signedIn(b)
			s.signedIn(a)
			is(s, 2)(s.store.DisableAccount(s.ctx, a.ID, at(1e9)))
			first.EndedAt, first.EndReason = at(1e9), session.ReasonAccountDisabled
			s.same(s.session(first.ID), first)
			s.same(s.session(other.ID), other)
		},
		"deleting takes identifiers and sessions along and frees the name": func(s *suite) {
			a, b := s.created("Ana"), s.created("Bia")
			d, other := s.signedIn(a), s.signedIn(b)
			s.ok(s.store.DeleteAccount(s.ctx, a.ID, start))
			_, err := s.store.Account(s.ctx, a.ID)
			s.fails(err, account.ErrNotFound)
			_, err = s.store.AccountByIdentifier(s.ctx, a.Canonical)
			s.fails(err, account.ErrNotFound)
			_, err = s.store.Session(s.ctx, d.ID)
			s.fails(err, session.ErrNotFound)
			is(s, false)(s.store.Rotate(s.ctx, rotation(d, 0, 1)))
			s.same(s.session(other.ID), other)
			s.created("Ana")
		},
	}
}

func change(a account.Account, keep string) account.PasswordChange {
	return account.PasswordChange{
		Account: a, NewHash: "new hash", KeepSession: keep, At: at(time.Minute),
	}
}
