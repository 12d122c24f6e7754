package httpapi_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/store/sqlstore"
)

func TestCookiesOfASignIn(t *testing.T) {
	a := apptest.Start(t)
	a.SignUp("ana")
	b := newTab(t, a)
	got := b.send("POST", "/v1/login", `{"identifier":"ana","password":"`+apptest.Password+`","delivery":"cookie"}`)
	var raw []string
	for _, c := range got.set {
		line := strings.Replace(c.Raw, c.Value, "*", 1)
		raw = append(raw, line)
	}
	slices.Sort(raw)
	want := []string{
		"__Host-portaria-access=*; Path=/; Max-Age=900; HttpOnly; Secure; SameSite=Strict",
		"__Host-portaria-device=*; Path=/; Max-Age=7776000; HttpOnly; Secure; SameSite=Strict",
		"__Host-portaria-refresh=*; Path=/; Max-Age=604800; HttpOnly; Secure; SameSite=Strict",
	}
	if diff := cmp.Diff(want, raw); diff != "" {
		t.Errorf("cookies (-want +got):\n%s", diff)
	}
	if in := claims(t, b.cookie(api.AccessCookie)); !strings.Contains(got.body, `"csrf":"`+in["csrf"].(string)+`"`) {
		t.Errorf("csrf claim %v, answer %s", in["csrf"], got.body)
	}
}

func TestTokensInTheBodyAreUnchanged(t *testing.T) {
	a := apptest.Start(t)
	_, tokens := a.SignUp("ana")
	if tokens.CSRF != "" || claims(t, tokens.AccessToken)["csrf"] != nil {
		t.Errorf("a csrf value without cookies: %+v", tokens)
	}
	b := newTab(t, a)
	for _, delivery := range []string{`"body"`, `"cookie"`, `"query"`, `""`} {
		got := b.send("POST", "/v1/login", `{"identifier":"ana","password":"`+apptest.Password+`","delivery":`+delivery+`}`)
		switch delivery {
		case `"body"`:
			if got.status != 200 || len(got.set) != 0 || !strings.Contains(got.body, "refresh_token") {
				t.Errorf("body: %+v", got)
			}
		case `"cookie"`:
			if got.status != 200 || len(got.set) != 3 {
				t.Errorf("cookie: %+v", got)
			}
		default:
			if got.status != 422 || len(got.set) != 0 {
				t.Errorf("%s: %+v", delivery, got)
			}
		}
	}
}

func TestACookieCallerThroughASession(t *testing.T) {
	a := apptest.Start(t)
	a.SignUp("ana")
	b := signedInTab(t, a, "ana")
	csrf, first := b.csrf, b.cookie(api.RefreshCookie)

	b.wants(200, "", "GET", "/v1/me", "", "X-CSRF-Token", "")
	b.wants(200, "", "GET", "/v1/me", "", "X-CSRF-Token", "", "Sec-Fetch-Site", "none")

	a.Clock.Move(10 * time.Minute)
	b.tokens("/v1/refresh", `{}`)
	if b.cookie(api.RefreshCookie) == first {
		t.Error("the refresh token was not replaced")
	}
	if b.csrf != csrf {
		t.Error("a refresh changes the csrf value: other tabs would be locked out")
	}
	if fresh := claims(t, b.cookie(api.AccessCookie))["fresh"]; fresh != false {
		t.Errorf("fresh is %v after a refresh", fresh)
	}
	refresh := b.cookie(api.RefreshCookie)
	b.tokens("/v1/step-up", `{"password":"`+apptest.Password+`"}`)
	if fresh := claims(t, b.cookie(api.AccessCookie))["fresh"]; fresh != true {
		t.Errorf("fresh is %v after a step-up", fresh)
	}
	if b.cookie(api.RefreshCookie) != refresh {
		t.Error("a step-up touched the refresh cookie")
	}
	b.dropped(b.wants(204, "", "POST", "/v1/logout", ""))
	b.wants(401, "missing_token", "GET", "/v1/me", "")
}

func TestWhatACookieHeldStaysInCookies(t *testing.T) {
	a := apptest.Start(t)
	a.SignUp("ana")
	b := signedInTab(t, a, "ana")
	for _, delivery := range []string{``, `"delivery":"cookie",`} {
		b.tokens("/v1/refresh", `{`+delivery+`"audience":"portaria"}`)
		b.tokens("/v1/step-up", `{`+delivery+`"password":"`+apptest.Password+`"}`)
	}
	b.wants(422, "input_invalid", "POST", "/v1/refresh", `{"delivery":"body"}`)
	b.wants(422, "input_invalid", "POST", "/v1/step-up", `{"delivery":"body","password":"`+apptest.Password+`"}`)
	// A refresh that was refused for its form has spent nothing.
	b.tokens("/v1/refresh", `{}`)
}

func TestFromBodyIntoCookies(t *testing.T) {
	a := apptest.Start(t)
	_, tokens := a.SignUp("ana")
	b := newTab(t, a)
	b.tokens("/v1/refresh", `{"delivery":"cookie","refresh_token":"`+tokens.RefreshToken+`"}`)
	b.wants(200, "", "GET", "/v1/me", "")
	// Beside a cookie, it would be a guess which of both is meant.
	other := a.SignIn("ana")
	b.wants(400, "refresh_token_repeated", "POST", "/v1/refresh", `{"refresh_token":"`+other.RefreshToken+`"}`)
	b.wants(400, "refresh_token_repeated", "POST", "/v1/refresh", `{"refresh_token":"`+b.cookie(api.RefreshCookie)+`"}`)
	a.Clock.Move(time.Minute)
	b.tokens("/v1/refresh", `{}`) // neither was spent
	_, err := a.Refresh(t.Context(), other.RefreshToken)
	worked(t, err)
}

// Everything that another page can make a browser send: it has the cookies, and
// may have whatever the attacker's own session told him.
func TestOtherSites(t *testing.T) {
	a := apptest.Start(t)
	a.SignUp("ana")
	a.SignUp("eve")
	eve := signedInTab(t, a, "eve")
	b := signedInTab(t, a, "ana")
	sent := map[string][]string{
		"without csrf":                {"X-CSRF-Token", ""},
		"csrf of another session":     {"X-CSRF-Token", eve.csrf},
		"a longer csrf":               {"X-CSRF-Token", b.csrf + "x"},
		"another site":                {"Sec-Fetch-Site", "cross-site"},
		"a sibling host":              {"Sec-Fetch-Site", "same-site"},
		"an old browser, other site":  {"Sec-Fetch-Site", "", "Origin", "https://evil.example.com"},
		"an old browser, opaque page": {"Sec-Fetch-Site", "", "Origin", "null"},
	}
	routes := []struct{ method, path, body string }{
		{"POST", "/v1/refresh", `{}`},
		{"POST", "/v1/step-up", `{"password":"` + apptest.Password + `"}`},
		{"PUT", "/v1/password", `{"current_password":"` + apptest.Password + `","new_password":"` + apptest.Password + `!"}`},
		{"DELETE", "/v1/sessions/" + claims(t, b.cookie(api.AccessCookie))["sid"].(string), ""},
		{"POST", "/v1/sessions/end", `{"which":"all"}`},
		{"POST", "/v1/logout", ""},
	}
	for what, headers := range sent {
		for _, r := range routes {
			if got := b.wants(403, "cross_site_request", r.method, r.path, r.body, headers...); len(got.set) != 0 {
				t.Errorf("%s %s: sets %v", what, r.path, got.set)
			}
		}
	}
	b.lose(api.AccessCookie)
	for _, headers := range sent {
		b.wants(403, "cross_site_request", "POST", "/v1/logout", "", headers...)
		b.wants(403, "cross_site_request", "POST", "/v1/refresh", `{}`, headers...)
	}
	b.tokens("/v1/refresh", `{}`, "Sec-Fetch-Site", "", "Origin", a.URL)

	// Two values: whoever is in between may have looked at the other one.
	r, _ := http.NewRequest("POST", a.URL+"/v1/refresh", strings.NewReader("{}"))
	r.Header = http.Header{"Content-Type": {"application/json"}, "X-Csrf-Token": {b.csrf, "x"},
		"Cookie": {api.RefreshCookie + "=" + b.cookie(api.RefreshCookie)}}
	if resp, text := a.Do(r); resp.StatusCode != 403 {
		t.Errorf("two csrf values: %s %s", resp.Status, text)
	}
}

// Signing a visitor in to the attacker's account has him type his secrets there.
func TestAnotherSiteSignsNobodyIn(t *testing.T) {
	a := apptest.Start(t)
	_, eve := a.SignUp("eve")
	for _, from := range []string{"cross-site", "same-site"} {
		b := newTab(t, a)
		b.wants(403, "cross_site_request", "POST", "/v1/login", `{"identifier":"eve","password":"`+apptest.Password+`","delivery":"cookie"}`, "Sec-Fetch-Site", from)
		b.wants(403, "cross_site_request", "POST", "/v1/refresh", `{"refresh_token":"`+eve.RefreshToken+`","delivery":"cookie"}`, "Sec-Fetch-Site", from)
		if b.cookie(api.AccessCookie) != "" {
			t.Errorf("%s: signed in", from)
		}
	}
}

func TestOneTokenInOnePlace(t *testing.T) {
	a := apptest.Start(t)
	_, tokens := a.SignUp("ana")
	b := signedInTab(t, a, "ana")
	for _, method := range []string{"GET /v1/me", "POST /v1/logout"} {
		method, path, _ := strings.Cut(method, " ")
		b.wants(400, "authorization_repeated", method, path, "", "Authorization", "Bearer "+tokens.AccessToken)
		b.wants(400, "authorization_repeated", method, path, "", "Authorization", "bearer "+b.cookie(api.AccessCookie))
		b.wants(400, "authorization_repeated", method, path, "", "Cookie", api.AccessCookie+"="+b.cookie(api.AccessCookie))
	}
	// A proxy in front may ask for a password of its own.
	b.wants(200, "", "GET", "/v1/me", "", "Authorization", "Basic YTpi")
	// A token that was made for the header proves nothing in a cookie.
	forged := newTab(t, a)
	forged.wants(200, "", "GET", "/v1/me", "", "Cookie", api.AccessCookie+"="+tokens.AccessToken)
	for _, csrf := range []string{"", b.csrf} {
		forged.wants(403, "cross_site_request", "POST", "/v1/sessions/end", `{"which":"all"}`, "Cookie", api.AccessCookie+"="+tokens.AccessToken, "X-CSRF-Token", csrf)
	}
}

func TestLeavingWithWhateverIsLeft(t *testing.T) {
	a := apptest.Start(t)
	a.SignUp("ana")
	ended := func(b *tab, access string) {
		t.Helper()
		_, err := a.WithToken(access).Me(t.Context())
		refused(t, err, "session_ended")
	}
	expired := signedInTab(t, a, "ana")
	a.Clock.Move(time.Hour)
	expired.wants(401, "token_expired", "GET", "/v1/me", "")
	expired.dropped(expired.wants(204, "", "POST", "/v1/logout", ""))
	left := signedInTab(t, a, "ana")
	access := left.cookie(api.AccessCookie)
	left.lose(api.AccessCookie)
	left.dropped(left.wants(204, "", "POST", "/v1/logout", ""))
	ended(left, access)

	// Nothing is left that proves a session: the cookies go all the same.
	gone := signedInTab(t, a, "ana")
	_, err := a.Admin().EndAccountSessions(t.Context(), account(t, a, gone))
	worked(t, err)
	gone.dropped(gone.wants(401, "session_ended", "POST", "/v1/logout", ""))
	old := signedInTab(t, a, "ana")
	old.lose(api.RefreshCookie)
	a.Clock.Move(time.Hour)
	if got := old.wants(401, "token_expired", "POST", "/v1/logout", "", "Sec-Fetch-Site", "cross-site"); len(got.set) > 0 {
		t.Errorf("another site dropped %v", got.set)
	}
	old.dropped(old.wants(401, "token_expired", "POST", "/v1/logout", ""))
	// Whoever sends a token himself leaves by that token, or not at all.
	both := signedInTab(t, a, "ana")
	tokens := a.SignIn("ana")
	worked(t, a.As(tokens).Logout(t.Context()))
	both.lose(api.AccessCookie)
	both.wants(401, "session_ended", "POST", "/v1/logout", "", "Authorization", "Bearer "+tokens.AccessToken)
	both.tokens("/v1/refresh", `{}`)
	// Without cookies there is nothing to drop.
	if got := newTab(t, a).wants(401, "missing_token", "POST", "/v1/logout", ""); len(got.set) > 0 {
		t.Errorf("drops %v", got.set)
	}
}

// account is the account that a page is signed in to.
func account(t *testing.T, a *apptest.App, b *tab) string {
	t.Helper()
	return claims(t, b.cookie(api.AccessCookie))["sub"].(string)
}

func TestEndingTheOwnSessionDropsItsCookies(t *testing.T) {
	a := apptest.Start(t)
	a.SignUp("ana")
	other := signedInTab(t, a, "ana")
	b := signedInTab(t, a, "ana")
	sid := func(b *tab) string { return claims(t, b.cookie(api.AccessCookie))["sid"].(string) }
	if got := b.wants(204, "", "DELETE", "/v1/sessions/"+sid(other), ""); len(got.set) > 0 {
		t.Errorf("ending another session sets %v", got.set)
	}
	if got := b.wants(200, "", "POST", "/v1/sessions/end", `{"which":"others"}`); len(got.set) > 0 {
		t.Errorf("ending other sessions sets %v", got.set)
	}
	b.dropped(b.wants(204, "", "DELETE", "/v1/sessions/"+sid(b), ""))
	b = signedInTab(t, a, "ana")
	b.dropped(b.wants(200, "", "POST", "/v1/sessions/end", `{"which":"all"}`))

	// Callers who send the token in the header have no cookies of ours to lose.
	r, _ := http.NewRequest("POST", a.URL+"/v1/logout", nil)
	r.Header.Set("Authorization", "Bearer "+a.SignIn("ana").AccessToken)
	if resp, _ := a.Do(r); resp.StatusCode != 204 || len(resp.Cookies()) > 0 || resp.Header.Get("Clear-Site-Data") != "" {
		t.Errorf("%s %v", resp.Status, resp.Cookies())
	}
}

// A session that cannot be refreshed must not keep the refresh cookie of another.
func TestASessionWithoutRefreshToken(t *testing.T) {
	var database string
	a := apptest.Start(t, func(c *config.Config) { database = c.Database.Reveal() })
	store, err := sqlstore.Open(t.Context(), database, sqlstore.Options{})
	worked(t, err)
	worked(t, store.CreateClient(t.Context(), clients.Client{ID: "kiosk", Kind: clients.App, CreatedAt: a.Clock.Now(),
		Policy: clients.Policy{NoRefresh: true}}))
	worked(t, store.Close())
	a.SignUp("ana")
	b := signedInTab(t, a, "ana")
	b.tokens("/v1/login", `{"identifier":"ana","password":"`+apptest.Password+`","delivery":"cookie","client_id":"kiosk"}`)
	if b.cookie(api.RefreshCookie) != "" || b.cookie(api.AccessCookie) == "" {
		t.Error("the refresh cookie of the session before is still there")
	}
	b.tokens("/v1/step-up", `{"password":"`+apptest.Password+`"}`)
	b.dropped(b.wants(204, "", "POST", "/v1/logout", ""))
}

func TestAStolenRefreshCookie(t *testing.T) {
	a := apptest.Start(t)
	a.SignUp("ana")
	b := signedInTab(t, a, "ana")
	spent := b.cookie(api.RefreshCookie)
	b.tokens("/v1/refresh", `{}`)
	a.Clock.Move(time.Minute)
	for _, second := range []string{"prt_x", b.cookie(api.RefreshCookie), ""} {
		b.wants(400, "refresh_token_repeated", "POST", "/v1/refresh", `{}`, "Cookie", api.RefreshCookie+"="+second)
	}
	thief := newTab(t, a)
	thief.wants(403, "cross_site_request", "POST", "/v1/refresh", `{}`, "Cookie", api.RefreshCookie+"="+spent)
	b.tokens("/v1/refresh", `{}`)
	thief.csrf = b.csrf
	thief.wants(401, "refresh_token_reused", "POST", "/v1/refresh", `{}`, "Cookie", api.RefreshCookie+"="+spent)
	b.wants(401, "session_ended", "POST", "/v1/refresh", `{}`)
	newTab(t, a).wants(422, "input_invalid", "POST", "/v1/refresh", `{}`)
}

func TestTheClientInCookies(t *testing.T) {
	a := apptest.Start(t)
	a.SignUp("ana")
	hc := &http.Client{Jar: newTab(t, a).jar}
	defer hc.CloseIdleConnections()
	c := client.New(a.URL, hc).WithCookies("")
	got, err := c.Login(t.Context(), api.Credentials{Identifier: "ana", Password: apptest.Password})
	worked(t, err)
	_, err = c.Refresh(t.Context(), "")
	refused(t, err, "cross_site_request")
	c = c.WithCookies(got.CSRF)
	_, err = c.Refresh(t.Context(), "")
	worked(t, err)
	_, err = c.StepUp(t.Context(), apptest.Password)
	worked(t, err)
	me, err := c.Me(t.Context())
	worked(t, err)
	if me.Session.ID != got.SessionID {
		t.Errorf("session %s, want %s", me.Session.ID, got.SessionID)
	}
	worked(t, c.Logout(t.Context()))
	_, err = c.Me(t.Context())
	refused(t, err, "missing_token")
}
