package httpapi_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/portaria/portaria/internal/app/apptest"
)

// open lists the routes that anyone may call. A route that becomes open must
// be added here by hand: that is the point.
var open = []string{
	"POST /v1/accounts",
	"POST /v1/login",
	"POST /v1/refresh",
	"GET /v1/password-policy",
	"GET /healthz",
	"GET /readyz",
	"GET /openapi.json",
	"GET /.well-known/jwks.json",
	"GET /.well-known/security.txt",
	"GET /.well-known/oauth-authorization-server",
}

// byClients lists the routes for registered clients, who may prove themselves in
// the body. Without any proof they answer as RFC 6749 §5.2 wants it.
var byClients = []string{
	"POST /oauth2/token",
	"POST /oauth2/revoke",
	"POST /oauth2/introspect",
}

// needsNothing reports whether the document lets everybody in.
func needsNothing(op *openapi3.Operation) bool {
	return op.Security == nil || slices.ContainsFunc(*op.Security, func(way openapi3.SecurityRequirement) bool { return len(way) == 0 })
}

// document fetches and checks the service's own description.
func document(t *testing.T, a *apptest.App) *openapi3.T {
	t.Helper()
	r, _ := http.NewRequest("GET", a.URL+"/openapi.json", nil)
	resp, text := a.Do(r)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("GET /openapi.json: %s", resp.Status)
	}
	doc, err := openapi3.NewLoader().LoadFromData([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(context.Background(), openapi3.AllowExtraSiblingFields("examples", "nullable")); err != nil {
		t.Fatalf("openapi.json: %v", err)
	}
	return doc
}

func TestEveryRouteAsAnonymous(t *testing.T) {
	a := apptest.Start(t)
	for path, item := range document(t, a).Paths.Map() {
		for method, op := range item.Operations() {
			pattern := method + " " + path
			t.Run(pattern, func(t *testing.T) {
				concrete := strings.ReplaceAll(path, "{id}", "11111111-1111-4111-8111-111111111111")
				r, err := http.NewRequest(method, a.URL+concrete, strings.NewReader("{}"))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Content-Type", "application/json")
				resp, text := a.Do(r)
				isOpen := slices.Contains(open, pattern)
				if slices.Contains(byClients, pattern) {
					if resp.StatusCode != http.StatusBadRequest || !strings.Contains(text, `"invalid_request"`) {
						t.Fatalf("%s %s", resp.Status, text)
					}
					return
				}
				if documented := needsNothing(op); documented != isOpen {
					t.Fatalf("documented as open: %v, meant to be: %v", documented, isOpen)
				}
				if isOpen {
					if strings.Contains(text, `"code":"missing_token"`) {
						t.Fatalf("an open route asks for a token: %.200s", text)
					}
					return
				}
				if resp.StatusCode != http.StatusUnauthorized || !strings.Contains(text, `"missing_token"`) {
					t.Fatalf("%s %s", resp.Status, text)
				}
				if challenge := resp.Header.Get("WWW-Authenticate"); challenge != "Bearer" {
					t.Fatalf("WWW-Authenticate is %q", challenge)
				}
			})
		}
	}
}

func TestEveryOpenRouteIsDocumented(t *testing.T) {
	doc := document(t, apptest.Start(t))
	for _, pattern := range open {
		method, path, _ := strings.Cut(pattern, " ")
		if item := doc.Paths.Find(path); item == nil || item.GetOperation(method) == nil {
			t.Errorf("%s is not in the document", pattern)
		}
	}
}

func TestAdminRoutesRefuseOrdinaryTokens(t *testing.T) {
	a := apptest.Start(t)
	_, tokens := a.SignUp("ana@example.com")
	tried := 0
	for path, item := range document(t, a).Paths.Map() {
		if !strings.HasPrefix(path, "/v1/admin/") {
			continue
		}
		for method := range item.Operations() {
			tried++
			concrete := strings.ReplaceAll(path, "{id}", tokens.SessionID)
			r, _ := http.NewRequest(method, a.URL+concrete, strings.NewReader("{}"))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
			resp, text := a.Do(r)
			if resp.StatusCode != http.StatusForbidden || !strings.Contains(text, "insufficient_scope") {
				t.Errorf("%s %s: %s %s", method, path, resp.Status, text)
			}
		}
	}
	if tried < 11 {
		t.Fatalf("only %d routes for administrators in the document", tried)
	}
}

func TestOperatorTokenHasNoSession(t *testing.T) {
	a := apptest.Start(t)
	_, err := a.Admin().Me(t.Context())
	refused(t, err, "session_required")
}
