package httpapi_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/app"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/internal/token"
)

// powerful is a client with powers over Portaria, a scope at a service and an
// audience.
func powerful(t *testing.T, a *apptest.App, change func(*api.NewClient)) *client.Client {
	t.Helper()
	c := described("robot", "service")
	c.Scopes = []string{api.AdminScope, api.RevocationReadScope, api.RevocationWriteScope, api.EventsReadScope, api.IntrospectionScope, "orders:read"}
	change(&c)
	return a.AsClient("robot", registered(t, a, c))
}

// TestPowersStandInTokensForTheIssuerAlone: whatever a client asks for, no token
// that a service could receive has a scope over Portaria.
func TestPowersStandInTokensForTheIssuerAlone(t *testing.T) {
	a := apptest.Start(t, func(c *config.Config) { c.AudienceProfiles = map[string]token.Profile{"legacy": token.Flask} })
	registered(t, a, described("orders", "service"))
	const all = "portaria:admin revocation:read revocation:write events:read introspection"
	robot := powerful(t, a, func(c *api.NewClient) { c.Audiences = []string{"orders", "legacy", "portaria"} })
	for what, test := range map[string]struct {
		scope, resource string
		aud, granted    string // or the code in granted, without an audience
	}{
		"nothing":                     {"", "", "orders", "orders:read"},
		"another service":             {"", "legacy", "legacy", "orders:read"},
		"Portaria's default audience": {"", "portaria", "portaria", "orders:read"},
		"the issuer":                  {"", a.URL, a.URL, all},
		"a power":                     {"revocation:write", "", a.URL, "revocation:write"},
		"a power at the issuer":       {"revocation:write", a.URL, a.URL, "revocation:write"},
		"a power at a service":        {"revocation:write", "orders", "", "invalid_scope"},
		"a power at the default":      {"portaria:admin", "portaria", "", "invalid_scope"},
		"introspection at a service":  {"introspection", "orders", "", "invalid_scope"},
		"both":                        {"orders:read portaria:admin", "", "", "invalid_scope"},
		"both at the issuer":          {"orders:read portaria:admin", a.URL, "", "invalid_scope"},
		"a service's at the issuer":   {"orders:read", a.URL, "", "invalid_scope"},
	} {
		t.Run(what, func(t *testing.T) {
			got, err := robot.Token(t.Context(), api.TokenRequest{GrantType: api.GrantClientCredentials, Scope: test.scope, Resource: test.resource})
			if test.aud == "" {
				refused(t, err, test.granted)
				return
			}
			worked(t, err)
			if said := claims(t, got.AccessToken); said["aud"] != test.aud || said["scope"] != test.granted || got.Scope != test.granted {
				t.Errorf("aud %v, scope %v, %q", said["aud"], said["scope"], got.Scope)
			}
		})
	}
	plain := described("plain", "service")
	plain.Scopes = []string{"orders:read"}
	_, err := a.AsClient("plain", registered(t, a, plain)).Token(t.Context(), api.TokenRequest{GrantType: api.GrantClientCredentials, Resource: a.URL})
	refused(t, err, "invalid_target")
	lone := described("lone", "service")
	lone.Scopes = []string{api.RevocationWriteScope}
	got, err := a.AsClient("lone", registered(t, a, lone)).Token(t.Context(), api.TokenRequest{GrantType: api.GrantClientCredentials})
	worked(t, err)
	if said := claims(t, got.AccessToken); said["aud"] != a.URL {
		t.Errorf("claims %v", said)
	}
}

// TestRoutesForPowersTakeTokensForTheIssuerAlone: a token that some service has
// received opens none of them, also when its scope would do and its signature is
// Portaria's own.
func TestRoutesForPowersTakeTokensForTheIssuerAlone(t *testing.T) {
	var settings config.Config
	a := apptest.Start(t, func(c *config.Config) { settings = *c })
	registered(t, a, described("orders", "service"))
	keys, err := app.Keys(t.Context(), settings, a.Clock.Now())
	worked(t, err)
	t.Cleanup(func() { _ = keys.Close() })
	issuer, err := token.NewIssuer(keys.Ring, settings.Token(a.URL))
	worked(t, err)
	mint := func(audience []string, scope string) string {
		t.Helper()
		minted, _, err := issuer.Mint(a.Clock.Now(), token.Claims{Subject: "operator", ClientID: issue.OperatorClientID,
			Audience: audience, Scope: scope, Revision: rule.MaxSeq, ExpiresAt: a.Clock.Now().Add(time.Minute)})
		worked(t, err)
		return minted.Reveal()
	}
	const scope = "portaria:admin revocation:read revocation:write events:read introspection"
	routes := []struct{ method, path string }{
		{"GET", "/v1/admin/accounts"}, {"GET", "/v1/admin/events"}, {"GET", "/v1/admin/webhooks"}, {"GET", "/v1/admin/verifiers"},
		{"POST", "/v1/admin/revocation/new-epoch"}, {"GET", "/rev/v1/snapshot"}, {"GET", "/rev/v1/feed"}, {"GET", "/rev/v1/rules/1"},
	}
	try := func(access string) (statuses []int) {
		for _, route := range routes {
			r, err := http.NewRequestWithContext(t.Context(), route.method, a.URL+route.path, nil)
			worked(t, err)
			r.Header.Set("Authorization", "Bearer "+access)
			resp, err := http.DefaultClient.Do(r)
			worked(t, err)
			resp.Body.Close()
			statuses = append(statuses, resp.StatusCode)
		}
		return statuses
	}
	for _, audience := range [][]string{{"portaria"}, {"orders"}, {"nobody"}, {"portaria", "orders"}} {
		for i, status := range try(mint(audience, scope)) {
			if status != http.StatusForbidden && status != http.StatusUnauthorized {
				t.Errorf("aud %v: %s %s: %d", audience, routes[i].method, routes[i].path, status)
			}
		}
	}
	for i, status := range try(mint([]string{a.URL}, scope)) {
		if status != http.StatusOK && status != http.StatusNotFound && status != http.StatusCreated {
			t.Errorf("aud issuer: %s %s: %d", routes[i].method, routes[i].path, status)
		}
	}
	// A client keeps its session when its token is good but reaches too little.
	_, own := a.SignUp("ana@example.com")
	_, err = a.As(own).Accounts(t.Context(), api.AccountPage{})
	refused(t, err, "insufficient_scope")
}

// TestAccountRoutes: people use the routes of their account with the token that
// they have, for any audience, unless the settings say that it must be for the
// issuer.
func TestAccountRoutes(t *testing.T) {
	secret := newReader(t, "ECDH-ES+A256KW")
	for _, strict := range []bool{false, true} {
		a := apptest.Start(t, func(c *config.Config) {
			c.AudienceProfiles = map[string]token.Profile{"legacy": token.Flask, "plain": token.PlainJWT}
			c.AudienceEncryption = map[string]config.ServiceKey{"payroll": serviceKey(t, secret.public)}
			if strict {
				c.AccountRoutes = "issuer"
			}
		})
		orders := described("orders", "service")
		registered(t, a, orders)
		a.SignUp("ana@example.com")
		who := api.Credentials{Identifier: "ana@example.com", Password: apptest.Password}
		for _, audience := range []string{"", "legacy", "plain", "orders", a.URL} {
			in := a.ForAudience(audience)
			tokens, err := in.Login(t.Context(), who)
			worked(t, err)
			c := a.As(tokens).ForAudience(audience)
			_, err = c.Me(t.Context())
			if strict && audience != a.URL {
				refused(t, err, "token_invalid")
				_, err = c.StepUp(t.Context(), apptest.Password)
				refused(t, err, "token_invalid")
				continue
			}
			worked(t, err)
			_, err = c.Sessions(t.Context(), api.Page{})
			worked(t, err)
			proved, err := c.StepUp(t.Context(), apptest.Password)
			worked(t, err)
			if want := audience; claims(t, proved.AccessToken)["aud"] != want && want != "" {
				t.Errorf("step-up for %v, want %s", claims(t, proved.AccessToken)["aud"], want)
			}
			_, err = c.Accounts(t.Context(), api.AccountPage{})
			refused(t, err, "insufficient_scope")
			a.Clock.Move(20 * time.Minute)
			_, err = c.Me(t.Context())
			refused(t, err, "token_expired")
			tokens, err = in.Refresh(t.Context(), tokens.RefreshToken)
			worked(t, err)
			worked(t, a.As(tokens).Logout(t.Context()))
			_, err = a.As(tokens).Me(t.Context())
			refused(t, err, "session_ended")
		}
		// What is inside an encrypted token, only its service has.
		tokens, err := a.ForAudience("payroll").Login(t.Context(), who)
		worked(t, err)
		for _, access := range []string{tokens.AccessToken, secret.open(tokens.AccessToken)} {
			_, err = a.WithToken(access).Me(t.Context())
			refused(t, err, "token_invalid")
		}
	}
}
