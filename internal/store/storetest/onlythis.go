package storetest

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/fleet"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/webhook"
)

// A Change is one change of one owner's rows. It is made twice over: two owners
// are prepared in the same way, one of them is changed, and no row of the other
// may be different afterwards.
type Change struct {
	Name string
	// Statements are the UPDATE and DELETE statements, by the names in the
	// queries, whose conditions this change proves.
	Statements []string
	prepare    func(*suite, *owner)
	change     func(*suite, *owner)
}

// owner is one of the two. All its rows carry one of its ids.
type owner struct {
	id      string // also the client's id, the kid, the secret's name and so on
	n       int64  // 1 or 2
	life    time.Duration
	account account.Account
	session session.Session
	second  session.Session
	key     keyring.Record
	hook    webhook.Subscription
	rule    rule.Rule
}

// Check reports what the change does wrong on a fresh store: nil when it leaves
// the other owner alone and does change its own. Stores.Rows is needed.
func (c Change) Check(t *testing.T, stores Stores) error {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.run(&suite{TB: r, ctx: t.Context(), store: stores.Store, keys: stores.Keys, hooks: stores.Webhooks, beside: stores.Beside}, stores.Rows)
	}()
	<-done
	return errors.Join(r.failures...)
}

func (c Change) run(s *suite, rows func() []string) {
	mine, other := &owner{n: 1, life: time.Minute}, &owner{n: 2, life: time.Hour}
	for _, o := range []*owner{mine, other} {
		o.id = uuid.NewString()
		if c.prepare != nil {
			c.prepare(s, o)
		}
	}
	before := rows()
	c.change(s, mine)
	after := rows()
	s.same(other.rows(after), other.rows(before))
	if slices.Equal(mine.rows(after), mine.rows(before)) {
		s.Fatalf("%s changed nothing", c.Name)
	}
}

// rows are those that carry one of the owner's ids.
func (o *owner) rows(all []string) []string {
	var own []string
	for _, row := range all {
		for _, id := range []string{o.id, o.account.ID, o.session.ID, o.second.ID, o.hook.ID} {
			if id != "" && strings.Contains(row, id) {
				own = append(own, row)
				break
			}
		}
	}
	slices.Sort(own)
	return own
}

// recorder takes note of failures instead of failing the test.
type recorder struct {
	testing.TB
	failures []error
}

func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Errorf(format, args...))
}
func (r *recorder) Error(args ...any) { r.Errorf("%s", fmt.Sprint(args...)) }
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}
func (r *recorder) Fatal(args ...any) { r.Fatalf("%s", fmt.Sprint(args...)) }

// signIn prepares an account that is signed in twice, at the owner's client.
// Both accounts have the same hash, so that it cannot stand for the id.
func (o *owner) signIn(s *suite) {
	o.account = person("user-" + o.id)
	o.account.PasswordHash = "the same"
	s.ok(s.store.CreateAccount(s.ctx, o.account))
	o.session, o.second = device(o.account), device(o.account)
	o.session.ClientID, o.second.ClientID = o.id, o.id
	o.session.AbsoluteExpiry = at(o.life)
	o.second.CreatedAt = at(time.Millisecond)
	s.started(o.account, o.session)
	s.started(o.account, o.second)
}

func (o *owner) register(s *suite) {
	c := described(o.id)
	s.ok(s.store.DescribeClient(s.ctx, c, start))
	s.ok(s.store.AddSecret(s.ctx, o.id, secretOf(9, at(time.Second))))
}

func (o *owner) addKey(s *suite) {
	o.key = key(o.id, o.n)
	s.ok(s.keys.AddKey(s.ctx, o.key))
}

func (o *owner) subscribe(s *suite) {
	o.register(s)
	o.hook = webhook.Subscription{
		ID: uuid.NewString(), ClientID: o.id, Format: webhook.Standard, URL: "https://orders.example.com/hook",
		Types: []string{"*"}, Generation: 1, RotatedAt: start, CreatedAt: start,
	}
	s.ok(s.hooks.Create(s.ctx, o.hook))
}

// leased prepares a webhook that a holder of one name has leased.
func (o *owner) leased(s *suite) {
	o.subscribe(s)
	s.leases(o.hook, "holder", 0, true)
}

// buried prepares a webhook with a dead letter.
func (o *owner) buried(s *suite) {
	o.leased(s)
	dead := step(o.hook, "holder", 5)
	dead.Dead, dead.Attempt.Status, dead.Attempt.At = true, 0, at(o.life)
	s.records(dead, true)
	o.hook.Cursor = 5
}

// byTime is a change that names no owner: it forgets what is over by a moment.
func byTime(name, statement string, prepare func(*suite, *owner), change func(*suite, time.Time) error) Change {
	return Change{
		Name: name, Statements: []string{statement}, prepare: prepare,
		change: func(s *suite, _ *owner) { s.ok(change(s, at(10*time.Minute))) },
	}
}

func counted[T any](_ T, err error) error { return err }

// Changes are all of them.
func Changes() []Change {
	return slices.Concat(accountChanges(), sessionChanges(), clientChanges(), keyChanges(), logChanges(), webhookChanges(), flowChanges(), budgetChanges())
}

func accountChanges() []Change {
	disabled := func(s *suite, o *owner) {
		o.signIn(s)
		is(s, 2)(s.store.DisableAccount(s.ctx, o.account.ID, at(1e9)))
	}
	return []Change{
		{"enable account", []string{"EnableAccount"}, disabled, func(s *suite, o *owner) {
			s.ok(s.store.EnableAccount(s.ctx, o.account.ID, start))
		}},
		{"disable account", []string{"DisableAccount", "EndSessions"}, (*suite).signInOwner, func(s *suite, o *owner) {
			is(s, 2)(s.store.DisableAccount(s.ctx, o.account.ID, at(1e9)))
		}},
		{"delete account", []string{"LockForDeletion", "DeleteAccount"}, (*suite).signInOwner, func(s *suite, o *owner) {
			s.ok(s.store.DeleteAccount(s.ctx, o.account.ID, at(1e9)))
		}},
		{"sign in", []string{"ClaimAccount"}, (*suite).signInOwner, func(s *suite, o *owner) {
			for _, read := range []account.Account{older(o.account), elsewise(o.account)} {
				s.fails(s.starts(issue.Start{Session: device(o.account), Account: read, NewHash: "stronger"}), account.ErrChanged)
			}
			s.ok(s.starts(issue.Start{Session: device(o.account), Account: o.account, NewHash: "stronger"}))
		}},
		{"sign in with advice", []string{"SetPasswordAdvice"}, (*suite).signInOwner, func(s *suite, o *owner) {
			s.ok(s.starts(issue.Start{Session: device(o.account), Account: o.account, Advice: "password_common"}))
			s.same(s.account(o.account.ID).PasswordAdvice, "password_common")
		}},
		{"change password", []string{"ChangePassword", "EndSessions"}, (*suite).signInOwner, func(s *suite, o *owner) {
			for _, read := range []account.Account{older(o.account), elsewise(o.account)} {
				s.fails(counted(s.store.ChangePassword(s.ctx, change(read, o.session.ID))), account.ErrChanged)
			}
			is(s, 1)(s.store.ChangePassword(s.ctx, change(o.account, o.session.ID)))
			s.same(s.session(o.session.ID).EndedAt, time.Time{})
		}},
		{"forget devices", []string{"ForgetDevices"}, (*suite).signInOwner, func(s *suite, o *owner) {
			s.ok(s.store.ForgetDevices(s.ctx, o.account.ID, at(time.Second)))
			s.same(s.account(o.account.ID).DevicesSince, at(time.Second))
		}},
		{"set attributes", []string{"SetAttributes"}, (*suite).signInOwner, func(s *suite, o *owner) {
			before := s.log().Seq
			for range 2 { // the second one changes nothing
				s.ok(s.store.SetAttributes(s.ctx, o.account.ID, `{"a":1}`, start))
			}
			s.same(s.log().Seq, before+1)
		}},
		{"add a credential", []string{"RaiseCredentialsVersion"}, (*suite).signInOwner, func(s *suite, o *owner) {
			s.fails(s.store.AddCredential(s.ctx, 7, authenticator(o.account, "")), account.ErrChanged)
			s.ok(s.store.AddCredential(s.ctx, 0, authenticator(o.account, "")))
		}},
		{"replace a credential", []string{"ReplaceCredential"}, (*suite).enrolOwner, func(s *suite, o *owner) {
			list := s.credentials(o.account)
			list[1].Data = "other"
			s.ok(s.store.ReplaceCredential(s.ctx, 2, list[1]))
			s.same(s.credentials(o.account), list)
			stranger := s.created("stranger")
			list[2].AccountID = stranger.ID
			s.fails(s.store.ReplaceCredential(s.ctx, 0, list[2]), account.ErrNotFound)
		}},
		{"remove a credential", []string{"DeleteCredential"}, (*suite).enrolOwner, func(s *suite, o *owner) {
			list := s.credentials(o.account)
			s.ok(s.store.RemoveCredential(s.ctx, 2, o.account.ID, list[1].ID, start))
			s.same(s.credentials(o.account), []account.Credential{list[0], list[2]})
			stranger := s.created("stranger")
			s.fails(s.store.RemoveCredential(s.ctx, 0, stranger.ID, list[2].ID, start), account.ErrNotFound)
		}},
		{"remove a link", []string{"DeleteLink"}, func(s *suite, o *owner) {
			s.signInOwner(o)
			for i, issuer := range []string{upstream, upstream + "/2"} {
				for j, subject := range []string{o.id, o.id + " 2"} {
					l := linkOf(o.account, subject)
					l.Issuer = issuer
					s.ok(s.store.AddLink(s.ctx, int64(2*i+j), l))
				}
			}
		}, func(s *suite, o *owner) {
			s.ok(s.store.RemoveLink(s.ctx, 4, linkOf(o.account, o.id), start))
			s.same(len(s.links(o.account)), 3)
			stranger := s.created("stranger")
			s.fails(s.store.RemoveLink(s.ctx, 0, linkOf(stranger, o.id+" 2"), start), account.ErrNotFound)
		}},
	}
}

// enrolOwner gives the account two credentials beside its password.
func (s *suite) enrolOwner(o *owner) {
	s.signInOwner(o)
	for i := range int64(2) {
		s.ok(s.store.AddCredential(s.ctx, i, authenticator(o.account, "")))
	}
}

func (s *suite) signInOwner(o *owner) { o.signIn(s) }

func sessionChanges() []Change {
	both := func(s *suite, o *owner) {
		o.register(s)
		o.signIn(s)
	}
	return []Change{
		{"rotate session", []string{"RotateSession"}, (*suite).signInOwner, func(s *suite, o *owner) {
			r := session.Rotation{ID: o.session.ID, From: 3, To: 4, Use: session.Use{At: at(1e9)}, ExpiresAt: at(2 * time.Hour)}
			is(s, false)(s.store.Rotate(s.ctx, r))
			r.From, r.To = 0, 1
			is(s, true)(s.store.Rotate(s.ctx, r))
		}},
		{"end session", []string{"EndSession"}, (*suite).signInOwner, func(s *suite, o *owner) {
			is(s, true)(s.store.EndSession(s.ctx, session.End{ID: o.session.ID, Reason: session.ReasonSignedOut, At: at(1e9)}))
			s.same(s.session(o.second.ID), o.second)
		}},
		{"end a session that others came from", []string{"EndChildren"}, func(s *suite, o *owner) {
			s.signInOwner(o)
			o.second = s.started(o.account, child(o.account, o.session))
		}, func(s *suite, o *owner) {
			is(s, true)(s.store.EndSession(s.ctx, session.End{ID: o.session.ID, Reason: session.ReasonSignedOut, At: at(1e9)}))
			s.same(s.session(o.second.ID).EndReason, session.ReasonSignedOut)
		}},
		{"start a session from another", []string{"HoldParent"}, (*suite).signInOwner, func(s *suite, o *owner) {
			stranger := s.created("stranger")
			s.fails(s.starts(issue.Start{Session: child(stranger, o.session), Account: stranger}), session.ErrEnded)
			s.fails(s.starts(issue.Start{Session: child(o.account, session.Session{ID: nobody}), Account: o.account}), session.ErrEnded)
			s.started(o.account, child(o.account, o.session))
		}},
		{"end sessions", []string{"EndSessions"}, (*suite).signInOwner, func(s *suite, o *owner) {
			is(s, 1)(s.store.EndSessions(s.ctx, session.EndMany{AccountID: o.account.ID, Except: o.second.ID, Reason: session.ReasonSignedOut, At: at(1e9)}))
			s.same(s.session(o.second.ID), o.second)
		}},
		{"end sessions but one and its parent", []string{"EndSessions"}, (*suite).signInOwner, func(s *suite, o *owner) {
			kept, inner := s.started(o.account, child(o.account, o.session)), s.started(o.account, child(o.account, o.second))
			is(s, 2)(s.store.EndSessions(s.ctx, session.EndMany{AccountID: o.account.ID, Except: kept.ID, Reason: session.ReasonSignedOut, At: at(1e9)}))
			s.alive(o.session, kept)
			s.over(o.second, inner)
		}},
		{"end an account's sessions at a client", []string{"EndSessionsAtClient"}, (*suite).signInOwner, func(s *suite, o *owner) {
			elsewhere := device(o.account)
			elsewhere.ClientID = "elsewhere"
			s.started(o.account, elsewhere)
			stranger := s.created("stranger")
			beside := device(stranger)
			beside.ClientID = o.id
			s.started(stranger, beside)
			_, err := s.store.Write(s.ctx, revoke.Entry{Kind: rule.AccountAtClient, Value: rule.Pair(o.account.ID, o.id), Mode: rule.Hard, At: at(1e9)})
			s.ok(err)
			s.same(s.session(elsewhere.ID), elsewhere)
			s.same(s.session(beside.ID), beside)
		}},
		{"end a client's sessions", []string{"EndSessionsOfClient"}, both, func(s *suite, o *owner) {
			s.ok(s.store.DisableClient(s.ctx, o.id, at(1e9)))
		}},
		{"end very many sessions of a client", []string{"EndPortionOfClient"}, func(s *suite, o *owner) {
			both(s, o)
			for range 101 { // more than one step ends
				d := device(o.account)
				d.ClientID = o.id
				s.started(o.account, d)
			}
		}, func(s *suite, o *owner) {
			s.ok(s.store.DisableClient(s.ctx, o.id, at(1e9)))
		}},
		{"end a client's sessions by a rule", []string{"EndSessionsOfClient"}, both, func(s *suite, o *owner) {
			_, err := s.store.Write(s.ctx, revoke.Entry{Kind: rule.Client, Value: o.id, Mode: rule.Hard, At: at(1e9)})
			s.ok(err)
		}},
		{"end very many sessions of an account", []string{"EndPortionOfAccount"}, func(s *suite, o *owner) {
			s.signInOwner(o)
			for range 101 { // more than one step ends
				s.started(o.account, device(o.account))
			}
		}, func(s *suite, o *owner) {
			is(s, 102)(s.store.EndSessions(s.ctx, session.EndMany{AccountID: o.account.ID, Except: o.session.ID, Reason: session.ReasonEndedByOwner, At: at(1e9)}))
			s.same(s.session(o.session.ID), o.session)
		}},
		{"end very many sessions of an account but one and its parent", []string{"EndPortionOfAccount"}, func(s *suite, o *owner) {
			s.signInOwner(o)
			for range 101 {
				s.started(o.account, device(o.account))
			}
		}, func(s *suite, o *owner) {
			kept, inner := s.started(o.account, child(o.account, o.session)), s.started(o.account, child(o.account, o.second))
			is(s, 103)(s.store.EndSessions(s.ctx, session.EndMany{AccountID: o.account.ID, Except: kept.ID, Reason: session.ReasonEndedByOwner, At: at(1e9)}))
			s.alive(o.session, kept)
			s.over(o.second, inner)
		}},
		{"sign in beyond the limit of sessions", []string{"EndIdlest"}, func(s *suite, o *owner) {
			s.signInOwner(o)
			for range 5 { // the other owner's sessions are idle for longer
				d := device(o.account)
				d.UsedAt = at(-time.Duration(o.n) * time.Hour)
				s.started(o.account, d)
			}
		}, func(s *suite, o *owner) {
			d := device(o.account)
			d.UsedAt = at(-90 * time.Minute)
			_, err := s.store.StartSession(s.ctx, issue.Start{Session: d, Account: o.account, MostSessions: 3})
			s.ok(err)
			s.same(s.session(d.ID), d)
			s.same(s.session(o.session.ID), o.session) // used later than those that ended
			s.same(s.living(o.account, start), 3)
		}},
		{"delete an account that has ended sessions", []string{"ForgetEndedOfAccount"}, func(s *suite, o *owner) {
			s.signInOwner(o)
			is(s, true)(s.store.EndSession(s.ctx, session.End{ID: o.second.ID, Reason: session.ReasonSignedOut, At: at(1)}))
		}, func(s *suite, o *owner) {
			s.ok(s.store.DeleteAccount(s.ctx, o.account.ID, at(1e9)))
		}},
		{"step up", []string{"StepUp"}, (*suite).signInOwner, func(s *suite, o *owner) {
			is(s, false)(s.store.StepUp(s.ctx, o.session.ID, proved(at(2*time.Hour)))) // it has expired by then
			is(s, true)(s.store.StepUp(s.ctx, o.session.ID, proved(at(1e9))))
			s.same(s.session(o.second.ID), o.second)
		}},
		byTime("prune sessions", "PruneSessions", (*suite).signInLastingOwner, func(s *suite, t time.Time) error {
			return counted(s.store.PruneSessions(s.ctx, t))
		}),
	}
}

// signInLastingOwner gives both sessions the owner's lifetime.
func (s *suite) signInLastingOwner(o *owner) {
	o.account = s.created("user-" + o.id)
	o.session = device(o.account)
	o.session.AbsoluteExpiry = at(o.life)
	s.started(o.account, o.session)
}

func clientChanges() []Change {
	registered := func(s *suite, o *owner) { o.register(s) }
	return []Change{
		{"withdraw client", []string{"WithdrawClient"}, registered, func(s *suite, o *owner) {
			is(s, true)(s.store.WithdrawClient(s.ctx, o.id, at(1e9)))
		}},
		{"describe client", nil, registered, func(s *suite, o *owner) {
			c := described(o.id)
			c.Name = "Another"
			s.ok(s.store.DescribeClient(s.ctx, c, at(1e9)))
		}},
		{"add secret", []string{"AddSecret"}, registered, func(s *suite, o *owner) {
			s.ok(s.store.AddSecret(s.ctx, o.id, secretOf(3, at(1e9))))
		}},
		{"drop secrets", []string{"DropSecrets"}, registered, func(s *suite, o *owner) {
			s.ok(s.store.DropSecrets(s.ctx, o.id, at(1e9)))
		}},
		{"disable client", []string{"DisableClient"}, registered, func(s *suite, o *owner) {
			s.ok(s.store.DisableClient(s.ctx, o.id, at(1e9)))
		}},
		{"enable client", []string{"EnableClient"}, func(s *suite, o *owner) {
			o.register(s)
			s.ok(s.store.DisableClient(s.ctx, o.id, at(1e9)))
		}, func(s *suite, o *owner) {
			s.ok(s.store.EnableClient(s.ctx, o.id, at(2e9)))
		}},
		{"delete client", []string{"DeleteClient"}, registered, func(s *suite, o *owner) {
			s.ok(s.store.DeleteClient(s.ctx, o.id, at(1e9)))
		}},
		byTime("prune assertions", "PruneAssertions", func(s *suite, o *owner) {
			s.ok(s.store.UseAssertion(s.ctx, o.id, "jti", at(o.life)))
		}, func(s *suite, t time.Time) error { return counted(s.store.PruneAssertions(s.ctx, t)) }),
	}
}

func keyChanges() []Change {
	added := func(s *suite, o *owner) { o.addKey(s) }
	return []Change{
		{"rotate key", []string{"RetireKey"}, added, func(s *suite, o *owner) {
			s.ok(s.keys.Rotate(s.ctx, o.id, key("successor", 9)))
		}},
		{"retire key", []string{"RetireKey"}, added, func(s *suite, o *owner) {
			s.ok(s.keys.RetireKey(s.ctx, o.id, at(1e9)))
		}},
		{"replace next key", []string{"MoveRetirement", "WithdrawKey"}, func(s *suite, o *owner) {
			o.addKey(s)
			next := key("next-"+o.id, 10+o.n)
			next.ActivateAt = at(time.Hour)
			s.ok(s.keys.Rotate(s.ctx, o.id, next))
		}, func(s *suite, o *owner) {
			s.ok(s.keys.Replace(s.ctx, keyring.Replacement{
				Predecessor: o.id, Withdrawn: "next-" + o.id, Successor: key("successor", 20), At: at(1e9),
			}))
		}},
		{"replace a next key that already signs", []string{"WithdrawKey"}, func(s *suite, o *owner) {
			o.addKey(s)
			next := key("next-"+o.id, 10+o.n)
			next.ActivateAt = at(time.Hour)
			s.ok(s.keys.Rotate(s.ctx, o.id, next))
		}, func(s *suite, o *owner) {
			r := keyring.Replacement{Predecessor: o.id, Withdrawn: "next-" + o.id, Successor: key("successor", 20), At: at(2 * time.Hour)}
			s.fails(s.keys.Replace(s.ctx, r), keyring.ErrConflict)
			r.At = at(1e9)
			s.ok(s.keys.Replace(s.ctx, r))
		}},
		{"hasten key", []string{"HastenKey"}, added, func(s *suite, o *owner) {
			s.ok(s.keys.HastenKey(s.ctx, o.id, at(1e9)))
		}},
		{"kill key", []string{"KillKey"}, added, func(s *suite, o *owner) {
			s.ok(s.keys.KillKey(s.ctx, o.id, at(1e9)))
		}},
		{"raise lifetime", []string{"RaiseTTL"}, added, func(s *suite, o *owner) {
			s.ok(s.keys.RaiseTTL(s.ctx, o.id, time.Hour))
		}},
		{"reseal key", []string{"ResealKey"}, added, func(s *suite, o *owner) {
			s.fails(s.keys.Reseal(s.ctx, o.id, []byte("another"), []byte("resealed")), keyring.ErrConflict)
			s.ok(s.keys.Reseal(s.ctx, o.id, o.key.Sealed, []byte("resealed")))
		}},
		{"reseal one of two keys with the same bytes", []string{"ResealKey"}, func(s *suite, o *owner) {
			o.key = key(o.id, o.n)
			o.key.Sealed = []byte("the same")
			s.ok(s.keys.AddKey(s.ctx, o.key))
		}, func(s *suite, o *owner) {
			s.ok(s.keys.Reseal(s.ctx, o.id, o.key.Sealed, []byte("resealed")))
		}},
		{"delete key", []string{"DeleteKey"}, added, func(s *suite, o *owner) {
			is(s, true)(s.keys.DeleteKey(s.ctx, o.id))
		}},
		{"reseal secret", []string{"ResealSecret"}, func(s *suite, o *owner) {
			s.ok(s.keys.AddSecret(s.ctx, keyring.SealedSecret{Name: o.id, Sealed: []byte("the same")}))
		}, func(s *suite, o *owner) {
			s.fails(s.keys.ResealSecret(s.ctx, o.id, []byte("another"), []byte("resealed")), keyring.ErrConflict)
			s.ok(s.keys.ResealSecret(s.ctx, o.id, []byte("the same"), []byte("resealed")))
		}},
	}
}

// named is a verifier of the owner's client; both owners' have one name.
func named(o *owner) fleet.Verifier {
	v := verifier("one name", 5, 0)
	v.Client = o.id
	return v
}

func logChanges() []Change {
	asks := func(o *owner) revoke.Entry {
		e := token(o.id)
		e.Client, e.Key, e.At = o.id, "request", start.Add(o.life)
		return e
	}
	return []Change{
		{"write a rule with an idempotency key", []string{"AnswerRequest"}, func(s *suite, o *owner) {
			o.rule = s.wrote(asks(o))
		}, func(s *suite, o *owner) {
			// The same key of two clients, and two keys of one client.
			stranger := token("stranger")
			stranger.Client, stranger.Key = "stranger", "request"
			first := s.wrote(stranger)
			second := token(o.id)
			second.Client, second.Key = o.id, "another request"
			s.wrote(second)
			s.same(s.wrote(stranger), first)
			s.same(s.wrote(asks(o)), o.rule)
		}},
		byTime("prune rules", "PruneRules", func(s *suite, o *owner) { s.wrote(asks(o)) }, func(s *suite, t time.Time) error {
			// A rule is kept for as long as the longest lifetime and a minute.
			return counted(s.store.PruneRules(s.ctx, t.Add(20*time.Minute)))
		}),
		byTime("prune requests", "PruneRequests", func(s *suite, o *owner) { s.wrote(asks(o)) }, func(s *suite, t time.Time) error {
			return counted(s.store.PruneRules(s.ctx, t.Add(20*time.Minute)))
		}),
		byTime("prune events", "PruneEvents", func(s *suite, o *owner) {
			s.ok(s.store.Append(s.ctx, []event.Event{{Type: event.LoginFailed, At: at(o.life), ClientID: o.id}}))
		}, func(s *suite, t time.Time) error { return counted(s.store.PruneEvents(s.ctx, t)) }),
		{"note what was sent to a verifier", []string{"SaveSent"}, func(s *suite, o *owner) {
			beside := verifier("beside", 5, 0)
			beside.Client = o.id
			s.ok(s.store.SaveVerifiers(s.ctx, []fleet.Verifier{named(o), beside}))
		}, func(s *suite, o *owner) {
			v := named(o)
			v.Sent = fleet.Span{From: 1, To: 9}
			s.ok(s.store.SaveVerifiers(s.ctx, []fleet.Verifier{v}))
			list, err := s.store.Verifiers(s.ctx, at(0))
			s.ok(err)
			for _, v := range list {
				if v.ID == "beside" {
					s.same(v.Sent, fleet.Span{})
				}
			}
		}},
		byTime("forget verifiers", "ForgetVerifiers", func(s *suite, o *owner) {
			s.ok(s.store.SaveVerifiers(s.ctx, []fleet.Verifier{verifier(o.id, 5, o.life)}))
		}, func(s *suite, t time.Time) error {
			return counted(s.store.ForgetVerifiers(s.ctx, t.Add(10*time.Minute)))
		}),
	}
}

func webhookChanges() []Change {
	subscribed := func(s *suite, o *owner) { o.subscribe(s) }
	leased := func(s *suite, o *owner) { o.leased(s) }
	buried := func(s *suite, o *owner) { o.buried(s) }
	return []Change{
		{"delete webhook", []string{"DeleteWebhook"}, subscribed, func(s *suite, o *owner) {
			s.ok(s.hooks.Delete(s.ctx, o.hook.ID))
		}},
		{"rotate secret of webhook", []string{"NextWebhookSecret"}, subscribed, func(s *suite, o *owner) {
			_, err := s.hooks.NextSecret(s.ctx, o.hook.ID, at(1e9))
			s.ok(err)
		}},
		{"disable webhook", []string{"DisableWebhook"}, subscribed, func(s *suite, o *owner) {
			s.ok(s.hooks.Disable(s.ctx, o.hook.ID, webhook.ReasonGone, at(1e9)))
		}},
		{"enable webhook", []string{"EnableWebhook"}, func(s *suite, o *owner) {
			o.subscribe(s)
			s.ok(s.hooks.Disable(s.ctx, o.hook.ID, webhook.ReasonGone, at(1e9)))
		}, func(s *suite, o *owner) {
			s.ok(s.hooks.Disable(s.ctx, o.hook.ID, "", time.Time{}))
		}},
		{"move cursor of webhook", []string{"SeekWebhook"}, subscribed, func(s *suite, o *owner) {
			s.ok(s.hooks.Seek(s.ctx, o.hook.ID, 7))
		}},
		{"lease webhook", []string{"LeaseWebhook"}, subscribed, func(s *suite, o *owner) {
			s.leases(o.hook, "holder", 0, true)
			s.leases(o.hook, "another", 0, false)
			s.leases(o.hook, "another", time.Minute, true)
			s.ok(s.hooks.Release(s.ctx, o.hook.ID, "another"))
			s.leases(o.hook, "holder", time.Minute, true)
		}},
		{"lease webhook of a disabled client", []string{"LeaseWebhook"}, func(s *suite, o *owner) {
			o.subscribe(s)
			s.ok(s.store.DisableClient(s.ctx, o.id, start))
		}, func(s *suite, o *owner) {
			s.registered("enabled") // somebody else's being enabled is not enough
			s.leases(o.hook, "holder", 0, false)
			s.ok(s.store.EnableClient(s.ctx, o.id, start))
			s.leases(o.hook, "holder", 0, true)
		}},
		{"release webhook", []string{"ReleaseWebhook"}, leased, func(s *suite, o *owner) {
			s.ok(s.hooks.Release(s.ctx, o.hook.ID, "another"))
			s.leases(o.hook, "third", 0, false)
			s.ok(s.hooks.Release(s.ctx, o.hook.ID, "holder"))
		}},
		{"record a delivery", []string{"StepWebhook"}, leased, func(s *suite, o *owner) {
			s.records(step(o.hook, "another", 5), false)
			stale := step(o.hook, "holder", 5)
			stale.From = 3
			s.records(stale, false)
			s.records(step(o.hook, "holder", 5), true)
		}},
		{"record a delivery of a disabled client", []string{"StepWebhook"}, leased, func(s *suite, o *owner) {
			s.registered("enabled")
			s.ok(s.store.DisableClient(s.ctx, o.id, start))
			s.records(step(o.hook, "holder", 5), false)
		}},
		{"record more tries than are kept", []string{"TrimWebhookAttempts", "StepWebhook"}, buried, func(s *suite, o *owner) {
			for i := range int64(webhook.KeptAttempts) {
				try := step(o.hook, "holder", 6+i)
				s.records(try, true)
				o.hook.Cursor = 6 + i
			}
			kept, err := s.hooks.Attempts(s.ctx, o.hook.ID, 1000)
			s.ok(err)
			s.same(len(kept), webhook.KeptAttempts)
		}},
		{"deliver a dead letter after all", []string{"CountWebhookTry", "DeleteWebhookDeadLetter"}, func(s *suite, o *owner) {
			o.buried(s)
			next := step(o.hook, "holder", 9)
			next.Dead, next.Attempt.Status, next.Attempt.At = true, 0, at(o.life)
			s.records(next, true)
		}, func(s *suite, o *owner) {
			s.ok(s.hooks.Redelivered(s.ctx, o.hook.ID, tried(5)))
			left, err := s.hooks.DeadLetters(s.ctx, o.hook.ID, 0, 10)
			s.ok(err)
			s.same(len(left), 1)
			s.same(left[0].Seq, int64(9))
		}},
		byTime("prune dead letters", "PruneWebhookDeadLetters", buried, func(s *suite, t time.Time) error {
			return counted(s.hooks.PruneDeadLetters(s.ctx, t))
		}),
	}
}
