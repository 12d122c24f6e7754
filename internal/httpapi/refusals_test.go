package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/app/apptest"
	happened "github.com/portaria/portaria/internal/event"
)

// last is the newest event of a type.
func last(t *testing.T, a *apptest.App, kind happened.Type) api.Event {
	t.Helper()
	got, err := a.Admin().Events(t.Context(), api.EventPage{Type: string(kind)})
	worked(t, err)
	if len(got.Events) == 0 {
		t.Fatalf("no event %s", kind)
	}
	return got.Events[0]
}

// What was refused is found in the audit trail, with the request that the access
// log has too.
func TestRefusalsAreEvents(t *testing.T) {
	a := apptest.Start(t)
	id, tokens := a.SignUp("ana")
	ask := func(method, path, body string, header http.Header) string {
		t.Helper()
		r, err := http.NewRequest(method, a.URL+path, strings.NewReader(body))
		worked(t, err)
		r.Header = header
		r.Header.Set("Content-Type", "application/json")
		response, _ := a.Do(r)
		return response.Header.Get("X-Request-Id")
	}
	bearer := func(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

	request := ask("GET", "/v1/admin/accounts", "", bearer(tokens.AccessToken))
	got := last(t, a, happened.AccessRefused)
	if got.AccountID != id || got.SessionID != tokens.SessionID || got.Reason != "insufficient_scope" || got.RequestID != request || got.Address != "127.0.0.1" {
		t.Errorf("403: %+v", got)
	}
	if line := lineOf(t, a, request); !strings.Contains(line, "account_id="+id) || !strings.Contains(line, "client_id=portaria") {
		t.Errorf("the access line names nobody: %s", line)
	}

	b := signedInTab(t, a, "ana")
	b.wants(403, "cross_site_request", "POST", "/v1/logout", "", "Sec-Fetch-Site", "cross-site")
	if got = last(t, a, happened.CrossSiteRefused); got.Reason != "cross_site_request" || got.RequestID == "" {
		t.Errorf("cross-site: %+v", got)
	}

	_, err := a.AsClient("nobody", "secret").Token(t.Context(), ask2)
	refused(t, err, "invalid_client")
	if got = last(t, a, happened.ClientNotProved); got.ClientID != "" || got.RequestID == "" {
		t.Errorf("client: %+v", got)
	}

	worked(t, a.As(tokens).Logout(t.Context()))
	_, err = a.Refresh(t.Context(), tokens.RefreshToken)
	refused(t, err, "session_ended")
	if got = last(t, a, happened.RefreshRefused); got.SessionID != tokens.SessionID || got.AccountID != id || got.Reason != "session_ended" {
		t.Errorf("refresh: %+v", got)
	}
	_, err = a.Refresh(t.Context(), "prt_nonsense")
	refused(t, err, "refresh_token_invalid")
	if got = last(t, a, happened.RefreshRefused); got.SessionID != "" || got.Reason != "refresh_token_invalid" {
		t.Errorf("nonsense: %+v", got)
	}

	tokens = a.SignIn("ana")
	_, err = a.As(tokens).StepUp(t.Context(), apptest.Password)
	worked(t, err)
	if got = last(t, a, happened.SessionSteppedUp); got.AccountID != id || got.SessionID != tokens.SessionID || got.Actor != id || got.RequestID == "" {
		t.Errorf("step-up: %+v", got)
	}
}

var ask2 = api.TokenRequest{GrantType: api.GrantClientCredentials}

// lineOf is the access line of a request, which is written after its answer.
func lineOf(t *testing.T, a *apptest.App, request string) string {
	t.Helper()
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); {
		for line := range strings.Lines(a.Log.String()) {
			if strings.Contains(line, "msg=request ") && strings.Contains(line, request) {
				return line
			}
		}
	}
	t.Fatalf("no access line of request %s", request)
	return ""
}

// A stranger must not fill the log.
func TestRefusalsDoNotFillTheLog(t *testing.T) {
	a := apptest.Start(t)
	_, tokens := a.SignUp("ana")
	for range 20 {
		_, err := a.As(tokens).Accounts(t.Context(), api.AccountPage{})
		refused(t, err, "insufficient_scope")
	}
	got, err := a.Admin().Events(t.Context(), api.EventPage{Type: "access.*"})
	worked(t, err)
	if len(got.Events) != 5 {
		t.Errorf("%d events of 20 refusals, want 5", len(got.Events))
	}
	a.Clock.Move(10 * time.Minute)
	_, err = a.As(tokens).Accounts(t.Context(), api.AccountPage{})
	refused(t, err, "insufficient_scope")
	if got := last(t, a, happened.AccessRefused); got.Detail["left_out"] != "15" {
		t.Errorf("left out: %v", got.Detail)
	}
}
