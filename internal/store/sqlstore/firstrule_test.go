package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/store/sqlstore"
)

var errCut = errors.New("the service was killed")

// TestTheFirstPortionWritesARule: sessions of very many accounts end in portions. A
// service that is killed in between has ended some, and their access tokens are
// refused: the first portion writes a rule.
func TestTheFirstPortionWritesARule(t *testing.T) {
	for name, url := range engines {
		for kind, value := range map[rule.Kind]string{rule.Client: "web", rule.Issuer: "https://auth.example.com"} {
			t.Run(name+" "+string(kind), func(t *testing.T) {
				left := -1 // how many steps are still done; negative for any number
				store, err := sqlstore.Open(t.Context(), url(t), sqlstore.Options{Around: func(_ context.Context, step func() error) error {
					if left == 0 {
						return errCut
					}
					left--
					return step()
				}})
				must(t, err)
				defer store.Close()
				owner := account.Account{ID: "d8e46a5e-43a1-4c6b-b5b7-3a5ed0cc1d6a", Identifier: "Ana", Canonical: "ana",
					PasswordHash: "hash", CreatedAt: moment, PasswordChangedAt: moment}
				must(t, store.CreateAccount(t.Context(), owner))
				for i := range 101 {
					s := session.Session{ID: fmt.Sprintf("d8e46a5e-43a1-4c6b-b5b7-%012d", i), ClientID: "web", AccountID: owner.ID,
						CreatedAt: moment, Proofs: session.Proofs{{Method: "pwd", At: moment}}, UsedAt: moment, ExpiresAt: moment.Add(time.Hour), AbsoluteExpiry: moment.Add(time.Hour)}
					_, err := store.StartSession(t.Context(), issue.Start{Session: s, Account: owner})
					must(t, err)
				}
				left = 2 // the count, and one portion
				_, err = store.Write(t.Context(), revoke.Entry{Kind: kind, Value: value, Mode: rule.Hard, At: moment.Add(time.Second)})
				if !errors.Is(err, errCut) {
					t.Fatalf("%v, want it to be cut", err)
				}
				left = -1
				rules, _, err := store.Rules(t.Context(), 0, 10)
				must(t, err)
				if len(rules) != 1 || rules[0].Kind != kind || rules[0].Value != value || rules[0].Mode != rule.Soft {
					t.Errorf("%+v, want one soft rule of kind %s", rules, kind)
				}
				// The repeat ends the last one, and writes the rule that was asked for.
				_, err = store.Write(t.Context(), revoke.Entry{Kind: kind, Value: value, Mode: rule.Hard, At: moment.Add(time.Second)})
				must(t, err)
				rules, _, err = store.Rules(t.Context(), 0, 10)
				must(t, err)
				if len(rules) != 2 || rules[1].Mode != rule.Hard {
					t.Errorf("%+v after the repeat", rules)
				}
			})
		}
	}
}
