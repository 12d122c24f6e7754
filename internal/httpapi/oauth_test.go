package httpapi_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/token"
)

var ask = api.TokenRequest{GrantType: api.GrantClientCredentials}

// described is a client to be registered.
func described(id, kind string) api.NewClient {
	return api.NewClient{ClientDescription: api.ClientDescription{ID: id, Kind: kind}}
}

// registered registers a client and answers its secret.
func registered(t *testing.T, a *apptest.App, c api.NewClient) string {
	t.Helper()
	made, err := a.Admin().CreateClient(t.Context(), c)
	worked(t, err)
	return made.ClientSecret
}

// billing is a service that may ask for tokens for two others; both are
// registered as well.
func billing(t *testing.T, a *apptest.App) *client.Client {
	t.Helper()
	registered(t, a, described("orders", "service"))
	registered(t, a, described("stock", "service"))
	c := described("billing", "service")
	c.Audiences, c.Scopes = []string{"orders", "stock"}, []string{"orders:read", "orders:write"}
	return a.AsClient("billing", registered(t, a, c))
}

func TestClientCredentials(t *testing.T) {
	a := apptest.Start(t)
	c := billing(t, a)
	for what, test := range map[string]struct {
		change     func(*api.TokenRequest)
		aud, scope string
	}{
		"all that is registered": {func(*api.TokenRequest) {}, "orders", "orders:read orders:write"},
		"less":                   {func(r *api.TokenRequest) { r.Scope = "orders:write" }, "orders", "orders:write"},
		"one name twice":         {func(r *api.TokenRequest) { r.Scope = "orders:write orders:write" }, "orders", "orders:write"},
		"another service":        {func(r *api.TokenRequest) { r.Resource = "stock" }, "stock", "orders:read orders:write"},
	} {
		t.Run(what, func(t *testing.T) {
			in := ask
			test.change(&in)
			got, err := c.Token(t.Context(), in)
			worked(t, err)
			if got.TokenType != "Bearer" || got.ExpiresIn != 900 || got.Scope != test.scope || got.RefreshToken != "" {
				t.Errorf("answer %+v", got)
			}
			typ, claims := verified(t, a, got.AccessToken)
			for _, changing := range []string{"jti", "rvs"} {
				delete(claims, changing)
			}
			now := float64(a.Clock.Now().Unix())
			want := map[string]any{"iss": a.URL, "sub": "billing", "client_id": "billing", "aud": test.aud, "scope": test.scope,
				"iat": now, "nbf": now - 5, "exp": now + 900, "fresh": false}
			if diff := cmp.Diff(want, claims); diff != "" || typ != "at+jwt" {
				t.Errorf("typ %s, claims (-want +got):\n%s", typ, diff)
			}
		})
	}
}

func TestClientCredentialsRefused(t *testing.T) {
	a := apptest.Start(t)
	c := billing(t, a)
	app := described("shop", "app")
	app.Scopes = []string{api.RevocationReadScope, api.RevocationWriteScope, api.EventsReadScope}
	shop := a.AsClient("shop", registered(t, a, app))
	web := described("web", "app")
	web.Public = true
	registered(t, a, web)
	lost := described("lost", "service")
	lost.Audiences = []string{"nobody-knows"}
	for what, test := range map[string]struct {
		c    *client.Client
		in   api.TokenRequest
		code string
	}{
		"scope of nobody":         {c, api.TokenRequest{GrantType: "client_credentials", Scope: "orders:read admin"}, "invalid_scope"},
		"scope of administrators": {c, api.TokenRequest{GrantType: "client_credentials", Scope: api.AdminScope}, "invalid_scope"},
		"scope with two spaces":   {c, api.TokenRequest{GrantType: "client_credentials", Scope: "orders:read  orders:write"}, "invalid_scope"},
		"service of others":       {c, api.TokenRequest{GrantType: "client_credentials", Resource: "payroll"}, "invalid_target"},
		"Portaria itself":         {c, api.TokenRequest{GrantType: "client_credentials", Resource: "portaria"}, "invalid_target"},
		"registered, unknown":     {a.AsClient("lost", registered(t, a, lost)), ask, "invalid_target"},
		"no grant type":           {c, api.TokenRequest{}, "invalid_request"},
		"grant of passwords":      {c, api.TokenRequest{GrantType: "password"}, "unsupported_grant_type"},
		"application":             {shop, ask, "unauthorized_client"},
		"public":                  {a.AsClient("web", ""), ask, "unauthorized_client"},
		"wrong secret":            {a.AsClient("billing", "pcs_wrong"), ask, "invalid_client"},
		"unknown":                 {a.AsClient("nobody", "pcs_wrong"), ask, "invalid_client"},
		"no secret":               {a.AsClient("billing", ""), ask, "invalid_client"},
		"unknown, no secret":      {a.AsClient("nobody", ""), ask, "invalid_client"},
		"Portaria's own client":   {a.AsClient("portaria", ""), ask, "invalid_client"},
	} {
		t.Run(what, func(t *testing.T) {
			got, err := test.c.Token(t.Context(), test.in)
			refused(t, err, test.code)
			if got.AccessToken != "" {
				t.Error("answered a token")
			}
		})
	}
}

// TestAudiencesThatNobodyIssuesFor: told when the client is registered, and to
// the client that asks all the same.
func TestAudiencesThatNobodyIssuesFor(t *testing.T) {
	a := apptest.Start(t, func(c *config.Config) { c.AudienceProfiles = map[string]token.Profile{"legacy": "jwt"} })
	registered(t, a, described("stock", "service"))
	registered(t, a, described("off", "service"))
	registered(t, a, described("shop", "app"))
	worked(t, a.Admin().DisableClient(t.Context(), "off"))
	in := described("billing", "service")
	in.Audiences = []string{"nowhere", "stock", "off", "shop", "legacy", "portaria", "billing"}
	made, err := a.Admin().CreateClient(t.Context(), in)
	worked(t, err)
	if diff := cmp.Diff([]string{"nowhere", "off", "shop"}, made.UnknownAudiences); diff != "" {
		t.Error(diff)
	}
	if log := a.Log.String(); !strings.Contains(log, "no tokens are issued") || !strings.Contains(log, "[nowhere off shop]") {
		t.Error("the log does not tell")
	}
	c := a.AsClient("billing", made.ClientSecret)
	for resource, want := range map[string]string{"nowhere": "neither the settings nor", "payroll": "not registered with this"} {
		_, err := c.Token(t.Context(), api.TokenRequest{GrantType: api.GrantClientCredentials, Resource: resource})
		if refused(t, err, "invalid_target"); !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", resource, err)
		}
	}
	registered(t, a, described("nowhere", "service"))
	_, err = c.Token(t.Context(), api.TokenRequest{GrantType: api.GrantClientCredentials, Resource: "nowhere"})
	worked(t, err)
}

func TestClientLifetimes(t *testing.T) {
	a := apptest.Start(t, func(c *config.Config) { c.AccessTTL = time.Minute })
	for ttl, want := range map[int64]int64{0: 900, 30: 30, 7200: 7200} {
		c := described(fmt.Sprintf("life-%d", ttl), "service")
		c.AccessTTL = ttl
		got, err := a.AsClient(c.ID, registered(t, a, c)).Token(t.Context(), ask)
		worked(t, err)
		if got.ExpiresIn != want {
			t.Errorf("%d: lives %d seconds, want %d", ttl, got.ExpiresIn, want)
		}
	}
}

// TestSecretRotation: both secrets are good until the old one is dropped.
func TestSecretRotation(t *testing.T) {
	a := apptest.Start(t)
	old := registered(t, a, described("billing", "service"))
	next, err := a.Admin().RotateClientSecret(t.Context(), "billing")
	worked(t, err)
	for _, secret := range []string{old, next.ClientSecret} {
		_, err := a.AsClient("billing", secret).Token(t.Context(), ask)
		worked(t, err)
	}
	worked(t, a.Admin().DropClientSecret(t.Context(), "billing"))
	_, err = a.AsClient("billing", old).Token(t.Context(), ask)
	refused(t, err, "invalid_client")
	_, err = a.AsClient("billing", next.ClientSecret).Token(t.Context(), ask)
	worked(t, err)
}

// TestBarredClient: Portaria refuses what a client still holds at once.
func TestBarredClient(t *testing.T) {
	a := apptest.Start(t)
	c := described("robot", "service")
	c.Scopes = []string{api.AdminScope}
	robot := a.AsClient("robot", registered(t, a, c))
	got, err := robot.Token(t.Context(), ask)
	worked(t, err)
	holder := a.WithToken(got.AccessToken)
	_, err = holder.Accounts(t.Context(), api.AccountPage{})
	worked(t, err)
	_, err = holder.Me(t.Context())
	refused(t, err, "session_required")

	worked(t, a.Admin().DisableClient(t.Context(), "robot"))
	_, err = holder.Accounts(t.Context(), api.AccountPage{})
	refused(t, err, "token_invalid")
	_, err = robot.Token(t.Context(), ask)
	refused(t, err, "invalid_client")
	// What was taken back stays so: the client asks for another token.
	worked(t, a.Admin().EnableClient(t.Context(), "robot"))
	got, err = robot.Token(t.Context(), ask)
	worked(t, err)
	holder = a.WithToken(got.AccessToken)
	_, err = holder.Accounts(t.Context(), api.AccountPage{})
	worked(t, err)
	worked(t, a.Admin().DeleteClient(t.Context(), "robot"))
	_, err = holder.Accounts(t.Context(), api.AccountPage{})
	refused(t, err, "token_invalid")
}

// TestRegisteredAudiences: people get tokens for registered services in the form
// that these were registered with, or that the settings say.
func TestRegisteredAudiences(t *testing.T) {
	secret := newReader(t, jose.ECDHESA256KW)
	a := apptest.Start(t, func(c *config.Config) {
		c.AudienceProfiles = map[string]token.Profile{"orders": token.PlainJWT}
	})
	for id, change := range map[string]func(*api.NewClient){
		"stock":   func(*api.NewClient) {},
		"legacy":  func(c *api.NewClient) { c.Profile = "flask" },
		"payroll": func(c *api.NewClient) { c.EncryptionKey = secret.public },
		"orders":  func(*api.NewClient) {},
	} {
		c := described(id, "service")
		change(&c)
		registered(t, a, c)
	}
	registered(t, a, described("shop", "app"))
	_, tokens := a.SignUp("ana@example.com")
	who := api.Credentials{Identifier: "ana@example.com", Password: apptest.Password}
	for audience, want := range map[string]struct{ typ, claim string }{
		"stock": {"at+jwt", ""}, "legacy": {"JWT", "access"}, "payroll": {"at+jwt", ""}, "orders": {"JWT", ""},
	} {
		check := func(got api.Tokens, err error) {
			t.Helper()
			worked(t, err)
			access := got.AccessToken
			if audience == "payroll" {
				access = secret.open(access)
			}
			typ, claims := verified(t, a, access)
			if kind, _ := claims["type"].(string); typ != want.typ || kind != want.claim || claims["aud"] != audience {
				t.Errorf("%s: typ %q, claims %v", audience, typ, claims)
			}
		}
		check(a.ForAudience(audience).Login(t.Context(), who))
		check(a.As(tokens).ForAudience(audience).StepUp(t.Context(), apptest.Password))
		next, err := a.ForAudience(audience).Refresh(t.Context(), tokens.RefreshToken)
		check(next, err)
		tokens.RefreshToken = next.RefreshToken
	}
	worked(t, a.Admin().DisableClient(t.Context(), "stock"))
	for _, audience := range []string{"stock", "shop", "nobody", "stock\x00", "STOCK"} {
		_, err := a.ForAudience(audience).Login(t.Context(), who)
		refused(t, err, "input_invalid")
	}
}

// asserted signs an assertion of these claims, good for a minute.
func asserted(t *testing.T, a *apptest.App, key jose.Key, claims map[string]any) string {
	t.Helper()
	claims["exp"] = a.Clock.Now().Add(time.Minute).Unix()
	header, err := json.Marshal(map[string]string{"alg": string(key.Algorithm()), "kid": key.Kid()})
	worked(t, err)
	payload, err := json.Marshal(claims)
	worked(t, err)
	input := jose.Encode(header) + "." + jose.Encode(payload)
	signature, err := key.Sign(input)
	worked(t, err)
	return input + "." + jose.Encode(signature)
}

func TestPrivateKeyJWT(t *testing.T) {
	a := apptest.Start(t)
	key, err := jose.Generate(jose.EdDSA)
	worked(t, err)
	c := described("robot", "service")
	c.PublicKey = string(key.PublicJWK())
	if secret := registered(t, a, c); secret != "" {
		t.Error("a client with a key got a secret")
	}
	assertion := func(jti string, audience string) api.TokenRequest {
		return api.TokenRequest{GrantType: api.GrantClientCredentials, ClientProof: api.ClientProof{
			ClientAssertionType: api.AssertionType, ClientAssertion: asserted(t, a, key, map[string]any{"iss": "robot", "sub": "robot", "aud": audience, "jti": jti})}}
	}
	metadata, err := a.Metadata(t.Context())
	worked(t, err)
	for i, audience := range []string{metadata.Issuer, metadata.TokenEndpoint} {
		in := assertion(string(rune('a'+i)), audience)
		_, err = a.Token(t.Context(), in)
		worked(t, err)
		_, err = a.Token(t.Context(), in)
		refused(t, err, "invalid_client")
	}
	_, err = a.Token(t.Context(), assertion("c", "https://evil.example"))
	refused(t, err, "invalid_client")
	noType := assertion("d", a.URL)
	noType.ClientAssertionType = ""
	_, err = a.Token(t.Context(), noType)
	refused(t, err, "invalid_client")
	noType.ClientAssertionType = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"
	_, err = a.Token(t.Context(), noType)
	refused(t, err, "invalid_client")
	two := assertion("e", a.URL)
	_, err = a.AsClient("robot", "pcs_x").Token(t.Context(), two)
	refused(t, err, "invalid_request")
}

// TestScopesThatDoNotFit: a client may be registered with more scopes than one
// token holds; it asks for those that it needs.
func TestScopesThatDoNotFit(t *testing.T) {
	a := apptest.Start(t)
	c := described("robot", "service")
	for i := range 50 {
		c.Scopes = append(c.Scopes, fmt.Sprintf("%0100d", i))
	}
	robot := a.AsClient("robot", registered(t, a, c))
	_, err := robot.Token(t.Context(), ask)
	refused(t, err, "invalid_scope")
	less := ask
	less.Scope = c.Scopes[7]
	_, err = robot.Token(t.Context(), less)
	worked(t, err)
}

// TestResourceByURI: services of the settings may be called by a URI, as RFC
// 8707 has it. One whose key is not known yet is to be asked for again: that is
// no fault of the request.
func TestResourceByURI(t *testing.T) {
	const orders, payroll = "https://orders.example/api", "https://payroll.example/"
	a := apptest.Start(t, func(c *config.Config) {
		c.AudienceProfiles = map[string]token.Profile{orders: token.PlainJWT}
		c.AudienceEncryption = map[string]config.ServiceKey{payroll: serviceKey(t, "http://127.0.0.1:9/jwks.json")}
	})
	c := described("robot", "service")
	c.Audiences = []string{orders, payroll}
	robot := a.AsClient("robot", registered(t, a, c))
	got, err := robot.ForAudience(orders).Token(t.Context(), ask)
	worked(t, err)
	if typ, claims := verified(t, a, got.AccessToken); typ != "JWT" || claims["aud"] != orders {
		t.Errorf("typ %s, aud %v", typ, claims["aud"])
	}
	for _, near := range []string{"https://orders.example/api/", "https://orders.example/api#x", "orders.example"} {
		_, err = robot.ForAudience(near).Token(t.Context(), ask)
		refused(t, err, "invalid_target")
	}
	_, err = robot.ForAudience(payroll).Token(t.Context(), ask)
	refused(t, err, "encryption_key_unknown")
	var p *api.Problem
	if errors.As(err, &p); p.Status != http.StatusServiceUnavailable {
		t.Errorf("status %d", p.Status)
	}
}

func TestTokenEndpointMetadata(t *testing.T) {
	a := apptest.Start(t)
	got, err := a.Metadata(t.Context())
	worked(t, err)
	methods := []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "none"}
	algorithms := got.TokenEndpointAuthAlgorithmSupported
	if got.TokenEndpoint != a.URL+"/oauth2/token" || !slices.Equal(got.TokenEndpointAuthMethodsSupported, methods) ||
		!slices.Equal(got.GrantTypesSupported, []string{"client_credentials", "refresh_token"}) || len(got.ResponseTypesSupported) != 0 {
		t.Errorf("metadata %+v", got)
	}
	if !slices.Contains(algorithms, "ES256") || slices.Contains(algorithms, "HS256") || slices.Contains(algorithms, "none") {
		t.Errorf("algorithms %v", algorithms)
	}
}
