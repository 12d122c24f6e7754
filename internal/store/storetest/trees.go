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

// child is a session of a that comes from another one.
func child(a account.Account, parent session.Session) session.Session {
	d := device(a)
	d.Parent, d.ClientID = parent.ID, "shop"
	return d
}

// parentPromises are about sessions that came from others.
func parentPromises() promises {
	return promises{
		"a session ends with its parent": func(s *suite) {
			a := s.created("Ana")
			top, other := s.signedIn(a), s.signedIn(a)
			d, sibling := s.started(a, child(a, top)), s.started(a, child(a, other))
			s.same(s.session(d.ID), d)
			is(s, true)(s.store.EndSession(s.ctx, session.End{ID: top.ID, Reason: session.ReasonSignedOut, At: at(1e9)}))
			s.same(s.session(d.ID).EndReason, session.ReasonSignedOut)
			s.same(s.session(other.ID), other)
			s.same(s.session(sibling.ID), sibling)
		},
		"a parent goes on when a session that came from it ends": func(s *suite) {
			s.tokensLive(15 * time.Minute)
			a := s.created("Ana")
			top := s.signedIn(a)
			d := s.started(a, child(a, top))
			s.writes(func() {
				is(s, true)(s.store.EndSession(s.ctx, session.End{ID: d.ID, Reason: session.ReasonSignedOut, At: at(1e9)}))
			}, "s hard "+d.ID, "session.ended "+d.ID+" signed_out")
			s.same(s.session(top.ID), top)
		},
		"a session does not come from one that has ended, is unknown, is another account's, or came from one itself": func(s *suite) {
			a, b := s.created("Ana"), s.created("Bia")
			ended, stranger := s.signedIn(a), s.signedIn(b)
			inner := s.started(a, child(a, s.signedIn(a)))
			is(s, true)(s.store.EndSession(s.ctx, session.End{ID: ended.ID, Reason: session.ReasonSignedOut, At: at(1e9)}))
			for _, parent := range []session.Session{ended, stranger, {ID: nobody}, inner} {
				s.fails(s.starts(issue.Start{Session: child(a, parent), Account: a}), session.ErrEnded)
			}
		},
		"a tree ends with one rule, and an event for each session": func(s *suite) {
			s.tokensLive(15 * time.Minute)
			a := s.created("Ana")
			top := s.signedIn(a)
			d := s.started(a, child(a, top))
			s.writes(func() {
				is(s, true)(s.store.EndSession(s.ctx, session.End{ID: top.ID, Reason: session.ReasonSignedOut, At: at(1e9)}))
			}, "s hard "+top.ID, "session.ended "+top.ID+" signed_out", "session.ended "+d.ID+" signed_out")
		},
		"the event of a session names its parent": func(s *suite) {
			a := s.created("Ana")
			top := s.signedIn(a)
			last, err := s.store.LastEvent(s.ctx)
			s.ok(err)
			d := s.started(a, child(a, top))
			is(s, true)(s.store.EndSession(s.ctx, session.End{ID: d.ID, Reason: session.ReasonSignedOut, At: at(1e9)}))
			for _, e := range s.events(last, event.Filter{SessionID: d.ID}) {
				if strings.HasPrefix(string(e.Type), "session.") && e.Detail["parent"] != top.ID {
					s.Errorf("%s: %v", e.Type, e.Detail)
				}
			}
		},
		"a rule covers the tokens of a child that was refreshed after its parent": func(s *suite) {
			s.tokensLive(15 * time.Minute)
			a := s.created("Ana")
			top := s.signedIn(a)
			d := child(a, top)
			d.CreatedAt, d.UsedAt, d.RotatedAt = at(5*time.Hour), at(5*time.Hour), at(5*time.Hour)
			s.started(a, d)
			before := s.log().Seq
			is(s, false)(s.store.EndSession(s.ctx, session.End{ID: top.ID, Reason: session.ReasonSignedOut, At: at(5*time.Hour + time.Minute)}))
			rules, _ := s.rules(before)
			if len(rules) != 1 || rules[0].Value != top.ID {
				s.Errorf("rules %v, want one about the parent", rules)
			}
		},
		"many children are no flood": func(s *suite) {
			s.tokensLive(15 * time.Minute)
			a := s.created("Ana")
			for range 2 { // the second one sees the first one's children
				top := s.signedIn(a)
				for range 9 {
					s.started(a, child(a, top))
				}
				before := s.log().Seq
				is(s, true)(s.store.EndSession(s.ctx, session.End{ID: top.ID, Reason: session.ReasonSignedOut, At: at(1e9)}))
				rules, _ := s.rules(before)
				if len(rules) != 1 || rules[0].Kind != rule.Session || rules[0].Value != top.ID {
					s.Errorf("rules %v, want one about the parent", rules)
				}
			}
		},
		"the session that is kept keeps its parent": func(s *suite) {
			s.tokensLive(15 * time.Minute)
			a := s.created("Ana")
			top, other := s.signedIn(a), s.signedIn(a)
			kept, sibling, elsewhere := s.started(a, child(a, top)), s.started(a, child(a, top)), s.started(a, child(a, other))
			end := session.EndMany{AccountID: a.ID, Except: kept.ID, Reason: session.ReasonEndedByOwner, At: at(1e9)}
			is(s, 3)(s.store.EndSessions(s.ctx, end))
			s.alive(kept, top)
			s.over(other, sibling, elsewhere)
			end.Except = top.ID
			is(s, 1)(s.store.EndSessions(s.ctx, end))
			s.alive(top)
			s.over(kept)
		},
		"children end with what ends their parent": func(s *suite) {
			s.tokensLive(15 * time.Minute)
			c := service("web")
			s.ok(s.store.CreateClient(s.ctx, c))
			for name, end := range map[string]func(a account.Account) error{
				"c": func(account.Account) error {
					_, err := s.store.Write(s.ctx, revoke.Entry{Kind: rule.Client, Value: "web", Mode: rule.Hard, At: at(1e9)})
					return err
				},
				"uc": func(a account.Account) error {
					_, err := s.store.Write(s.ctx, revoke.Entry{Kind: rule.AccountAtClient, Value: rule.Pair(a.ID, "web"), Mode: rule.Hard, At: at(1e9)})
					return err
				},
				"disable": func(account.Account) error { return s.store.DisableClient(s.ctx, "web", at(1e9)) },
				"delete":  func(account.Account) error { return s.store.DeleteClient(s.ctx, "web", at(1e9)) },
			} {
				if name == "delete" {
					s.ok(s.store.EnableClient(s.ctx, "web", start))
				}
				a := s.created("Ana " + name)
				top, bare := s.signedIn(a), s.signedIn(a)
				d := s.started(a, child(a, top))
				before := s.log().Seq
				s.ok(end(a))
				s.over(top, bare, d)
				// The rule about the client misses the child's tokens alone.
				rules, _ := s.rules(before)
				if len(rules) != 2 || rules[0].Kind == rule.Session || rules[1].Kind != rule.Session || rules[1].Value != top.ID || rules[1].Mode != rule.Hard {
					s.Errorf("%s: rules %v", name, rules)
				}
				if name == "delete" {
					s.ok(s.store.CreateClient(s.ctx, c))
				}
			}
		},
		"a rule about a session ends its children": func(s *suite) {
			a := s.created("Ana")
			top := s.signedIn(a)
			d := s.started(a, child(a, top))
			s.writes(func() {
				s.wrote(revoke.Entry{Kind: rule.Session, Value: top.ID, Mode: rule.Hard, At: at(1e9)})
			}, "s hard "+top.ID, "revocation.written "+top.ID, "session.ended "+top.ID+" revoked", "session.ended "+d.ID+" revoked")
		},
		"a repeated rule spares who signed in since, but no child of an old session": func(s *suite) {
			for kind, value := range map[rule.Kind]func(a account.Account) string{
				rule.Account:         func(a account.Account) string { return a.ID },
				rule.Client:          func(account.Account) string { return "web" },
				rule.AccountAtClient: func(a account.Account) string { return rule.Pair(a.ID, "web") },
				rule.Issuer:          func(account.Account) string { return "https://auth.example.com" },
			} {
				a := s.created("Ana " + string(kind))
				top := s.signedIn(a)
				late, since := child(a, top), device(a)
				late.CreatedAt, since.CreatedAt = at(time.Hour/2), at(time.Hour/2)
				s.started(a, late)
				s.started(a, since)
				s.wrote(revoke.Entry{Kind: kind, Value: value(a), Mode: rule.Hard, At: at(time.Hour - 1e9), Repeats: at(1e9)})
				s.over(top, late)
				s.alive(since)
				s.ok(s.store.DeleteAccount(s.ctx, a.ID, start))
			}
		},
		"very many sessions of a client end with their children, in portions": func(s *suite) {
			s.tokensLive(15 * time.Minute)
			s.ok(s.store.CreateClient(s.ctx, service("web")))
			var all []session.Session
			for n := range 102 {
				a := s.created(fmt.Sprint("Ana ", n))
				top := s.signedIn(a)
				all = append(all, top, s.started(a, child(a, top)))
			}
			before := s.log().Seq
			s.ok(s.store.DisableClient(s.ctx, "web", at(1e9)))
			s.over(all...)
			rules, _ := s.rules(before)
			about := map[string]bool{}
			for _, r := range rules {
				about[fmt.Sprint(r.Kind, " ", r.Mode, " ", r.Value)] = true
			}
			for i := 0; i < len(all); i += 2 {
				if !about["s hard "+all[i].ID] {
					s.Errorf("no rule about %s, whose child was at another client", all[i].ID)
				}
			}
			s.same(s.recordedEndings(session.ReasonClientDisabled), len(all))
		},
		"very many sessions of an account end, but for one and its parent": func(s *suite) {
			a := s.created("Ana")
			top := s.signedIn(a)
			kept := s.started(a, child(a, top))
			other := s.signedIn(a)
			inner := s.started(a, child(a, other))
			for range 101 {
				s.signedIn(a)
			}
			is(s, 103)(s.store.EndSessions(s.ctx, session.EndMany{AccountID: a.ID, Except: kept.ID, Reason: session.ReasonEndedByOwner, At: at(1e9)}))
			s.alive(top, kept)
			s.over(other, inner)
		},
		"a sign-in beyond the limit ends no session whose children live": func(s *suite) {
			a := s.created("Ana")
			top := s.signedIn(a)
			first := s.started(a, child(a, top))
			late := child(a, top)
			late.UsedAt, late.ExpiresAt = at(time.Minute), at(2*time.Hour)
			s.ok(s.starts(issue.Start{Session: late, Account: a, MostSessions: 2}))
			s.alive(top, late)
			s.over(first)
		},
		"a session that begins while its parent ends does not live on": func(s *suite) {
			a := s.created("Ana")
			ender := s.beside() // steps of one process share transactions, one after another
			for round := range rounds {
				top := s.signedIn(a)
				var begun []session.Session
				for range 10 {
					begun = append(begun, child(a, top))
				}
				s.together(len(begun)+1, func(n int) error {
					if n == len(begun) && round%2 == 0 {
						_, err := ender.EndSessions(s.ctx, session.EndMany{AccountID: a.ID, Reason: session.ReasonEndedByOwner, At: at(1e9)})
						return err
					}
					if n == len(begun) {
						_, err := ender.EndSession(s.ctx, session.End{ID: top.ID, Reason: session.ReasonSignedOut, At: at(1e9)})
						return err
					}
					if _, err := s.store.StartSession(s.ctx, issue.Start{Session: begun[n], Account: a}); err != nil {
						begun[n].ID = "" // it was too late
					}
					return nil
				})
				for _, d := range begun {
					if d.ID != "" {
						s.over(d)
					}
				}
			}
		},
	}
}

// alive checks that sessions go on, and over that they have ended.
func (s *suite) alive(all ...session.Session) {
	s.Helper()
	for _, d := range all {
		if got := s.session(d.ID); !got.EndedAt.IsZero() {
			s.Errorf("session %s (parent %q) has ended: %s", d.ID, d.Parent, got.EndReason)
		}
	}
}

func (s *suite) over(all ...session.Session) {
	s.Helper()
	for _, d := range all {
		if s.session(d.ID).EndedAt.IsZero() {
			s.Errorf("session %s (parent %q) goes on", d.ID, d.Parent)
		}
	}
}
