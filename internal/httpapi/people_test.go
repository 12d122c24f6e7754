package httpapi_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/config"
)

// refused wants an error with this code.
func refused(t *testing.T, err error, code string) {
	t.Helper()
	if client.Code(err) != code {
		t.Fatalf("got %v, want %s", err, code)
	}
}

// worked wants no error.
func worked(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// claims reads an access token without verifying it.
func claims(t *testing.T, access string) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(access, ".")[1])
	worked(t, err)
	var out map[string]any
	worked(t, json.Unmarshal(raw, &out))
	return out
}

func TestFirstLogin(t *testing.T) {
	a := apptest.Start(t)
	id, tokens := a.SignUp("ana@example.com")
	if tokens.TokenType != "Bearer" || tokens.ExpiresIn != 900 || tokens.RefreshExpiresIn != 7*24*3600 || !tokens.Fresh {
		t.Errorf("tokens %+v", tokens)
	}
	me, err := a.As(tokens).Me(t.Context())
	worked(t, err)
	if me.Account.ID != id || me.Account.Identifier != "ana@example.com" || me.Session.ID != tokens.SessionID || !me.Session.Current {
		t.Errorf("me %+v", me)
	}
	got := claims(t, tokens.AccessToken)
	now := float64(a.Clock.Now().Unix())
	want := map[string]any{"iss": a.URL, "sub": id, "aud": "portaria", "iat": now, "nbf": now - 5, "exp": now + 900,
		"client_id": "portaria", "sid": tokens.SessionID, "auth_time": now, "fresh": true, "rvs": float64(1 << 32)}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("claim %s is %v, want %v", name, got[name], value)
		}
	}
	if jti, _ := got["jti"].(string); len(jti) != 22 {
		t.Errorf("jti is %v", got["jti"])
	}
}

func TestLoginAcceptsEachNameOfIdentifier(t *testing.T) {
	a := apptest.Start(t)
	a.SignUp("Ana")
	for _, in := range []api.Credentials{
		{Identifier: "ana"}, {Email: "ANA"}, {Username: " ana "},
	} {
		in.Password = apptest.Password
		_, err := a.Login(t.Context(), in)
		worked(t, err)
	}
}

func TestRefusalsToSignInAreAlike(t *testing.T) {
	a := apptest.Start(t)
	a.SignUp("ana@example.com")
	disabled, _ := a.SignUp("disabled@example.com")
	_, err := a.Admin().DisableAccount(t.Context(), disabled)
	worked(t, err)

	var bodies []string
	for _, body := range []string{
		`{"identifier":"ana@example.com","password":"wrong horse battery"}`,
		`{"identifier":"nobody@example.com","password":"correct horse battery"}`,
		`{"identifier":"not an identifier","password":"correct horse battery"}`,
		`{"identifier":"disabled@example.com","password":"correct horse battery"}`,
		`{"identifier":"disabled@example.com","password":"wrong horse battery"}`,
	} {
		resp, p, text := post(t, a, "/v1/login", "application/json", body)
		if resp.StatusCode != http.StatusUnauthorized || p.Code != "invalid_credentials" {
			t.Errorf("%s: %s %s", body, resp.Status, text)
		}
		bodies = append(bodies, strings.ReplaceAll(text, p.RequestID, ""))
	}
	for _, body := range bodies {
		if body != bodies[0] {
			t.Errorf("answers differ:\n%s%s", bodies[0], body)
		}
	}
}

func TestRefresh(t *testing.T) {
	a := apptest.Start(t)
	_, first := a.SignUp("ana@example.com")
	a.Clock.Move(time.Hour)
	second, err := a.Refresh(t.Context(), first.RefreshToken)
	worked(t, err)
	if second.Fresh || second.SessionID != first.SessionID || second.RefreshToken == first.RefreshToken || second.ExpiresIn != 900 {
		t.Errorf("refreshed %+v", second)
	}
	got := claims(t, second.AccessToken)
	if got["fresh"] != false || got["auth_time"] != float64(a.Clock.Now().Add(-time.Hour).Unix()) {
		t.Errorf("claims %v: want not fresh, auth_time of the sign-in", got)
	}
	_, err = a.As(second).Me(t.Context())
	worked(t, err)
}

func TestStolenRefreshToken(t *testing.T) {
	a := apptest.Start(t)
	_, first := a.SignUp("ana@example.com")
	second, err := a.Refresh(t.Context(), first.RefreshToken)
	worked(t, err)
	a.Clock.Move(time.Minute)
	_, err = a.Refresh(t.Context(), first.RefreshToken)
	refused(t, err, "refresh_token_reused")
	_, err = a.Refresh(t.Context(), second.RefreshToken)
	refused(t, err, "session_ended")
	_, err = a.As(second).Me(t.Context())
	refused(t, err, "session_ended")
	if !strings.Contains(a.Log.String(), "session.refresh_token_reused") || !strings.Contains(a.Log.String(), first.SessionID) {
		t.Error("the theft is not in the log")
	}
}

func TestAccessTokens(t *testing.T) {
	a := apptest.Start(t)
	_, tokens := a.SignUp("ana@example.com")
	good := tokens.AccessToken
	head, rest, _ := strings.Cut(good, ".")
	tests := []struct {
		name   string
		values []string
		status int
		code   string
	}{
		{"none", nil, 401, "missing_token"},
		{"another scheme", []string{"Basic " + good}, 401, "missing_token"},
		{"no scheme", []string{good}, 401, "missing_token"},
		{"scheme alone", []string{"Bearer"}, 401, "token_invalid"},
		{"lower case scheme", []string{"bearer " + good}, 200, ""},
		{"twice", []string{"Bearer " + good, "Bearer " + good}, 400, "authorization_repeated"},
		{"two in one", []string{"Bearer " + good + ", Bearer " + good}, 401, "token_invalid"},
		{"changed", []string{"Bearer " + good[:len(good)-6] + "AAAAAA"}, 401, "token_invalid"},
		{"other header", []string{"Bearer eyJhbGciOiJub25lIn0." + rest}, 401, "token_invalid"},
		{"no signature", []string{"Bearer " + head + "." + strings.Split(rest, ".")[0] + "."}, 401, "token_invalid"},
		{"a refresh token", []string{"Bearer " + tokens.RefreshToken}, 401, "token_invalid"},
		{"long", []string{"Bearer " + strings.Repeat("a", 20000)}, 401, "token_invalid"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r, _ := http.NewRequest("GET", a.URL+"/v1/me", nil)
			r.Header["Authorization"] = test.values
			resp, text := a.Do(r)
			if resp.StatusCode != test.status || !strings.Contains(text, test.code) {
				t.Fatalf("%s %s", resp.Status, text)
			}
			challenge := resp.Header.Get("WWW-Authenticate")
			if want := map[string]string{"missing_token": "Bearer", "token_invalid": `Bearer error="invalid_token"`}[test.code]; challenge != want {
				t.Errorf("WWW-Authenticate is %q, want %q", challenge, want)
			}
		})
	}
	a.Clock.Move(15*time.Minute + config.Default().Leeway)
	_, err := a.As(tokens).Me(t.Context())
	refused(t, err, "token_expired")
}

func TestStepUp(t *testing.T) {
	a := apptest.Start(t)
	_, first := a.SignUp("ana@example.com")
	a.Clock.Move(time.Hour)
	stale, err := a.Refresh(t.Context(), first.RefreshToken)
	worked(t, err)
	_, err = a.As(stale).StepUp(t.Context(), "wrong horse battery")
	refused(t, err, "invalid_credentials")
	fresh, err := a.As(stale).StepUp(t.Context(), apptest.Password)
	worked(t, err)
	if !fresh.Fresh || fresh.SessionID != first.SessionID || fresh.RefreshToken != "" {
		t.Errorf("step-up answered %+v", fresh)
	}
	now := float64(a.Clock.Now().Unix())
	if got := claims(t, fresh.AccessToken); got["fresh"] != true || got["auth_time"] != now {
		t.Errorf("claims %v", got)
	}
	a.Clock.Move(time.Minute)
	later, err := a.Refresh(t.Context(), stale.RefreshToken)
	worked(t, err)
	if got := claims(t, later.AccessToken); got["fresh"] != false || got["auth_time"] != now {
		t.Errorf("claims after the next refresh %v: want not fresh, auth_time of the step-up", got)
	}
}

func TestChangePassword(t *testing.T) {
	a := apptest.Start(t)
	_, here := a.SignUp("ana@example.com")
	there := a.SignIn("ana@example.com")
	const next = "another horse battery"
	change := func(current, chosen string) error {
		return a.As(here).ChangePassword(t.Context(), api.PasswordChange{CurrentPassword: api.Password(current), NewPassword: api.Password(chosen)})
	}
	refused(t, change("wrong horse battery", next), "invalid_credentials")
	refused(t, change(apptest.Password, "short"), "password_too_short")
	refused(t, change(apptest.Password, "ana@example.com"), "password_is_identifier")
	_, err := a.As(there).Me(t.Context())
	worked(t, err) // nothing has happened yet

	worked(t, change(apptest.Password, next))
	_, err = a.As(there).Me(t.Context())
	refused(t, err, "session_ended")
	_, err = a.Refresh(t.Context(), there.RefreshToken)
	refused(t, err, "session_ended")
	_, err = a.Refresh(t.Context(), here.RefreshToken)
	worked(t, err)
	_, err = a.Login(t.Context(), api.Credentials{Identifier: "ana@example.com", Password: apptest.Password})
	refused(t, err, "invalid_credentials")
	_, err = a.Login(t.Context(), api.Credentials{Identifier: "ana@example.com", Password: next})
	worked(t, err)
}

func TestLogout(t *testing.T) {
	a := apptest.Start(t)
	_, here := a.SignUp("ana@example.com")
	there := a.SignIn("ana@example.com")
	worked(t, a.As(here).Logout(t.Context()))
	_, err := a.As(here).Me(t.Context())
	refused(t, err, "session_ended")
	_, err = a.Refresh(t.Context(), here.RefreshToken)
	refused(t, err, "session_ended")
	_, err = a.As(there).Me(t.Context())
	worked(t, err)
}

func TestOwnSessions(t *testing.T) {
	a := apptest.Start(t)
	_, here := a.SignUp("ana@example.com")
	a.Clock.Move(time.Minute)
	there := a.SignIn("ana@example.com")
	third := a.SignIn("ana@example.com")
	_, stranger := a.SignUp("bob@example.com")

	list, err := a.As(here).Sessions(t.Context(), api.Page{})
	worked(t, err)
	if len(list.Sessions) != 3 || list.Sessions[2].ID != here.SessionID || !list.Sessions[2].Current || list.Sessions[0].Current {
		t.Fatalf("sessions %+v", list.Sessions)
	}
	if s := list.Sessions[2]; s.Address != "127.0.0.1" || !strings.HasPrefix(s.UserAgent, "Go-http-client") {
		t.Errorf("where: %q %q", s.Address, s.UserAgent)
	}
	refused(t, a.As(here).EndSession(t.Context(), stranger.SessionID), "session_not_found")
	refused(t, a.As(here).EndSession(t.Context(), "not-an-id"), "route_not_found")
	worked(t, a.As(here).EndSession(t.Context(), there.SessionID))
	refused(t, a.As(here).EndSession(t.Context(), there.SessionID), "session_not_found")
	_, err = a.As(there).Me(t.Context())
	refused(t, err, "session_ended")

	_, err = a.As(here).EndSessions(t.Context(), "some")
	refused(t, err, "input_invalid")
	ended, err := a.As(here).EndSessions(t.Context(), "others")
	worked(t, err)
	if ended.Ended != 1 {
		t.Errorf("ended %d others, want 1", ended.Ended)
	}
	_, err = a.As(third).Me(t.Context())
	refused(t, err, "session_ended")
	_, err = a.As(here).EndSessions(t.Context(), "all")
	worked(t, err)
	_, err = a.As(here).Me(t.Context())
	refused(t, err, "session_ended")
	_, err = a.As(stranger).Me(t.Context())
	worked(t, err)
}

func TestPages(t *testing.T) {
	a := apptest.Start(t)
	_, here := a.SignUp("ana@example.com")
	for range 6 {
		a.SignIn("ana@example.com")
	}
	seen := map[string]bool{}
	page := api.Page{Limit: 3}
	for sizes := []int{3, 3, 1}; len(sizes) > 0; sizes = sizes[1:] {
		list, err := a.As(here).Sessions(t.Context(), page)
		worked(t, err)
		if len(list.Sessions) != sizes[0] || (list.NextCursor == "") != (len(sizes) == 1) {
			t.Fatalf("page of %d, next %q; want %d", len(list.Sessions), list.NextCursor, sizes[0])
		}
		for _, s := range list.Sessions {
			seen[s.ID] = true
		}
		page.Cursor = list.NextCursor
	}
	if len(seen) != 7 {
		t.Errorf("saw %d sessions, want 7", len(seen))
	}
	for _, bad := range []api.Page{{Limit: 201}, {Limit: -1}, {Cursor: "x"}, {Cursor: strings.Repeat("A", 32) + "="}} {
		_, err := a.As(here).Sessions(t.Context(), bad)
		refused(t, err, "input_invalid")
	}
}

func TestSignUpClosed(t *testing.T) {
	a := apptest.Start(t, func(c *config.Config) { c.SignUp = "closed" })
	in := api.Credentials{Identifier: "ana@example.com", Password: apptest.Password}
	_, err := a.Client.SignUp(t.Context(), in)
	refused(t, err, "sign_up_closed")
	_, err = a.Admin().CreateAccount(t.Context(), in)
	worked(t, err)
	a.SignIn("ana@example.com")
}

func TestAdministration(t *testing.T) {
	a := apptest.Start(t)
	admin := a.Admin()
	ana, anaTokens := a.SignUp("ana@example.com")
	a.Clock.Move(time.Second)
	bob, bobTokens := a.SignUp("bob@example.com")

	list, err := admin.Accounts(t.Context(), api.AccountPage{Page: api.Page{Limit: 1}})
	worked(t, err)
	if len(list.Accounts) != 1 || list.Accounts[0].ID != bob || list.NextCursor == "" {
		t.Fatalf("first page %+v", list)
	}
	list, err = admin.Accounts(t.Context(), api.AccountPage{Identifier: "ANA@example.com"})
	worked(t, err)
	if len(list.Accounts) != 1 || list.Accounts[0].ID != ana {
		t.Fatalf("by identifier %+v", list)
	}
	list, err = admin.Accounts(t.Context(), api.AccountPage{Identifier: "nobody"})
	if err != nil || len(list.Accounts) != 0 {
		t.Fatalf("by unknown identifier %+v, %v", list, err)
	}

	ended, err := admin.DisableAccount(t.Context(), ana)
	if err != nil || ended.Ended != 1 {
		t.Fatalf("disable: %+v, %v", ended, err)
	}
	_, err = a.As(anaTokens).Me(t.Context())
	refused(t, err, "session_ended")
	shown, err := admin.Account(t.Context(), ana)
	if err != nil || shown.DisabledAt == nil {
		t.Fatalf("show: %+v, %v", shown, err)
	}
	worked(t, admin.EnableAccount(t.Context(), ana))
	a.SignIn("ana@example.com")

	sessions, err := admin.AllSessions(t.Context(), api.SessionPage{})
	worked(t, err)
	if len(sessions.Sessions) != 2 || sessions.Sessions[0].Identifier == "" {
		t.Fatalf("who is logged in: %+v", sessions)
	}
	one, err := admin.Session(t.Context(), bobTokens.SessionID)
	if err != nil || one.AccountID != bob {
		t.Fatalf("session: %+v, %v", one, err)
	}
	worked(t, admin.EndAnySession(t.Context(), bobTokens.SessionID))
	_, err = a.As(bobTokens).Me(t.Context())
	refused(t, err, "session_ended")
	ended, err = admin.EndAccountSessions(t.Context(), ana)
	if err != nil || ended.Ended != 1 {
		t.Fatalf("end all of an account: %+v, %v", ended, err)
	}

	worked(t, admin.DeleteAccount(t.Context(), bob))
	refused(t, admin.DeleteAccount(t.Context(), bob), "account_not_found")
	_, err = a.Refresh(t.Context(), bobTokens.RefreshToken)
	refused(t, err, "refresh_token_invalid")
	_, err = admin.AllSessions(t.Context(), api.SessionPage{AccountID: "not-an-id"})
	refused(t, err, "input_invalid")
	a.SignUp("bob@example.com") // the name is free again
}

func TestProblemIsAnError(t *testing.T) {
	a := apptest.Start(t)
	_, err := a.Login(t.Context(), api.Credentials{Identifier: "nobody"})
	var p *api.Problem
	if !errors.As(err, &p) || p.Status != http.StatusUnauthorized {
		t.Fatalf("%v is no problem", err)
	}
}
