package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/jose"
)

// sendJSON answers the status, the code and the tokens of a request with these
// Authorization headers.
func sendJSON(t *testing.T, a *apptest.App, path string, body any, authorization ...string) (status int, code string, tokens api.Tokens) {
	t.Helper()
	text, err := json.Marshal(body)
	worked(t, err)
	r, err := http.NewRequest("POST", a.URL+path, strings.NewReader(string(text)))
	worked(t, err)
	r.Header.Set("Content-Type", "application/json")
	for _, header := range authorization {
		r.Header.Add("Authorization", header)
	}
	resp, answer := a.Do(r)
	var p api.Problem
	worked(t, json.Unmarshal([]byte(answer), &p))
	worked(t, json.Unmarshal([]byte(answer), &tokens))
	return resp.StatusCode, p.Code, tokens
}

// TestApplicationsWithAKey: people sign in and refresh through an application
// that proves itself with its public key.
func TestApplicationsWithAKey(t *testing.T) {
	a := apptest.Start(t)
	a.SignUp(ana.Identifier)
	key, err := jose.Generate(jose.ES256)
	worked(t, err)
	in := described("shop", "app")
	in.PublicKey = string(key.PublicJWK())
	registered(t, a, in)
	n := 0
	proof := func(changes ...string) string {
		n++
		claims := map[string]any{"iss": "shop", "sub": "shop", "aud": a.URL, "jti": fmt.Sprint(n)}
		for i := 0; i < len(changes); i += 2 {
			claims[changes[i]] = changes[i+1]
		}
		return asserted(t, a, key, claims)
	}
	once := proof()
	for i, test := range []struct {
		id, assertion string
		status        int
		code          string
		authorization []string
	}{
		{"shop", once, 200, "", nil},
		{"shop", once, 401, "invalid_client", nil},
		{"", proof(), 200, "", nil}, // the assertion says whose it is
		{"other", proof(), 401, "invalid_client", nil},
		{"portaria", proof(), 401, "invalid_client", nil},
		{"shop", proof("aud", "https://evil.example"), 401, "invalid_client", nil},
		{"shop", "a.b.c", 401, "invalid_client", nil},
		{"shop", "", 403, "client_not_allowed", nil},
		{"shop", proof(), 422, "input_invalid", []string{basic("shop:x")}},
	} {
		status, code, tokens := sendJSON(t, a, "/v1/login", api.SignIn{Credentials: ana, ClientID: test.id, ClientAssertion: test.assertion}, test.authorization...)
		if status != test.status || code != test.code {
			t.Errorf("%d: %d %s, want %d %s", i, status, code, test.status, test.code)
		}
		if status != http.StatusOK {
			continue
		}
		if got := claims(t, tokens.AccessToken)["client_id"]; got != "shop" {
			t.Errorf("%d: through %v", i, got)
		}
		status, code, _ = sendJSON(t, a, "/v1/refresh", api.Refresh{RefreshToken: tokens.RefreshToken})
		if code != "refresh_token_invalid" {
			t.Errorf("refresh without proof: %d %s", status, code)
		}
		status, code, _ = sendJSON(t, a, "/v1/refresh", api.Refresh{RefreshToken: tokens.RefreshToken, ClientAssertion: proof()})
		if status != http.StatusOK {
			t.Errorf("refresh: %d %s", status, code)
		}
	}
	if _, err = a.AsClient("shop", "").Token(t.Context(), ask); err == nil {
		t.Error("an application with a key is public")
	}
}

// TestWhoIsNamedAndWhoProved: one application, said once or twice alike.
func TestWhoIsNamedAndWhoProved(t *testing.T) {
	a := apptest.Start(t)
	a.SignUp(ana.Identifier)
	good := basic("shop:" + registered(t, a, described("shop", "app")))
	registered(t, a, publicApp("web"))
	for what, test := range map[string]struct {
		named         string
		authorization []string
		status        int
		code          string
	}{
		"proved alone":              {"", []string{good}, 200, ""},
		"proved and named":          {"shop", []string{good}, 200, ""},
		"another named":             {"web", []string{good}, 422, "input_invalid"},
		"Portaria named":            {"portaria", []string{good}, 422, "input_invalid"},
		"two headers":               {"shop", []string{good, good}, 400, "authorization_repeated"},
		"two headers, one empty":    {"shop", []string{good, ""}, 400, "authorization_repeated"},
		"two headers, another's":    {"", []string{good, "Bearer x"}, 400, "authorization_repeated"},
		"an empty secret":           {"", []string{basic("shop:")}, 401, "invalid_client"},
		"an empty secret of a page": {"", []string{basic("web:")}, 401, "invalid_client"},
		"an empty name":             {"", []string{basic(":x")}, 401, "invalid_client"},
		"Portaria proved":           {"", []string{basic("portaria:x")}, 401, "invalid_client"},
	} {
		for path, body := range map[string]any{
			"/v1/login":   api.SignIn{Credentials: ana, ClientID: test.named},
			"/v1/refresh": api.Refresh{RefreshToken: "prt_x", ClientID: test.named},
		} {
			status, code, _ := sendJSON(t, a, path, body, test.authorization...)
			if path == "/v1/refresh" && test.status == http.StatusOK {
				if code != "refresh_token_invalid" {
					t.Errorf("%s: %s %d %s", what, path, status, code)
				}
				continue
			}
			if status != test.status || code != test.code {
				t.Errorf("%s: %s %d %s, want %d %s", what, path, status, code, test.status, test.code)
			}
		}
	}
}

// TestTheLogSaysWhyAClientIsRefused: and holds neither a secret nor a name that
// nobody registered, which may be one.
func TestTheLogSaysWhyAClientIsRefused(t *testing.T) {
	a := apptest.Start(t)
	a.SignUp(ana.Identifier)
	secret := registered(t, a, described("shop", "app"))
	off := registered(t, a, described("off", "service"))
	worked(t, a.Admin().DisableClient(t.Context(), "off"))
	stray := strings.Repeat("5ec7e7", 10)
	for _, test := range []struct{ id, secret, want string }{
		{"shop", "pcs_wrong", "client shop: wrong client secret"},
		{"shop", "", "client shop: client authentication required"},
		{"off", off, "client off: client disabled"},
		{stray, "x", "no client has this id"},
	} {
		before := len(a.Log.String())
		_, err := a.AsClient(test.id, test.secret).Token(t.Context(), ask)
		refused(t, err, "invalid_client")
		if got := a.Log.String()[before:]; !strings.Contains(got, test.want) {
			t.Errorf("/oauth2/token, %s: %s", test.want, got)
		}
		before = len(a.Log.String())
		if _, err = a.AsClient(test.id, test.secret).Login(t.Context(), ana); err == nil {
			t.Error("signed in")
		}
		if got := a.Log.String()[before:]; !strings.Contains(got, test.want) {
			t.Errorf("/v1/login, %s: %s", test.want, got)
		}
	}
	for _, never := range []string{secret, off, stray, "pcs_wrong"} {
		if strings.Contains(a.Log.String(), never) {
			t.Errorf("the log holds %s", never)
		}
	}
}

// TestATokenForAnotherService says so: to sign in again would not help.
func TestATokenForAnotherService(t *testing.T) {
	a := apptest.Start(t, func(c *config.Config) { c.AccountRoutes = "issuer" })
	registered(t, a, described("orders", "service"))
	a.SignUp(ana.Identifier)
	tokens, err := a.ForAudience("orders").Login(t.Context(), ana)
	worked(t, err)
	_, err = a.As(tokens).Me(t.Context())
	refused(t, err, "token_invalid")
	if !strings.Contains(err.Error(), "another service") || strings.Contains(err.Error(), "Sign in again") {
		t.Error(err)
	}
}
