package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/config"
)

var ana = api.Credentials{Identifier: "ana@example.com", Password: apptest.Password}

// application registers an app and answers the client that people use it with.
func application(t *testing.T, a *apptest.App, c api.NewClient) *client.Client {
	t.Helper()
	c.Kind = "app"
	return a.AsClient(c.ID, registered(t, a, c))
}

func publicApp(id string) api.NewClient {
	c := described(id, "app")
	c.Public = true
	return c
}

func refreshForm(token string) api.TokenRequest {
	return api.TokenRequest{GrantType: api.GrantRefreshToken, RefreshToken: token}
}

// TestSignInThroughApplications: a session belongs to the application, with or
// without a secret, and its refresh token is good for no other.
func TestSignInThroughApplications(t *testing.T) {
	a := apptest.Start(t)
	_, own := a.SignUp(ana.Identifier)
	web := application(t, a, publicApp("web"))
	shop := application(t, a, described("shop", "app"))
	for id, c := range map[string]*client.Client{"web": web, "shop": shop} {
		tokens, err := c.Login(t.Context(), ana)
		worked(t, err)
		me, err := a.As(tokens).Me(t.Context())
		worked(t, err)
		if got := claims(t, tokens.AccessToken)["client_id"]; got != id || me.Session.ClientID != id {
			t.Errorf("%s: client_id %v, session's %s", id, got, me.Session.ClientID)
		}
		for what, other := range map[string]*client.Client{"nobody": a.Client, "public": application(t, a, publicApp("thief-of-"+id)),
			"with a secret": application(t, a, described("robber-of-"+id, "app"))} {
			_, err := other.Refresh(t.Context(), tokens.RefreshToken)
			refused(t, err, "refresh_token_invalid")
			if what != "nobody" {
				_, err = other.Token(t.Context(), refreshForm(tokens.RefreshToken))
				refused(t, err, "invalid_grant")
			}
		}
		a.Clock.Move(time.Minute) // nothing was spent
		next, err := c.Refresh(t.Context(), tokens.RefreshToken)
		worked(t, err)
		granted, err := c.Token(t.Context(), refreshForm(next.RefreshToken))
		worked(t, err)
		if granted.TokenType != "Bearer" || granted.ExpiresIn != 900 || granted.RefreshToken == "" || granted.Scope != "" {
			t.Errorf("%s: %+v", id, granted)
		}
		// Both routes are one chain: what one has spent is spent for the other.
		again, err := c.Token(t.Context(), refreshForm(next.RefreshToken))
		worked(t, err)
		if again.RefreshToken != granted.RefreshToken {
			t.Errorf("%s: another successor within the grace window", id)
		}
		a.Clock.Move(time.Minute)
		_, err = c.Token(t.Context(), refreshForm(next.RefreshToken))
		refused(t, err, "invalid_grant")
		_, err = c.Refresh(t.Context(), granted.RefreshToken)
		refused(t, err, "session_ended")
		if !strings.Contains(a.Log.String(), "session.refresh_token_reused") {
			t.Error("the log does not tell of the theft")
		}
	}
	for _, c := range []*client.Client{web, shop} {
		_, err := c.Refresh(t.Context(), own.RefreshToken)
		refused(t, err, "refresh_token_invalid")
	}
}

func TestRefreshGrantRefused(t *testing.T) {
	a := apptest.Start(t)
	a.SignUp(ana.Identifier)
	web := application(t, a, publicApp("web"))
	tokens, err := web.Login(t.Context(), ana)
	worked(t, err)
	for what, test := range map[string]struct {
		change func(*api.TokenRequest)
		code   string
	}{
		"no token":       {func(r *api.TokenRequest) { r.RefreshToken = "" }, "invalid_request"},
		"junk":           {func(r *api.TokenRequest) { r.RefreshToken = "prt_junk" }, "invalid_grant"},
		"a scope":        {func(r *api.TokenRequest) { r.Scope = api.AdminScope }, "invalid_scope"},
		"a resource":     {func(r *api.TokenRequest) { r.Resource = "orders" }, "invalid_target"},
		"another client": {func(r *api.TokenRequest) { r.ClientID = "nobody" }, "invalid_client"},
	} {
		in := refreshForm(tokens.RefreshToken)
		test.change(&in)
		if _, err := web.Token(t.Context(), in); client.Code(err) != test.code {
			t.Errorf("%s: %v, want %s", what, err, test.code)
		}
	}
	// A service acts in nobody's name but its own.
	robot := a.AsClient("robot", registered(t, a, described("robot", "service")))
	_, err = robot.Token(t.Context(), refreshForm(tokens.RefreshToken))
	refused(t, err, "unauthorized_client")
	_, err = robot.Token(t.Context(), refreshForm(""))
	refused(t, err, "unauthorized_client")
	a.Clock.Move(time.Minute)
	_, err = web.Token(t.Context(), refreshForm(tokens.RefreshToken))
	worked(t, err) // none of it spent the token
}

func TestApplicationsRefused(t *testing.T) {
	a := apptest.Start(t)
	a.SignUp(ana.Identifier)
	shop := application(t, a, described("shop", "app"))
	web := application(t, a, publicApp("web"))
	robot := a.AsClient("robot", registered(t, a, described("robot", "service")))
	worked(t, a.Admin().DisableClient(t.Context(), "web"))
	for what, test := range map[string]struct {
		c    *client.Client
		code string
	}{
		"unknown":             {a.AsClient("nobody", ""), "client_not_allowed"},
		"disabled":            {web, "client_not_allowed"},
		"without its secret":  {a.AsClient("shop", ""), "client_not_allowed"},
		"with a wrong secret": {a.AsClient("shop", "pcs_wrong"), "invalid_client"},
		"a service":           {robot, "client_not_allowed"},
		"an id with NUL":      {a.AsClient("web\x00", ""), "client_not_allowed"},
	} {
		_, err := test.c.Login(t.Context(), ana)
		if client.Code(err) != test.code {
			t.Errorf("%s: %v, want %s", what, err, test.code)
		}
	}
	_, err := shop.Login(t.Context(), ana)
	worked(t, err)
	_, err = a.AsClient("portaria", "").Login(t.Context(), ana)
	worked(t, err) // by its name
	for what, header := range map[string][]string{"two headers": {basic("shop:x"), basic("shop:x")}, "bad encoding": {"Basic !"}} {
		r, err := http.NewRequest("POST", a.URL+"/v1/login", strings.NewReader(`{"identifier":"ana@example.com","password":"`+apptest.Password+`"}`))
		worked(t, err)
		r.Header.Set("Content-Type", "application/json")
		r.Header["Authorization"] = header
		if resp, text := a.Do(r); resp.StatusCode < 400 || strings.Contains(text, "access_token") {
			t.Errorf("%s: %s %s", what, resp.Status, text)
		}
	}
}

// TestDisabledApplication: from then on nobody gets another token through it.
func TestDisabledApplication(t *testing.T) {
	a := apptest.Start(t)
	a.SignUp(ana.Identifier)
	for id, c := range map[string]*client.Client{"web": application(t, a, publicApp("web")), "shop": application(t, a, described("shop", "app"))} {
		tokens, err := c.Login(t.Context(), ana)
		worked(t, err)
		worked(t, a.Admin().DisableClient(t.Context(), id))
		code := map[string]string{"web": "client_not_allowed", "shop": "invalid_client"}[id]
		_, err = c.Login(t.Context(), ana)
		refused(t, err, code)
		_, err = c.Refresh(t.Context(), tokens.RefreshToken)
		refused(t, err, code)
		_, err = c.Token(t.Context(), refreshForm(tokens.RefreshToken))
		refused(t, err, "invalid_client")
		_, err = a.As(tokens).StepUp(t.Context(), apptest.Password)
		refused(t, err, "session_ended")
		worked(t, a.Admin().EnableClient(t.Context(), id))
		tokens, err = c.Login(t.Context(), ana)
		worked(t, err)
		worked(t, a.Admin().DeleteClient(t.Context(), id))
		_, err = a.As(tokens).StepUp(t.Context(), apptest.Password)
		refused(t, err, "session_ended")
	}
}

// TestPolicyOfApplications: each client has the limits that it was registered
// with, and otherwise those of the settings.
func TestPolicyOfApplications(t *testing.T) {
	a := apptest.Start(t, func(c *config.Config) {
		c.AccessTTL, c.RefreshTTL, c.SessionTTL = time.Minute, time.Hour, 3*time.Hour
	})
	a.SignUp(ana.Identifier)
	short := publicApp("short")
	short.AccessTTL, short.RefreshTTL, short.SessionTTL = 30, 600, 1500
	for _, test := range []struct {
		c                      *client.Client
		access, idle, absolute time.Duration
	}{
		{a.Client, time.Minute, time.Hour, 3 * time.Hour},
		{application(t, a, publicApp("plain")), time.Minute, time.Hour, 3 * time.Hour},
		{application(t, a, short), 30 * time.Second, 10 * time.Minute, 25 * time.Minute},
	} {
		tokens, err := test.c.Login(t.Context(), ana)
		worked(t, err)
		check := func(idle time.Duration) {
			t.Helper()
			if tokens.ExpiresIn != int64(test.access.Seconds()) || tokens.RefreshExpiresIn != int64(idle.Seconds()) {
				t.Errorf("lives %d s, session %d s; want %v, %v", tokens.ExpiresIn, tokens.RefreshExpiresIn, test.access, idle)
			}
		}
		check(test.idle)
		a.Clock.Move(test.idle - time.Second)
		tokens, err = test.c.Refresh(t.Context(), tokens.RefreshToken)
		worked(t, err)
		check(test.idle)
		a.Clock.Move(test.idle - time.Second)
		tokens, err = test.c.Refresh(t.Context(), tokens.RefreshToken)
		worked(t, err)
		check(min(test.idle, test.absolute-2*(test.idle-time.Second)))
		a.Clock.Move(test.idle)
		_, err = test.c.Refresh(t.Context(), tokens.RefreshToken)
		refused(t, err, "session_expired")
	}
}

// TestNoRefresh: one long token, and the password again for what is sensitive.
func TestNoRefresh(t *testing.T) {
	a := apptest.Start(t)
	a.SignUp(ana.Identifier)
	kiosk := publicApp("kiosk")
	kiosk.NoRefresh, kiosk.AccessTTL = true, 8*3600
	c := application(t, a, kiosk)
	tokens, err := c.Login(t.Context(), ana)
	worked(t, err)
	if tokens.RefreshToken != "" || tokens.RefreshExpiresIn != 0 || tokens.ExpiresIn != 8*3600 || !tokens.Fresh {
		t.Fatalf("%+v", tokens)
	}
	a.Clock.Move(6 * time.Hour)
	me, err := a.As(tokens).Me(t.Context())
	worked(t, err)
	if left := me.Session.ExpiresAt.Sub(a.Clock.Now()); left != 2*time.Hour {
		t.Errorf("the session lives %v longer than now, want as long as its token", left)
	}
	proved, err := a.As(tokens).StepUp(t.Context(), apptest.Password)
	worked(t, err)
	if !proved.Fresh || proved.RefreshToken != "" || proved.ExpiresIn != 2*3600 {
		t.Errorf("%+v", proved)
	}
	a.Clock.Move(2*time.Hour + config.Default().Leeway)
	_, err = a.As(proved).Me(t.Context())
	refused(t, err, "token_expired")
}

// TestAudiencesOfApplications: an application gets tokens for the services that
// it was registered with, and for Portaria itself.
func TestAudiencesOfApplications(t *testing.T) {
	a := apptest.Start(t)
	a.SignUp(ana.Identifier)
	for _, id := range []string{"orders", "stock", "payroll"} {
		registered(t, a, described(id, "service"))
	}
	shop := publicApp("shop")
	shop.Audiences = []string{"orders", "stock"}
	c := application(t, a, shop)
	for asked, want := range map[string]string{"": "orders", "orders": "orders", "stock": "stock", "portaria": "portaria", "payroll": ""} {
		tokens, err := c.ForAudience(asked).Login(t.Context(), ana)
		if want == "" {
			refused(t, err, "input_invalid")
			continue
		}
		worked(t, err)
		next, err := c.ForAudience(asked).Refresh(t.Context(), tokens.RefreshToken)
		worked(t, err)
		granted, err := c.ForAudience(asked).Token(t.Context(), refreshForm(next.RefreshToken))
		worked(t, err)
		for _, access := range []string{tokens.AccessToken, next.AccessToken, granted.AccessToken} {
			if got := claims(t, access)["aud"]; got != want {
				t.Errorf("asked for %q: aud %v, want %s", asked, got, want)
			}
		}
	}
}
