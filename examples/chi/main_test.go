package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/portaria/portaria/verify"
	"github.com/portaria/portaria/verify/verifytest"
)

// ask returns the status of an answer.
func ask(v *verify.Verifier, method, path, token string) int {
	r := httptest.NewRequest(method, path, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	routes(v).ServeHTTP(w, r)
	return w.Code
}

func TestRoutes(t *testing.T) {
	issuer := verifytest.New(t)
	v := issuer.Verifier("shop")
	for name, test := range map[string]struct {
		method, path, token string
		want                int
	}{
		"good":             {"GET", "/orders", issuer.Token("shop"), http.StatusOK},
		"no token":         {"GET", "/orders", "", http.StatusUnauthorized},
		"wrong audience":   {"GET", "/orders", issuer.Token("billing"), http.StatusUnauthorized},
		"fresh":            {"POST", "/transfers", issuer.Token("shop", verifytest.Fresh()), http.StatusNoContent},
		"not fresh":        {"POST", "/transfers", issuer.Token("shop", verifytest.SignedInAgo(time.Hour)), http.StatusUnauthorized},
		"with the scope":   {"GET", "/reports", issuer.Token("shop", verifytest.Scope("reports:read")), http.StatusOK},
		"without it":       {"GET", "/reports", issuer.Token("shop"), http.StatusForbidden},
		"ready":            {"GET", "/readyz", "", http.StatusOK},
		"no such route":    {"GET", "/nothing", issuer.Token("shop"), http.StatusNotFound},
		"not this method":  {"POST", "/orders", issuer.Token("shop"), http.StatusMethodNotAllowed},
		"fresh, no token":  {"POST", "/transfers", "", http.StatusUnauthorized},
		"scope, no token":  {"GET", "/reports", "", http.StatusUnauthorized},
		"expired":          {"GET", "/orders", issuer.Token("shop", verifytest.Expired()), http.StatusUnauthorized},
		"forged signature": {"GET", "/orders", issuer.Token("shop", verifytest.Forged()), http.StatusUnauthorized},
	} {
		if got := ask(v, test.method, test.path, test.token); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

func TestNotReadyWithoutKeys(t *testing.T) {
	issuer := verifytest.New(t)
	issuer.Offline(true)
	if got := ask(issuer.Verifier("shop"), "GET", "/readyz", ""); got != http.StatusServiceUnavailable {
		t.Errorf("ready without keys: %d", got)
	}
}
