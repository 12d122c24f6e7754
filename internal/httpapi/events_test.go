package httpapi_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/app/apptest"
)

// trail reads all events that match, in small pages, oldest first.
func trail(t *testing.T, admin *client.Client, in api.EventPage) (all []api.Event) {
	t.Helper()
	in.After, in.Limit = "0", 3
	for {
		list, err := admin.Events(t.Context(), in)
		worked(t, err)
		all = append(all, list.Events...)
		if len(list.Events) < in.Limit {
			return all
		}
		in.After = strconv.FormatInt(list.Last, 10)
	}
}

func types(events []api.Event) string {
	var names []string
	for _, e := range events {
		names = append(names, e.Type)
	}
	return strings.Join(names, " ")
}

// agent is a browser of this name.
type agent string

func (a agent) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", string(a))
	return http.DefaultTransport.RoundTrip(r)
}

func TestFailedSignInsAreTold(t *testing.T) {
	a := apptest.Start(t)
	admin := a.Admin()
	id, tokens := a.SignUp("ana@example.com")
	disabled, _ := a.SignUp("bia@example.com")
	_, err := admin.DisableAccount(t.Context(), disabled)
	worked(t, err)
	for _, who := range []string{"ana@example.com", "hunter2hunter2", "bia@example.com"} {
		_, err := a.Login(t.Context(), api.Credentials{Identifier: who, Password: "wrong horse battery"})
		refused(t, err, "invalid_credentials")
	}
	_, err = a.As(tokens).StepUp(t.Context(), "wrong horse battery")
	refused(t, err, "invalid_credentials")

	got := trail(t, admin, api.EventPage{Type: "login.failed"})
	want := []api.Event{
		{AccountID: id, Reason: "wrong_password"},
		{Reason: "unknown_account"},
		{AccountID: disabled, Reason: "account_disabled"},
		{AccountID: id, SessionID: tokens.SessionID, Reason: "wrong_password", Actor: id},
	}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i, e := range got {
		if e.AccountID != want[i].AccountID || e.Reason != want[i].Reason || e.SessionID != want[i].SessionID || e.Actor != want[i].Actor {
			t.Errorf("%d: %+v, want %+v", i, e, want[i])
		}
		if e.Address == "" || e.UserAgent == "" || e.ClientID != "portaria" || !e.At.Equal(a.Clock.Now().UTC()) {
			t.Errorf("%d: %+v says not from where, or when", i, e)
		}
	}
}

func TestRefreshesThatLookOddAreTold(t *testing.T) {
	a := apptest.Start(t)
	id, tokens := a.SignUp("ana@example.com")
	_, err := a.Refresh(t.Context(), tokens.RefreshToken)
	worked(t, err)
	stranger := client.New(a.URL, &http.Client{Transport: agent("stranger")})
	_, err = stranger.Refresh(t.Context(), tokens.RefreshToken)
	worked(t, err)
	a.Clock.Move(time.Minute)
	_, err = a.Refresh(t.Context(), tokens.RefreshToken)
	refused(t, err, "refresh_token_reused")
	got := trail(t, a.Admin(), api.EventPage{SessionID: tokens.SessionID})
	if want := "login.succeeded session.started session.refresh_replayed_elsewhere session.ended"; types(got) != want {
		t.Fatalf("%s, want %s", types(got), want)
	}
	if got[2].UserAgent != "stranger" || got[2].AccountID != id || got[3].Reason != "refresh_token_reused" || got[3].Actor != "" {
		t.Errorf("%+v", got[2:])
	}
}

func TestEventsAreListed(t *testing.T) {
	a := apptest.Start(t)
	id, tokens := a.SignUp("ana@example.com")
	a.Clock.Move(time.Hour)
	admin := a.Admin()
	at := a.Clock.Now().UTC().Format(time.RFC3339)
	other, _ := a.SignUp("bia@example.com")
	all := trail(t, admin, api.EventPage{})
	for name, test := range map[string]struct {
		in   api.EventPage
		want string
	}{
		"newest first":          {api.EventPage{Page: api.Page{Limit: 2}}, "session.started login.succeeded"},
		"of an account":         {api.EventPage{AccountID: id}, "session.started login.succeeded account.created"},
		"of a session":          {api.EventPage{SessionID: tokens.SessionID}, "session.started login.succeeded"},
		"of a client":           {api.EventPage{ClientID: "nobody"}, ""},
		"of a family":           {api.EventPage{Type: "account.*"}, "account.created account.created"},
		"of several types":      {api.EventPage{Type: "account.created,login.failed", AccountID: other}, "account.created"},
		"since":                 {api.EventPage{Since: at, Type: "account.created"}, "account.created"},
		"until":                 {api.EventPage{Until: at, AccountID: other}, ""},
		"after, oldest first":   {api.EventPage{After: "0", AccountID: other}, "account.created login.succeeded session.started"},
		"after all there is":    {api.EventPage{After: strconv.FormatInt(all[len(all)-1].Seq, 10)}, ""},
		"after what may become": {api.EventPage{After: "1000000"}, ""},
	} {
		got, err := admin.Events(t.Context(), test.in)
		if err != nil || types(got.Events) != test.want {
			t.Errorf("%s: %s, want %s (%v)", name, types(got.Events), test.want, err)
		}
	}
	for name, in := range map[string]api.EventPage{
		"a misspelt type": {Type: "login.fialed"}, "half a family": {Type: "log*"}, "everything": {Type: "*"}, "an empty type": {Type: "login.failed,"},
		"no id": {AccountID: "ana"}, "no session": {SessionID: "ana"}, "no moment": {Since: "yesterday"}, "no end": {Until: "1"},
		"no place": {After: "x"}, "a negative place": {After: "-1"}, "no cursor": {Page: api.Page{Cursor: "x"}},
		"two ways": {Page: api.Page{Cursor: "5"}, After: "5"}, "too many": {Page: api.Page{Limit: 201}},
	} {
		_, err := admin.Events(t.Context(), in)
		if err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	back := api.EventPage{Page: api.Page{Limit: 2}}
	var seen []int64
	for {
		list, err := admin.Events(t.Context(), back)
		worked(t, err)
		if list.Last != all[len(all)-1].Seq {
			t.Errorf("last is %d", list.Last)
		}
		for _, e := range list.Events {
			seen = append(seen, e.Seq)
		}
		if back.Cursor = list.NextCursor; back.Cursor == "" {
			break
		}
	}
	slices.Reverse(seen)
	for i, e := range all {
		if len(seen) != len(all) || seen[i] != e.Seq {
			t.Fatalf("pages back have %v", seen)
		}
	}
}

// TestNoSecretsInEvents lets people and clients do what they do, and looks for
// everything that they would not want to be kept.
func TestNoSecretsInEvents(t *testing.T) {
	a := apptest.Start(t)
	admin := a.Admin()
	_, first := a.SignUp("ana.secret@example.com")
	secrets := []string{apptest.Password, "ana.secret", first.AccessToken, first.RefreshToken}
	fresh, err := a.As(first).StepUp(t.Context(), apptest.Password)
	worked(t, err)
	second, err := a.Refresh(t.Context(), first.RefreshToken)
	worked(t, err)
	_, err = a.Login(t.Context(), api.Credentials{Identifier: apptest.Password, Password: "ana.secret@example.com"})
	refused(t, err, "invalid_credentials")
	chosen := "staple battery horse"
	worked(t, a.As(second).ChangePassword(t.Context(), api.PasswordChange{CurrentPassword: apptest.Password, NewPassword: api.Password(chosen)}))
	secrets = append(secrets, fresh.AccessToken, second.AccessToken, second.RefreshToken, chosen)
	made, err := admin.CreateClient(t.Context(), api.NewClient{ClientDescription: api.ClientDescription{ID: "orders", Kind: "service"}})
	worked(t, err)
	rotated, err := admin.RotateClientSecret(t.Context(), "orders")
	worked(t, err)
	secrets = append(secrets, made.ClientSecret, rotated.ClientSecret)
	a.Clock.Move(time.Hour)
	_, err = a.Refresh(t.Context(), first.RefreshToken)
	refused(t, err, "refresh_token_reused")
	worked(t, a.Admin().DeleteClient(t.Context(), "orders"))

	events := trail(t, a.Admin(), api.EventPage{})
	if len(events) < 9 {
		t.Fatalf("only %s", types(events))
	}
	for _, e := range events {
		texts := []string{e.ID, e.AccountID, e.SessionID, e.ClientID, e.KeyID, e.Actor, e.Address, e.UserAgent, e.Reason}
		for name, text := range e.Detail {
			texts = append(texts, name, text)
		}
		for _, secret := range secrets {
			if secret == "" {
				t.Fatal("nothing to look for")
			}
			if strings.Contains(strings.Join(texts, "\n"), secret) {
				t.Errorf("%s has %.6s…", e.Type, secret)
			}
		}
	}
}
