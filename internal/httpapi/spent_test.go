package httpapi_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/jose"
)

// TestASpentRefreshTokenIsInactive: also while a repeat would still return its
// successor, and two generations later.
func TestASpentRefreshTokenIsInactive(t *testing.T) {
	a := apptest.Start(t)
	a.SignUp("ana@example.com")
	shop := a.AsClient("shop", registered(t, a, described("shop", "app")))
	first, err := shop.Login(t.Context(), api.Credentials{Identifier: "ana@example.com", Password: apptest.Password})
	worked(t, err)
	spent := []string{}
	current := first.RefreshToken
	for range 3 {
		for _, old := range append(spent, current) {
			in, err := shop.Introspect(t.Context(), old)
			worked(t, err)
			if in.Active != (old == current) {
				t.Errorf("after %d refreshes: active %v", len(spent), in.Active)
			}
			if !in.Active && in.SessionID+in.Subject+in.ClientID != "" {
				t.Errorf("an inactive token tells %+v", in)
			}
		}
		next, err := shop.Refresh(t.Context(), current)
		worked(t, err)
		spent, current = append(spent, current), next.RefreshToken
	}
}

// assertion signs what proves a client by its key.
func assertion(t *testing.T, a *apptest.App, k jose.Key, client, id string) string {
	t.Helper()
	now := a.Clock.Now()
	claims, err := json.Marshal(map[string]any{"iss": client, "sub": client, "aud": a.URL, "jti": id,
		"iat": now.Unix(), "exp": now.Add(time.Minute).Unix()})
	worked(t, err)
	header, err := json.Marshal(map[string]string{"alg": string(k.Algorithm()), "kid": k.Kid(), "typ": "JWT"})
	worked(t, err)
	input := jose.Encode(header) + "." + jose.Encode(claims)
	signature, err := k.Sign(input)
	worked(t, err)
	return input + "." + jose.Encode(signature)
}

// TestAnAssertionIsSpentLast: a request that gets 503 can be repeated
// with the assertion that it came with; any other answer uses it up.
func TestAnAssertionIsSpentLast(t *testing.T) {
	a := apptest.Start(t)
	key, err := jose.Generate(jose.ES256)
	worked(t, err)
	robot := described("robot", "service")
	robot.PublicKey = string(key.PublicJWK())
	registered(t, a, robot)
	post := func(path string, pairs ...string) (int, string) {
		t.Helper()
		form := url.Values{"client_assertion_type": {api.AssertionType}}
		for i := 0; i < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		r, err := http.NewRequest("POST", a.URL+path, strings.NewReader(form.Encode()))
		worked(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, text := a.Do(r)
		return resp.StatusCode, text
	}
	for path, rest := range map[string][]string{
		"/oauth2/token":      {"grant_type", "client_credentials"},
		"/oauth2/introspect": {"token", "x"},
		"/oauth2/revoke":     {"token", "x"},
	} {
		proof := assertion(t, a, key, "robot", path)
		rest = append(rest, "client_assertion", proof)
		if path == "/oauth2/token" {
			a.MaintainKeys()
			a.Clock.Set(-24 * time.Hour)
			early := assertion(t, a, key, "robot", "early")
			if status, text := post(path, "grant_type", "client_credentials", "client_assertion", early); status != http.StatusServiceUnavailable {
				t.Errorf("without a key: %d %s", status, text)
			}
			a.MaintainKeys() // makes a key for this time
			if status, text := post(path, "grant_type", "client_credentials", "client_assertion", early); status != http.StatusOK {
				t.Errorf("%s: the repeat: %d %s", path, status, text)
			}
			a.Clock.Set(24 * time.Hour)
			a.MaintainKeys()
		}
		if status, text := post(path, rest...); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, text)
		}
		if status, text := post(path, rest...); status != http.StatusBadRequest || !strings.Contains(text, "invalid_client") {
			t.Errorf("%s: used twice: %d %s", path, status, text)
		}
	}
	refused := assertion(t, a, key, "robot", "refused")
	for _, want := range []string{"unsupported_grant_type", "invalid_client"} {
		if _, text := post("/oauth2/token", "grant_type", "password", "client_assertion", refused); !strings.Contains(text, want) {
			t.Errorf("a request that is wrong: %s, want %s", text, want)
		}
	}
}

// TestATokenFromTheFuture: the clock of this process is behind the one that
// minted it.
func TestATokenFromTheFuture(t *testing.T) {
	a := apptest.Start(t)
	a.Clock.Move(3 * time.Hour)
	_, tokens := a.SignUp("ana@example.com")
	for behind, want := range map[time.Duration]string{0: "", 5 * time.Second: "", 10 * time.Second: "token_not_yet_valid"} {
		a.Clock.Set(-behind)
		_, err := a.As(tokens).Me(t.Context())
		a.Clock.Set(behind)
		var p *api.Problem
		if errors.As(err, &p) != (want != "") || p != nil && p.Code != want {
			t.Errorf("%v behind: %v, want %q", behind, err, want)
		}
	}
}
