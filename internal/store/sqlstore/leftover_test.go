package sqlstore_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/internal/session"
)

// TestARuleEndsWhatThePortionsLeft: whoever signs in while the sessions of very
// many accounts end, some in a step, is signed out by the step with the rule.
func TestARuleEndsWhatThePortionsLeft(t *testing.T) {
	for name, url := range engines {
		for kind, value := range map[rule.Kind]string{rule.Client: "web", rule.Issuer: "https://auth.example.com"} {
			t.Run(name+" "+string(kind), func(t *testing.T) {
				store := open(t, url(t))
				web := session.Session{ID: "d8e46a5e-43a1-4c6b-b5b7-000000000001", ClientID: "web"}
				app := session.Session{ID: "d8e46a5e-43a1-4c6b-b5b7-000000000002", ClientID: "app"}
				owner := account.Account{ID: "d8e46a5e-43a1-4c6b-b5b7-3a5ed0cc1d6a", Identifier: "Ana", Canonical: "ana",
					PasswordHash: "hash", CreatedAt: moment, PasswordChangedAt: moment}
				must(t, store.CreateAccount(t.Context(), owner))
				for _, d := range []session.Session{web, app} {
					d.AccountID, d.CreatedAt, d.UsedAt = owner.ID, moment, moment
					d.Proofs = session.Proofs{{Method: "pwd", At: moment}}
					d.ExpiresAt, d.AbsoluteExpiry = moment.Add(time.Hour), moment.Add(time.Hour)
					_, err := store.StartSession(t.Context(), issue.Start{Session: d, Account: owner})
					must(t, err)
				}
				_, err := store.WriteRule(t.Context(), revoke.Entry{Kind: kind, Value: value, Mode: rule.Hard, At: moment.Add(time.Second)})
				must(t, err)
				want := map[string]session.Reason{web.ID: session.ReasonRevoked, app.ID: ""}
				if kind == rule.Issuer {
					want[app.ID] = session.ReasonRevoked
				}
				got, ended := map[string]session.Reason{}, 0
				for id := range want {
					found, err := store.Session(t.Context(), id)
					must(t, err)
					got[id] = found.EndReason
				}
				for _, reason := range want {
					ended += len(reason) / len(session.ReasonRevoked)
				}
				page, err := store.Events(t.Context(), 0, event.Filter{Types: []event.Type{event.SessionEnded}}, 10)
				must(t, err)
				if diff := cmp.Diff(want, got); diff != "" || len(page.Events) != ended {
					t.Errorf("%d events; %s", len(page.Events), diff)
				}
			})
		}
	}
}
