package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/token"
)

// A stolen token must not be enough to sign its owner out everywhere.
func TestEndingOtherSessionsNeedsAFreshProof(t *testing.T) {
	a := apptest.Start(t)
	_, mine := a.SignUp("ana")
	end := map[string]func(access, other string) error{
		"one": func(access, other string) error { return a.WithToken(access).EndSession(t.Context(), other) },
		"others": func(access, _ string) error {
			_, err := a.WithToken(access).EndSessions(t.Context(), "others")
			return err
		},
		"all": func(access, _ string) error {
			_, err := a.WithToken(access).EndSessions(t.Context(), "all")
			return err
		},
	}
	for what, do := range end {
		mine = a.SignIn("ana")
		other := a.SignIn("ana")
		refreshed, err := a.Refresh(t.Context(), mine.RefreshToken)
		worked(t, err)
		refused(t, do(refreshed.AccessToken, other.SessionID), "insufficient_user_authentication")
		a.Clock.Move(5*time.Minute + time.Second)
		refused(t, do(mine.AccessToken, other.SessionID), "insufficient_user_authentication")
		_, err = a.As(other).Me(t.Context())
		worked(t, err) // nothing was ended

		proved, err := a.WithToken(refreshed.AccessToken).StepUp(t.Context(), apptest.Password)
		worked(t, err)
		a.Clock.Move(5 * time.Minute)
		if err := do(proved.AccessToken, other.SessionID); err != nil {
			t.Errorf("%s after a step-up: %v", what, err)
		}
		_, err = a.As(other).Me(t.Context())
		refused(t, err, "session_ended")
	}
}

func TestEndingTheOwnSessionNeedsNoFreshProof(t *testing.T) {
	a := apptest.Start(t)
	_, tokens := a.SignUp("ana")
	a.Clock.Move(10 * time.Minute)
	worked(t, a.As(tokens).EndSession(t.Context(), tokens.SessionID))
	tokens = a.SignIn("ana")
	a.Clock.Move(10 * time.Minute)
	worked(t, a.As(tokens).Logout(t.Context()))
}

// The challenge of RFC 9470 says what to do.
func TestTheChallengeForAFreshProof(t *testing.T) {
	a := apptest.Start(t)
	_, tokens := a.SignUp("ana")
	a.Clock.Move(10 * time.Minute)
	r, err := http.NewRequest("POST", a.URL+"/v1/sessions/end", strings.NewReader(`{"which":"others"}`))
	worked(t, err)
	r.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + tokens.AccessToken}}
	response, body := a.Do(r)
	const want = `Bearer error="insufficient_user_authentication", max_age="300"`
	if got := response.Header.Get("WWW-Authenticate"); response.StatusCode != 401 || got != want {
		t.Errorf("%s, challenge %q: %s", response.Status, got, body)
	}
}

// Whatever changes something at a route of administrators, or writes to the
// revocation log, asks a person for a fresh proof. Reading does not.
func TestAdministrativeChangesByAPersonNeedAFreshProof(t *testing.T) {
	a := apptest.Start(t)
	id, tokens := a.SignUp("ana")
	person := token.Claims{Audience: []string{a.URL}, Subject: id, SessionID: tokens.SessionID, ClientID: issue.ClientID, Scope: api.AdminScope,
		AuthTime: a.Clock.Now(), AMR: []string{"pwd"}}
	stale := a.Sign(person)
	person.Fresh = true
	fresh := a.Sign(person)
	person.AuthTime = a.Clock.Now().Add(-6 * time.Minute)
	old := a.Sign(person)
	tried := 0
	for path, item := range document(t, a).Paths.Map() {
		if !strings.HasPrefix(path, "/v1/admin/") && path != "/rev/v1/rules" {
			continue
		}
		for method := range item.Operations() {
			ask := func(access string) (*http.Response, string) {
				concrete := strings.ReplaceAll(path, "{id}", "5f0f3f4e-0f0f-4f0f-8f0f-0f0f0f0f0f0f")
				r, _ := http.NewRequest(method, a.URL+concrete, strings.NewReader("{}"))
				r.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + access}}
				return a.Do(r)
			}
			for _, access := range []string{stale, old} {
				response, body := ask(access)
				if got := strings.Contains(body, "insufficient_user_authentication"); got != (method != "GET") {
					t.Errorf("%s %s without a fresh proof: %s %s", method, path, response.Status, body)
				}
			}
			if method != "GET" && !strings.HasSuffix(path, "new-epoch") {
				tried++
				if _, body := ask(fresh); strings.Contains(body, "insufficient") {
					t.Errorf("%s %s with one: %s", method, path, body)
				}
			}
		}
	}
	if tried < 15 {
		t.Fatalf("only %d routes tried", tried)
	}
}

// The session that a browser had before must not live on without a browser.
func TestACookieSignInEndsTheSessionBefore(t *testing.T) {
	a := apptest.Start(t)
	a.SignUp("ana")
	a.SignUp("bia")
	signIn := func(b *tab, identifier string) {
		b.Helper()
		b.tokens("/v1/login", `{"identifier":"`+identifier+`","password":"`+apptest.Password+`","delivery":"cookie"}`)
	}
	for _, before := range []func(b *tab){
		func(*tab) {}, // both cookies
		func(b *tab) { b.lose(api.AccessCookie) },
		func(b *tab) { b.lose(api.RefreshCookie) },
	} {
		for _, next := range []string{"ana", "bia"} {
			b := signedInTab(t, a, "ana")
			bystander := a.SignIn("ana")
			held := b.cookie(api.AccessCookie)
			before(b)
			b.wants(401, "invalid_credentials", "POST", "/v1/login", `{"identifier":"`+next+`","password":"wrong","delivery":"cookie"}`)
			_, err := a.WithToken(held).Me(t.Context())
			worked(t, err) // a refused sign-in ends nothing
			signIn(b, next)
			_, err = a.WithToken(held).Me(t.Context())
			refused(t, err, "session_ended")
			_, err = a.As(bystander).Me(t.Context())
			worked(t, err)
			b.wants(200, "", "GET", "/v1/me", "")
		}
	}
	// Tokens in the body leave the session in the cookies alone: another program.
	b := signedInTab(t, a, "ana")
	b.wants(200, "", "POST", "/v1/login", `{"identifier":"ana","password":"`+apptest.Password+`"}`)
	b.wants(200, "", "GET", "/v1/me", "")
	// A refresh token out of a body takes the place of the access cookie.
	held, other := b.cookie(api.AccessCookie), a.SignIn("bia")
	b.lose(api.RefreshCookie)
	b.tokens("/v1/refresh", `{"refresh_token":"`+other.RefreshToken+`","delivery":"cookie"}`)
	_, err := a.WithToken(held).Me(t.Context())
	refused(t, err, "session_ended")
	// What came in the cookies and proves nothing ends nothing, and is no error.
	newTab(t, a).tokens("/v1/login", `{"identifier":"ana","password":"`+apptest.Password+`","delivery":"cookie"}`,
		"Cookie", api.RefreshCookie+"=prt_x; "+api.AccessCookie+"=x")
}
