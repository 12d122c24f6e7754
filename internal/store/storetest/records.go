package storetest

import (
	"fmt"
	"strings"
	"time"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/internal/session"
)

// recordPromises are the rules and events that each step writes.
func recordPromises() promises {
	return promises{
		"an account is created, disabled, enabled and deleted in the events": func(s *suite) {
			s.tokensLive(15 * time.Minute)
			a := s.created("Ana")
			d := s.signedIn(a)
			s.writes(func() { is(s, 1)(s.store.DisableAccount(s.ctx, a.ID, at(1e9))) },
				"u hard "+a.ID, "account.disabled", "session.ended "+d.ID+" account_disabled")
			s.writes(func() { is(s, 0)(s.store.DisableAccount(s.ctx, a.ID, at(2e9))) })
			s.writes(func() { s.ok(s.store.EnableAccount(s.ctx, a.ID, at(3e9))) }, "account.enabled")
			s.writes(func() { s.ok(s.store.ForgetDevices(s.ctx, a.ID, at(3e9))) }, "devices.forgotten")
			s.writes(func() { s.ok(s.store.EnableAccount(s.ctx, a.ID, at(4e9))) })
			d = s.signedIn(a)
			s.writes(func() { s.ok(s.store.DeleteAccount(s.ctx, a.ID, at(5e9))) },
				"u hard "+a.ID, "session.ended "+d.ID+" account_deleted", "account.deleted")
			var types []string
			for _, e := range s.events(0, event.Filter{AccountID: a.ID}) {
				types = append(types, string(e.Type))
			}
			s.same(strings.Join(types[:3], " "), "account.created login.succeeded session.started")
		},
		"a sign-in is recorded with its device, and who it was": func(s *suite) {
			a := s.created("Ana")
			d := s.signedIn(a)
			got := s.events(1, event.Filter{})
			want := event.Event{
				Seq: 2, ID: got[0].ID, Type: event.LoginSucceeded, At: d.CreatedAt, AccountID: a.ID, SessionID: d.ID,
				ClientID: d.ClientID, Actor: a.ID, Address: d.Address, UserAgent: d.UserAgent, Detail: map[string]string{"method": "pwd"},
			}
			s.same(got[0], want)
			want.Seq, want.ID, want.Type, want.Detail = 3, got[1].ID, event.SessionStarted, nil
			s.same(got[1], want)
		},
		"a sign-in that is refused or undone writes nothing": func(s *suite) {
			a := s.created("Ana")
			d := s.signedIn(a)
			s.writes(func() {
				s.fails(s.starts(issue.Start{Session: device(a), Account: elsewise(a)}), account.ErrChanged)
				if s.starts(issue.Start{Session: d, Account: a}) == nil {
					s.Error("one id is two sessions")
				}
				s.fails(s.store.CreateAccount(s.ctx, person("Ana")), account.ErrIdentifierTaken)
			})
		},
		"an ended session is a rule, once": func(s *suite) {
			s.tokensLive(15 * time.Minute)
			d := s.signedIn(s.created("Ana"))
			end := session.End{ID: d.ID, Reason: session.ReasonTokenReused, At: at(1e9)}
			s.writes(func() { is(s, true)(s.store.EndSession(s.ctx, end)) },
				"s hard "+d.ID, "session.ended "+d.ID+" refresh_token_reused")
			s.writes(func() { is(s, false)(s.store.EndSession(s.ctx, end)) })
		},
		"all sessions of an account are one rule, all but one are one each": func(s *suite) {
			s.tokensLive(15 * time.Minute)
			a := s.created("Ana")
			kept, other := s.signedIn(a), s.signedIn(a)
			end := session.EndMany{AccountID: a.ID, Except: kept.ID, Reason: session.ReasonEndedByOwner, At: at(1e9)}
			s.writes(func() { is(s, 1)(s.store.EndSessions(s.ctx, end)) },
				"s hard "+other.ID, "session.ended "+other.ID+" ended_by_owner")
			end.Except = ""
			s.writes(func() { is(s, 1)(s.store.EndSessions(s.ctx, end)) },
				"u hard "+a.ID, "session.ended "+kept.ID+" ended_by_owner")
			s.writes(func() { is(s, 0)(s.store.EndSessions(s.ctx, end)) })
		},
		"a flood of ended sessions is one soft rule": func(s *suite) {
			s.tokensLive(15 * time.Minute)
			for _, many := range []int{8, 9} {
				a := s.created(fmt.Sprint("Ana ", many))
				kept := s.signedIn(a)
				for range many {
					s.signedIn(a)
				}
				before := s.log().Seq
				is(s, many)(s.store.EndSessions(s.ctx, session.EndMany{AccountID: a.ID, Except: kept.ID, At: at(1e9)}))
				rules, _ := s.rules(before)
				if many == 8 {
					s.same(len(rules), 8)
					continue
				}
				s.same(rules, []rule.Rule{{
					Seq: before + 1, Kind: rule.Account, Value: a.ID, Mode: rule.Soft,
					At: at(1e9), Prune: at(1e9 + 15*time.Minute + rule.PruneMargin),
				}})
			}
		},
		"a flood of sign-outs, one by one, is about the account": func(s *suite) {
			s.tokensLive(15 * time.Minute)
			a := s.created("Ana")
			for n := range 12 {
				d := s.signedIn(a)
				before := s.log().Seq
				is(s, true)(s.store.EndSession(s.ctx, session.End{ID: d.ID, Reason: session.ReasonSignedOut, At: at(1e9)}))
				want := rule.Rule{Kind: rule.Session, Value: d.ID, Mode: rule.Hard}
				if n >= 8 {
					want = rule.Rule{Kind: rule.Account, Value: a.ID, Mode: rule.Soft}
				}
				want.Seq, want.At, want.Prune = before+1, at(1e9), at(1e9+15*time.Minute+rule.PruneMargin)
				rules, _ := s.rules(before)
				s.same(rules, []rule.Rule{want})
			}
		},
		"a new password is recorded, with the sessions that it ends": func(s *suite) {
			s.tokensLive(15 * time.Minute)
			a := s.created("Ana")
			kept, other := s.signedIn(a), s.signedIn(a)
			s.writes(func() { is(s, 1)(s.store.ChangePassword(s.ctx, change(a, kept.ID))) },
				"s hard "+other.ID, "password.changed "+kept.ID, "session.ended "+other.ID+" password_changed")
			s.writes(func() {
				_, err := s.store.ChangePassword(s.ctx, change(a, kept.ID))
				s.fails(err, account.ErrChanged)
			})
		},
		"no rule is written when the last token has under 10 seconds left": func(s *suite) {
			s.tokensLive(15 * time.Minute)
			a := s.created("Ana")
			for _, test := range []struct {
				limit, after time.Duration
				want         bool
			}{
				// Refreshed at the start, and repeated as late as a client may be
				// allowed to: for as long as its access tokens live.
				{24 * time.Hour, 30*time.Minute + session.MaxGrace - 10*time.Second - 1e6, true},
				{24 * time.Hour, 30*time.Minute + session.MaxGrace - 10*time.Second, false},
				// No token outlives its session, but for a started second.
				{5 * time.Minute, 5*time.Minute - 9*time.Second - 1e6, true},
				{5 * time.Minute, 5*time.Minute - 9*time.Second, false},
			} {
				d := device(a)
				d.AbsoluteExpiry = at(test.limit)
				s.started(a, d)
				before := s.log().Seq
				_, err := s.store.EndSession(s.ctx, session.End{ID: d.ID, Reason: session.ReasonSignedOut, At: at(test.after)})
				s.ok(err)
				if got := s.log().Seq > before; got != test.want {
					s.Errorf("limit %v, ended after %v: written is %t", test.limit, test.after, got)
				}
			}
		},
		"a step-up is a mint": func(s *suite) {
			s.tokensLive(15 * time.Minute)
			d := s.signedIn(s.created("Ana"))
			is(s, true)(s.store.StepUp(s.ctx, d.ID, proved(at(50*time.Minute))))
			before := s.log().Seq
			is(s, true)(s.store.EndSession(s.ctx, session.End{ID: d.ID, At: at(55 * time.Minute)}))
			s.same(s.log().Seq, before+1)
		},
		"an event says who did it, and from where": func(s *suite) {
			a := s.created("Ana")
			origin := event.Origin{Actor: event.Operator, Address: "192.0.2.7", UserAgent: "portaria"}
			_, err := s.store.DisableAccount(event.From(s.ctx, origin), a.ID, at(1e9))
			s.ok(err)
			got := s.events(0, event.Filter{Types: []event.Type{event.AccountDisabled}})[0]
			s.same(event.Origin{Actor: got.Actor, Address: got.Address, UserAgent: got.UserAgent}, origin)
		},
		"keys are rotated and killed in the events": func(s *suite) {
			s.ok(s.keys.AddKey(s.ctx, key("first", 1)))
			s.writes(func() { s.ok(s.keys.Rotate(s.ctx, "first", key("second", 2))) }, "key.rotated second")
			s.writes(func() { s.ok(s.keys.KillKey(s.ctx, "first", at(1e9))) }, "k hard first", "key.killed first")
			s.writes(func() { s.ok(s.keys.KillKey(s.ctx, "first", at(2e9))) })
		},
		"clients are created, changed, disabled, enabled and deleted in the events": func(s *suite) {
			c := service("orders")
			s.writes(func() { s.ok(s.store.CreateClient(s.ctx, c)) }, "client.created orders")
			s.writes(func() { s.ok(s.store.AddSecret(s.ctx, c.ID, secretOf(1, start))) }, "client.changed orders secret_added")
			s.writes(func() { s.ok(s.store.DropSecrets(s.ctx, c.ID, start)) }, "client.changed orders secrets_dropped")
			s.writes(func() { s.ok(s.store.DropSecrets(s.ctx, c.ID, start)) })
			s.writes(func() { s.ok(s.store.EnableClient(s.ctx, c.ID, start)) })
			s.writes(func() { s.ok(s.store.DisableClient(s.ctx, c.ID, start)) }, "c hard orders", "client.disabled orders")
			s.writes(func() { s.ok(s.store.DisableClient(s.ctx, c.ID, start)) })
			s.writes(func() { s.ok(s.store.EnableClient(s.ctx, c.ID, start)) }, "client.enabled orders")
			s.writes(func() { s.ok(s.store.DeleteClient(s.ctx, c.ID, start)) }, "c hard orders", "client.deleted orders")
		},
		"the settings record of a client only what they change": func(s *suite) {
			c := service("orders")
			c.Configured = true
			s.writes(func() { s.ok(s.store.DescribeClient(s.ctx, c, start)) }, "client.created orders settings")
			s.writes(func() { s.ok(s.store.DescribeClient(s.ctx, c, at(1e9))) })
			c.Scopes = append(c.Scopes, "more")
			s.writes(func() { s.ok(s.store.DescribeClient(s.ctx, c, start)) }, "client.changed orders settings")
			s.writes(func() { is(s, true)(s.store.WithdrawClient(s.ctx, c.ID, start)) }, "c hard orders", "client.disabled orders settings")
		},
		"a requested rule is recorded, with the sessions that it ends": func(s *suite) {
			a := s.created("Ana")
			d := s.signedIn(a)
			s.writes(func() {
				s.wrote(revoke.Entry{Kind: rule.Account, Value: a.ID, Mode: rule.Hard, At: at(1e9), Reason: "stolen laptop"})
			}, "u hard "+a.ID, "revocation.written stolen laptop", "session.ended "+d.ID+" revoked")
			s.writes(func() {
				s.wrote(revoke.Entry{Kind: rule.Key, Value: "kid", Mode: rule.Hard, At: at(1e9)})
			}, "k hard kid", "revocation.written kid")
			for kind, value := range map[rule.Kind]string{rule.Client: "web", rule.Issuer: "https://auth.example.com"} {
				d, expired := s.signedIn(a), device(a)
				expired.ExpiresAt, expired.AbsoluteExpiry = at(1e9), at(1e9)
				s.started(a, expired)
				words := strings.Fields("revocation.written " + map[rule.Kind]string{rule.Client: "web"}[kind])
				s.writes(func() {
					s.wrote(revoke.Entry{Kind: kind, Value: value, Mode: rule.Hard, At: at(1e9)})
				}, string(kind)+" hard "+value, strings.Join(words, " "), "session.ended "+d.ID+" revoked")
			}
		},
		"a revision is the head from before, and never older than what was acknowledged": func(s *suite) {
			a := s.created("Ana")
			for range 3 {
				s.wrote(token("x"))
				head := s.log().Seq
				revision, err := s.store.StartSession(s.ctx, issue.Start{Session: device(a), Account: a})
				s.ok(err)
				s.same(revision, head)
				d := s.signedIn(a)
				found, err := s.store.Session(s.ctx, d.ID)
				s.ok(err)
				s.same(found.Revision, head)
			}
			s.ok(s.store.CreateClient(s.ctx, service("orders")))
			c, err := s.store.Client(s.ctx, "orders")
			s.ok(err)
			s.same(c.Revision, s.log().Seq)
		},
	}
}

// writes checks the rules, and then the events, that a step adds, each in a few
// words.
func (s *suite) writes(step func(), want ...string) {
	s.Helper()
	head := s.log().Seq
	last, err := s.store.LastEvent(s.ctx)
	s.ok(err)
	step()
	var got []string
	rules, _ := s.rules(head)
	for _, r := range rules {
		got = append(got, fmt.Sprint(r.Kind, " ", r.Mode, " ", r.Value))
	}
	for _, e := range s.events(last, event.Filter{}) {
		words := []string{string(e.Type), e.SessionID, e.ClientID, e.KeyID, e.Reason}
		if e.AccountID != "" { // its sessions' client
			words[2] = ""
		}
		got = append(got, strings.Join(strings.Fields(strings.Join(words, " ")), " "))
	}
	s.same(got, want)
}

// tokensLive makes a key whose tokens live so long.
func (s *suite) tokensLive(ttl time.Duration) {
	s.Helper()
	k := key("first", 1)
	k.LongestTTL = ttl
	s.ok(s.keys.AddKey(s.ctx, k))
}
