package httpapi_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/jose"
)

// active reports what introspection says about a token.
func active(t *testing.T, c *client.Client, raw string) bool {
	t.Helper()
	got, err := c.Introspect(t.Context(), raw)
	worked(t, err)
	if !got.Active && (got.Subject != "" || got.ExpiresAt != 0 || got.ClientID != "") {
		t.Errorf("it says more than that the token is not active: %+v", got)
	}
	return got.Active
}

// TestWhoMayIntrospect: a client learns about tokens for its own audience and
// tokens that it was given. Only the scope introspection adds those for others,
// and nothing adds refresh tokens.
func TestWhoMayIntrospect(t *testing.T) {
	a := apptest.Start(t)
	_, own := a.SignUp("ana@example.com")
	shopApp := described("shop", "app")
	shop := a.AsClient("shop", registered(t, a, shopApp))
	registered(t, a, described("stock", "service"))
	scopes := map[string][]string{
		"plain": nil, "orders": {api.RevocationReadScope}, "writer": {api.RevocationWriteScope, api.EventsReadScope},
		"admin": {api.AdminScope}, "gateway": {api.IntrospectionScope},
	}
	asking := map[string]*client.Client{"shop": shop}
	for id, list := range scopes {
		c := described(id, "service")
		c.Scopes, c.Audiences = list, []string{"stock"}
		asking[id] = a.AsClient(id, registered(t, a, c))
	}
	who := api.Credentials{Identifier: "ana@example.com", Password: apptest.Password}
	forOrders, err := a.ForAudience("orders").Login(t.Context(), who)
	worked(t, err)
	atShop, err := shop.Login(t.Context(), who)
	worked(t, err)
	granted, err := asking["plain"].Token(t.Context(), api.TokenRequest{GrantType: api.GrantClientCredentials})
	worked(t, err)
	tests := map[string]struct {
		token string
		may   []string
	}{
		"a token for Portaria's own audience": {own.AccessToken, []string{"gateway"}},
		"a token for orders":                  {forOrders.AccessToken, []string{"gateway", "orders"}},
		"a token of the shop":                 {atShop.AccessToken, []string{"gateway", "shop"}},
		"a token of a service":                {granted.AccessToken, []string{"gateway", "plain"}},
		"a refresh token of Portaria":         {own.RefreshToken, nil},
		"a refresh token of the shop":         {atShop.RefreshToken, []string{"shop"}},
	}
	for what, test := range tests {
		t.Run(what, func(t *testing.T) {
			may := map[string]bool{}
			for _, id := range test.may {
				may[id] = true
			}
			for id, c := range asking {
				if got := active(t, c, test.token); got != may[id] {
					t.Errorf("%s: active %v, want %v", id, got, may[id])
				}
			}
		})
	}
}

// TestEncryptedTokensAreNotSaidToBeRevoked: only their service can read them, so
// Portaria says that it cannot revoke or judge them. What is inside can be
// revoked.
func TestEncryptedTokensAreNotSaidToBeRevoked(t *testing.T) {
	for _, algorithm := range []jose.Algorithm{jose.ECDHESA256KW, jose.RSAOAEP256} {
		secret := newReader(t, algorithm)
		a := apptest.Start(t, func(c *config.Config) {
			c.AudienceEncryption = map[string]config.ServiceKey{"payroll": serviceKey(t, secret.public)}
		})
		shop := a.AsClient("shop", registered(t, a, described("shop", "app")))
		gateway := scoped(t, a, "gateway", api.IntrospectionScope)
		a.SignUp("ana@example.com")
		tokens, err := shop.ForAudience("payroll").Login(t.Context(), api.Credentials{Identifier: "ana@example.com", Password: apptest.Password})
		worked(t, err)
		for _, c := range []*client.Client{shop, gateway} {
			refused(t, c.RevokeToken(t.Context(), tokens.AccessToken), "unsupported_token_type")
			_, err := c.Introspect(t.Context(), tokens.AccessToken)
			refused(t, err, "unsupported_token_type")
		}
		inside := secret.open(tokens.AccessToken)
		if !active(t, gateway, inside) {
			t.Error("the token inside is not active")
		}
		worked(t, shop.RevokeToken(t.Context(), inside))
		if active(t, gateway, inside) {
			t.Error("the token inside is active after its revocation")
		}
		worked(t, shop.RevokeToken(t.Context(), tokens.RefreshToken))
		_, err = shop.Refresh(t.Context(), tokens.RefreshToken)
		refused(t, err, "session_ended")
	}
}

// TestUnknownTargets: nothing is written about what does not exist, unless the
// caller says that it may be unseen.
func TestUnknownTargets(t *testing.T) {
	a := apptest.Start(t)
	ana, tokens := a.SignUp("ana@example.com")
	registered(t, a, described("orders", "service"))
	id := uuid.NewString()
	for _, unknown := range []api.Target{
		{Session: id}, {Account: id}, {Client: "nobody"}, {Client: "NOBODY"}, {Key: "nobody"},
		{Account: id, Client: "orders"}, {Account: ana, Client: "nobody"},
		{Kind: "session", ID: id}, {Kind: "account", ID: id}, {Kind: "client", ID: "nobody"}, {Kind: "key", ID: "nobody"},
	} {
		_, err := a.Admin().Revoke(t.Context(), api.Revoke{Target: unknown, Mode: "hard"}, 0)
		refused(t, err, "revocation_target_unknown")
	}
	written := func() int {
		t.Helper()
		events, err := a.Admin().Events(t.Context(), api.EventPage{Type: "revocation.written"})
		worked(t, err)
		return len(events.Events)
	}
	if n := written(); n != 0 {
		t.Errorf("%d rules were written", n)
	}
	_, err := a.Admin().Revoke(t.Context(), api.Revoke{Target: api.Target{Session: id}, Unseen: true}, 0)
	worked(t, err)
	for _, known := range []api.Target{
		{Account: ana, Client: "portaria"}, {Client: "portaria"}, {Client: "portaria-cli"}, {Client: "orders"}, {Account: ana},
		{Session: tokens.SessionID}, {Key: kidOf(t, tokens)},
	} {
		_, err := a.Admin().Revoke(t.Context(), api.Revoke{Target: known}, 0)
		worked(t, err)
	}
	if n := written(); n < 7 {
		t.Errorf("%d rules were written", n)
	}
}

// TestParametersThatPeopleMean: what changes for whom a token is good is honoured
// or refused, in whatever spelling. What means nothing is ignored (RFC 6749 §3.2).
func TestParametersThatPeopleMean(t *testing.T) {
	a := apptest.Start(t)
	registered(t, a, described("stock", "service"))
	registered(t, a, described("orders", "service"))
	c := described("billing", "service")
	c.Audiences, c.Scopes = []string{"orders", "stock"}, []string{"orders:read"}
	proof := []string{"Authorization", basic("billing:" + registered(t, a, c))}
	const grant = "grant_type=client_credentials"
	for body, code := range map[string]string{
		grant + "&audience=nobody":                "invalid_target",
		grant + "&audience=portaria":              "invalid_target",
		grant + "&audience=stock&resource=orders": "invalid_target",
		grant + "&resource=stock&resource=stock":  "invalid_target",
		grant + "&audience=stock&audience=orders": "invalid_request",
		grant + "&aud=stock":                      "invalid_request",
		grant + "&audiences=stock":                "invalid_request",
		grant + "&Audience=stock":                 "invalid_request",
		grant + "&audience%5B%5D=stock":           "invalid_request",
		grant + "&resource%5B%5D=stock":           "invalid_request",
		grant + "&resource%5B0%5D=stock":          "invalid_request",
		grant + "&resources=stock":                "invalid_request",
		grant + "&scopes=orders:read":             "invalid_request",
		grant + "&scope%5B%5D=orders:read":        "invalid_request",
		grant + "&scope=orders:read,orders:read":  "invalid_scope",
		grant + "&authorization_details=%5B%5D":   "invalid_request",
		grant + "&subject_token=x":                "invalid_request",
		grant + "&username=ana&password=x":        "invalid_request",
		grant + "&dpop_jkt=x":                     "invalid_request",
		grant + "&expires_in=999999":              "invalid_request",
		grant + "&token=x":                        "invalid_request",
		grant + "&client_assertion=x":             "invalid_request",
		grant + "&colour=blue&redirect_uri=x":     "",
		grant + "&audience=":                      "",
		grant + "&audience=stock":                 "",
		grant + "&audience=stock&resource=stock":  "",
	} {
		if _, e := request(t, a, tokenPath, body, proof...); e.Code != code {
			t.Errorf("%s: %+v, want %s", body, e, code)
		}
	}
	for body, code := range map[string]string{
		"token=x": "", "token=x&token_type_hint=refresh_token": "", "token=x&colour=blue": "",
		"token=x&resource=stock": "invalid_request", "token=x&audience=stock": "invalid_request", "token=x&scope=orders:read": "invalid_request",
		"tokens=x": "invalid_request", "refresh_token=x": "invalid_request", "token=x&tokenTypeHint=x": "invalid_request",
	} {
		for _, path := range []string{"/oauth2/introspect", "/oauth2/revoke"} {
			if _, e := request(t, a, path, body, proof...); e.Code != code {
				t.Errorf("%s %s: %+v, want %s", path, body, e, code)
			}
		}
	}
	granted, err := a.AsClient("billing", rotated(t, a, "billing")).Token(t.Context(), api.TokenRequest{GrantType: api.GrantClientCredentials, Audience: "stock"})
	worked(t, err)
	if _, got := verified(t, a, granted.AccessToken); got["aud"] != "stock" {
		t.Errorf("claims %v", got)
	}
}

// rotated gives a client another secret.
func rotated(t *testing.T, a *apptest.App, id string) string {
	t.Helper()
	got, err := a.Admin().RotateClientSecret(t.Context(), id)
	worked(t, err)
	return got.ClientSecret
}
