package sqlstore_test

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/store/sqlstore"
	"github.com/portaria/portaria/internal/webhook"
)

const (
	someAccount = "d8e46a5e-43a1-4c6b-b5b7-3a5ed0cc1d6a"
	someSession = "d8e46a5e-43a1-4c6b-b5b7-000000000001"
)

// furnished is a store with one of everything, and so many events that a search
// looks at a part of them only.
func furnished(t *testing.T) *sqlstore.Store {
	store := open(t, engines["SQLite"](t))
	owner := account.Account{ID: someAccount, Identifier: "Ana", Canonical: "ana", PasswordHash: "hash", CreatedAt: moment, PasswordChangedAt: moment}
	must(t, store.CreateAccount(t.Context(), owner))
	must(t, store.CreateClient(t.Context(), clients.Client{ID: "web", Name: "Web", Kind: clients.App, CreatedAt: moment}))
	begun := session.Session{ID: someSession, ClientID: "web", AccountID: owner.ID, CreatedAt: moment, Proofs: session.Proofs{{Method: "pwd", At: moment}}, UsedAt: moment,
		ExpiresAt: moment.Add(time.Hour), AbsoluteExpiry: moment.Add(time.Hour)}
	_, err := store.StartSession(t.Context(), issue.Start{Session: begun, Account: owner})
	must(t, err)
	must(t, store.Webhooks().Create(t.Context(), webhook.Subscription{ID: someSession, ClientID: "web", Format: webhook.Standard,
		URL: "https://web.example.com/hook", Types: []string{"*"}, Generation: 1, RotatedAt: moment, CreatedAt: moment}))
	_, err = store.Write(t.Context(), revoke.Entry{Kind: rule.Token, Value: "jti", Mode: rule.Hard, At: moment})
	must(t, err)
	many := slices.Repeat([]event.Event{{Type: event.LoginFailed, At: moment, AccountID: someAccount}}, 6000)
	must(t, store.Append(t.Context(), many))
	return store
}

// TestAFailedReadIsNoEmptyAnswer fails each statement of each read, one after
// another: the error arrives, and the answer says nothing.
func TestAFailedReadIsNoEmptyAnswer(t *testing.T) {
	store := furnished(t)
	hooks, keys := store.Webhooks(), store.Keyring()
	failed := event.Filter{Types: []event.Type{event.LoginFailed}}
	with := func(change func(f *event.Filter)) event.Filter {
		f := failed
		change(&f)
		return f
	}
	ofAccount := with(func(f *event.Filter) { f.AccountID = someAccount })
	timed := with(func(f *event.Filter) { f.Since = moment.Add(-time.Hour) })
	reads := map[string]func(context.Context) (any, error){
		"AccountByIdentifier": func(ctx context.Context) (any, error) { return store.AccountByIdentifier(ctx, "ana") },
		"Account":             func(ctx context.Context) (any, error) { return store.Account(ctx, someAccount) },
		"Accounts":            func(ctx context.Context) (any, error) { return store.Accounts(ctx, account.Page{Limit: 9}) },
		"Credentials":         func(ctx context.Context) (any, error) { return store.Credentials(ctx, someAccount) },
		"Client":              func(ctx context.Context) (any, error) { return store.Client(ctx, "web") },
		"Clients":             func(ctx context.Context) (any, error) { return store.Clients(ctx, "", 9) },
		"LongestTTL":          func(ctx context.Context) (any, error) { return store.LongestTTL(ctx) },
		"LastEvent":           func(ctx context.Context) (any, error) { return store.LastEvent(ctx) },
		"Events":              func(ctx context.Context) (any, error) { return store.Events(ctx, 0, failed, 9) },
		"EventsBefore":        func(ctx context.Context) (any, error) { return store.EventsBefore(ctx, 5900, failed, 900) },
		"EventsBefore, few": func(ctx context.Context) (any, error) {
			return store.EventsBefore(ctx, 0, with(func(f *event.Filter) { f.ClientID = "none" }), 9)
		},
		"EventsBefore, account": func(ctx context.Context) (any, error) { return store.EventsBefore(ctx, 0, ofAccount, 9) },
		"EventsBefore, time":    func(ctx context.Context) (any, error) { return store.EventsBefore(ctx, 5900, timed, 9) },
		"Keys":                  func(ctx context.Context) (any, error) { return keys.Keys(ctx) },
		"Secret":                func(ctx context.Context) (any, error) { return keys.Secret(ctx, "proofs") },
		"Secrets":               func(ctx context.Context) (any, error) { return keys.Secrets(ctx) },
		"Log":                   func(ctx context.Context) (any, error) { return store.Log(ctx) },
		"Rules": func(ctx context.Context) (any, error) {
			rules, _, err := store.Rules(ctx, 0, 9)
			return rules, err
		},
		"Session": func(ctx context.Context) (any, error) { return store.Session(ctx, someSession) },
		"SessionWithOwner": func(ctx context.Context) (any, error) {
			found, _, err := store.SessionWithOwner(ctx, someSession)
			return found, err
		},
		"Sessions": func(ctx context.Context) (any, error) {
			return store.Sessions(ctx, session.Page{Limit: 9, Now: moment})
		},
		"Sessions, account": func(ctx context.Context) (any, error) {
			return store.Sessions(ctx, session.Page{AccountID: someAccount, Limit: 9, Now: moment})
		},
		"Verifiers":            func(ctx context.Context) (any, error) { return store.Verifiers(ctx, moment) },
		"Webhooks.Find":        func(ctx context.Context) (any, error) { return hooks.Find(ctx, someSession) },
		"Webhooks.List":        func(ctx context.Context) (any, error) { return hooks.List(ctx) },
		"Webhooks.Attempts":    func(ctx context.Context) (any, error) { return hooks.Attempts(ctx, someSession, 9) },
		"Webhooks.DeadLetters": func(ctx context.Context) (any, error) { return hooks.DeadLetters(ctx, someSession, 0, 9) },
		"Ping":                 func(ctx context.Context) (any, error) { return nil, store.Ping(ctx) },
	}
	for _, name := range slices.Sorted(maps.Keys(reads)) {
		for n := 1; ; n++ {
			hit := store.FailStatement(n)
			got, err := reads[name](t.Context())
			if !hit() {
				if n == 1 {
					t.Errorf("%s asks the database nothing", name)
				}
				break
			}
			if err == nil || !strings.Contains(err.Error(), sqlstore.NoSuchTable) {
				t.Errorf("%s, statement %d: %v, want its error", name, n, err)
			}
			if saysSomething(got) {
				t.Errorf("%s, statement %d: an answer beside the error: %s", name, n, fmt.Sprintf("%.200v", got))
			}
		}
	}
	store.FailStatement(0)
}

// saysSomething reports whether a value is neither zero nor an empty list.
func saysSomething(v any) bool {
	value := reflect.ValueOf(v)
	return value.IsValid() && !value.IsZero() && (value.Kind() != reflect.Slice || value.Len() > 0)
}

// TestDetailsOfAnEventAreBounded: sixteen are kept, with the request id among
// them, which no detail replaces.
func TestDetailsOfAnEventAreBounded(t *testing.T) {
	store := open(t, engines["SQLite"](t))
	details := func(n int) map[string]string {
		all := map[string]string{}
		for i := range n {
			all[fmt.Sprint("detail ", i)] = "x"
		}
		return all
	}
	forged := details(3)
	forged["request_id"] = "forged"
	given := []event.Event{{Detail: details(16)}, {Detail: details(17)}, {Detail: details(15), RequestID: "r"}, {Detail: details(16), RequestID: "r"},
		{Detail: forged, RequestID: "r"}, {Detail: forged}}
	for i := range given {
		given[i].Type, given[i].At = event.LoginFailed, moment
	}
	must(t, store.Append(t.Context(), given))
	page, err := store.Events(t.Context(), 0, event.Filter{}, 9)
	must(t, err)
	var got []string
	for _, e := range page.Events {
		got = append(got, fmt.Sprint(len(e.Detail), e.RequestID))
	}
	if want := []string{"16", "16", "15r", "15r", "3r", "3"}; !slices.Equal(got, want) {
		t.Errorf("details and request ids %v, want %v", got, want)
	}
}
