package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/portaria/portaria/internal/app/apptest"
)

// A page of another origin must not read an answer by the cookies of the person
// who visits it, nor learn from it whether somebody is signed in.
func TestReadsByCookieComeFromThisOrigin(t *testing.T) {
	a := apptest.Start(t)
	a.SignUp("ana")
	b := signedInTab(t, a, "ana")
	for _, path := range []string{"/v1/me", "/v1/sessions"} {
		for _, method := range []string{"GET", "HEAD"} {
			for _, site := range []string{"same-origin", "none", ""} {
				if got := b.send(method, path, "", "Sec-Fetch-Site", site, "X-CSRF-Token", ""); got.status != 200 {
					t.Errorf("%s %s from %q: %d", method, path, site, got.status)
				}
			}
		}
		for _, headers := range [][]string{
			{"Sec-Fetch-Site", "cross-site"},
			{"Sec-Fetch-Site", "same-site"},
			{"Sec-Fetch-Site", "something-new"},
			{"Sec-Fetch-Site", "", "Origin", "https://evil.example.com"},
			{"Sec-Fetch-Site", "", "Origin", "null"},
		} {
			b.wants(403, "cross_site_request", "GET", path, "", headers...)
		}
	}
	// A token in the header was put there by the page itself.
	token := a.SignIn("ana").AccessToken
	other := newTab(t, a)
	other.wants(200, "", "GET", "/v1/me", "", "Authorization", "Bearer "+token, "Sec-Fetch-Site", "cross-site")
}

func TestPublicDocumentsMayBeReadByEveryOrigin(t *testing.T) {
	a := apptest.Start(t)
	for path, want := range map[string]string{
		"/.well-known/jwks.json":                  "cross-origin",
		"/.well-known/oauth-authorization-server": "cross-origin",
		"/openapi.json":                           "cross-origin",
		"/healthz":                                "same-origin",
		"/readyz":                                 "same-origin",
		"/v1/me":                                  "same-origin",
		"/nowhere":                                "same-origin",
		"/v1//me":                                 "same-origin", // a redirect of ServeMux
	} {
		response, _ := get(t, a, path)
		if got := response.Header.Values("Cross-Origin-Resource-Policy"); len(got) != 1 || got[0] != want {
			t.Errorf("%s: Cross-Origin-Resource-Policy %q, want %s", path, got, want)
		}
	}
}

// No route answers OPTIONS: there is nothing here for preflight requests of
// other origins, and no list of methods for everybody.
func TestNoGeneralOptions(t *testing.T) {
	a := apptest.Start(t)
	for path, want := range map[string]int{"/v1/login": 405, "/v1/me": 405, "/nowhere": 404} {
		r, err := http.NewRequest("OPTIONS", a.URL+path, nil)
		worked(t, err)
		response, body := a.Do(r)
		if response.StatusCode != want || response.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("OPTIONS %s: %s %v %s", path, response.Status, response.Header, body)
		}
	}
}
