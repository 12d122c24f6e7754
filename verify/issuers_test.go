package verify_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/verify"
)

// foreign is an issuer with the documents and tokens of a public service, at
// addresses and with members as that service has them.
type foreign struct {
	path     string // of the issuer
	metadata string // where the metadata are, behind the origin; empty for nowhere
	named    string // the issuer in the metadata, where it is another
	keys     string
	alg      jose.Algorithm
	jwk      m // changes to the key
	header   m
	claims   m
	profile  verify.Profile
	config   func(c *verify.Config, origin string)
	scope    string // what Scope returns
}

func foreigners() map[string]foreign {
	return map[string]foreign{
		"Keycloak": {path: "/realms/shop", metadata: "/realms/shop/.well-known/openid-configuration", keys: "/realms/shop/protocol/openid-connect/certs",
			alg: jose.RS256, jwk: m{"x5c": []string{"MIIC"}, "x5t": "t", "x5t#S256": "u"}, profile: verify.PlainJWT,
			claims: m{"typ": "Bearer", "azp": "web", "aud": []string{audience, "account"}, "acr": "1", "scope": "openid orders:read",
				"realm_access": m{"roles": []string{"user"}}, "allowed-origins": []string{"https://x"}, "client_id": nil}, scope: "openid orders:read"},
		"Auth0": {path: "/", metadata: "/.well-known/openid-configuration", keys: "/.well-known/jwks.json", alg: jose.RS256,
			jwk: m{"x5t": "t", "x5c": []string{"MIIC"}}, profile: verify.PlainJWT,
			claims: m{"aud": []string{audience, "https://x/userinfo"}, "azp": "web", "scope": "openid", "permissions": []string{"orders:read"}}, scope: "openid"},
		"Entra": {path: "/tenant/v2.0", metadata: "/tenant/v2.0/.well-known/openid-configuration", keys: "/tenant/discovery/v2.0/keys", alg: jose.RS256,
			jwk: m{"alg": nil, "x5t": "t", "x5c": []string{"MIIC"}, "issuer": "https://login/tenant/v2.0", "cloud_instance_name": "x"}, header: m{"x5t": "t"},
			profile: verify.PlainJWT, claims: m{"scp": "orders.read orders.write", "scope": nil, "ver": "2.0", "tid": "tenant", "azpacr": "1", "amr": []string{"pwd", "mfa"},
				"roles": []string{"a"}}, scope: "orders.read orders.write"},
		"Cognito": {path: "/eu-1_abc", metadata: "/eu-1_abc/.well-known/openid-configuration", keys: "/eu-1_abc/.well-known/jwks.json", alg: jose.RS256,
			header: m{"typ": nil}, profile: verify.InsecureAnyType, claims: m{"token_use": "id", "cognito:groups": []string{"a"}, "event_id": "x", "client_id": nil}, scope: "account orders:read"},
		"Google": {path: "", metadata: "/.well-known/openid-configuration", keys: "/oauth2/v3/certs", alg: jose.RS256, profile: verify.PlainJWT,
			claims: m{"azp": "web", "email": "a@example.com", "email_verified": true, "at_hash": "x", "scope": nil, "jti": nil, "nbf": nil}},
		"Google, without a scheme": {keys: "/oauth2/v3/certs", alg: jose.RS256, profile: verify.PlainJWT, claims: m{"iss": "accounts.google.com", "scope": nil},
			config: func(c *verify.Config, origin string) {
				c.Issuer, c.KeySetURL = "accounts.google.com", origin+"/oauth2/v3/certs"
			}},
		"Firebase": {path: "/project", metadata: "/project/.well-known/openid-configuration", keys: "/v1/jwk/securetoken@system", alg: jose.RS256,
			profile: verify.PlainJWT, claims: m{"firebase": m{"identities": m{"email": []string{"a"}}, "sign_in_provider": "password"}, "user_id": "x", "scope": nil}},
		"Supabase": {path: "/auth/v1", metadata: "/auth/v1/.well-known/openid-configuration", keys: "/auth/v1/.well-known/jwks.json", alg: jose.ES256,
			jwk: m{"key_ops": []string{"verify"}, "ext": true, "use": nil}, profile: verify.PlainJWT,
			claims: m{"role": "authenticated", "aal": "aal1", "session_id": "x", "amr": []any{m{"method": "password", "timestamp": 1}}, "app_metadata": m{}, "scope": nil}},
		"a list of scopes": {path: "", metadata: "/.well-known/oauth-authorization-server", keys: "/k", alg: jose.ES256,
			claims: m{"scope": []string{"a", "b c", "d"}}, scope: "a d"},
		"scp as a list": {path: "", metadata: "/.well-known/oauth-authorization-server", keys: "/k", alg: jose.ES256,
			claims: m{"scope": json.RawMessage("null"), "scp": []string{"a", "b"}}, scope: "a b"},
		"claims of ours with other types": {path: "", metadata: "/.well-known/oauth-authorization-server", keys: "/k", alg: jose.ES256,
			claims: m{"scope": m{"a": 1}, "type": []string{"user"}, "amr": "pwd", "client_id": 7, "fresh": "yes", "auth_time": "x", "csrf": 7, "sid": []int{1}, "root": true, "acr": 1, "jti": 7, "rvs": -1}},
		"a type of its own":     {path: "", metadata: "/.well-known/oauth-authorization-server", keys: "/k", alg: jose.ES256, claims: m{"type": "user"}, scope: "account orders:read"},
		"Ed25519 (RFC 9864)":    {path: "", metadata: "/.well-known/oauth-authorization-server", keys: "/k", alg: jose.EdDSA, jwk: m{"alg": "Ed25519"}, header: m{"alg": "Ed25519"}, scope: "account orders:read"},
		"an encoded slash":      {path: "/a%2Fb", metadata: "/.well-known/oauth-authorization-server/a%2Fb", keys: "/k", alg: jose.ES256, scope: "account orders:read"},
		"an encoded slash, two": {path: "/a%2Fb", metadata: "/a%2Fb/.well-known/openid-configuration", keys: "/k", alg: jose.ES256, scope: "account orders:read"},
		"metadata elsewhere": {path: "/frontend", metadata: "/inner/config", keys: "/k", alg: jose.ES256, scope: "account orders:read",
			config: func(c *verify.Config, origin string) { c.MetadataURL = origin + "/inner/config?version=2" }},
	}
}

// serve answers with the documents of a foreign issuer. A page answers every
// other address, as that of a single-page application does.
func (f foreign) serve(t *testing.T, k jose.Key) string {
	var set []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := "http://" + r.Host
		switch r.URL.EscapedPath() {
		case f.metadata:
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			name := origin + f.path
			if f.named != "" {
				name = f.named
			}
			_, _ = fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q,"response_types_supported":["code"],"claims_supported":["sub"]}`, name, origin+f.keys)
		case f.keys:
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(set)
		default:
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<p>Sign in")
		}
	}))
	t.Cleanup(server.Close)
	var members m
	if err := json.Unmarshal(k.PublicJWK(), &members); err != nil {
		t.Fatal(err)
	}
	maps.Copy(members, f.jwk)
	maps.DeleteFunc(members, func(_ string, v any) bool { return v == nil })
	set = []byte(`{"keys":[` + string(encode(t, members)) + `]}`)
	return server.URL
}

func (f foreign) open(t *testing.T) (v *verify.Verifier, token string) {
	k := generate(t, f.alg)
	origin := f.serve(t, k)
	c := verify.Config{Issuer: origin + f.path, Audience: audience, Profile: f.profile, Now: (&clock{start}).Now}
	if f.config != nil {
		f.config(&c, origin)
	}
	header := m{}
	if f.profile != "" {
		header["typ"] = "JWT"
	}
	maps.Copy(header, f.header)
	all := claims(m{"iss": c.Issuer, "rvs": nil, "fresh": nil})
	maps.Copy(all, f.claims)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	return open(t, c), sign(t, k, all, header)
}

// TestTokensOfOtherIssuers: the shapes that docs/guides/other-issuers.md names.
func TestTokensOfOtherIssuers(t *testing.T) {
	for name, f := range foreigners() {
		t.Run(name, func(t *testing.T) {
			v, token := f.open(t)
			if err := v.Health(); err != nil {
				t.Fatal(err)
			}
			c, err := v.Verify(t.Context(), token)
			if err != nil {
				t.Fatal(err)
			}
			if c.Scope() != f.scope {
				t.Errorf("scope %q, want %q", c.Scope(), f.scope)
			}
			for name := range f.claims {
				if _, ok := c.Raw(name); !ok && f.claims[name] != nil {
					t.Errorf("claim %s is lost", name)
				}
			}
			all, err := verify.Decode[map[string]any](c)
			if err != nil || all["sub"] == nil {
				t.Errorf("%v, %v", all, err)
			}
		})
	}
}

// TestMetadataOfAnotherIssuer are refused at every address.
func TestMetadataOfAnotherIssuer(t *testing.T) {
	for _, name := range []string{"Keycloak", "Entra", "metadata elsewhere"} {
		f := foreigners()[name]
		f.named = "https://evil.example"
		v, token := f.open(t)
		if err := v.Health(); err == nil || !strings.Contains(err.Error(), "another issuer") || !strings.Contains(err.Error(), "evil.example") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := v.Verify(t.Context(), token); !errors.Is(err, verify.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestClaimsAtFaultAreNamed: the error says which claim has a wrong type, and
// where revocation is followed, those that it needs must have theirs.
func TestClaimsAtFaultAreNamed(t *testing.T) {
	k, c := generate(t, jose.ES256), &clock{start}
	v := open(t, static(k, c))
	for _, name := range []string{"iss", "sub", "aud", "exp", "nbf", "iat"} {
		_, err := v.Verify(t.Context(), sign(t, k, claims(m{name: m{"secret": 1}}), nil))
		if !errors.Is(err, verify.ErrClaims) || !strings.Contains(err.Error(), "claim "+name) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	w := newWire(t)
	config := w.config()
	follower := open(t, config)
	for _, name := range []string{"jti", "client_id", "sid", "rvs"} {
		now := time.Now().Unix()
		token := sign(t, w.key, claims(m{name: []int{7}, "iat": now, "nbf": now, "exp": now + 60}), nil)
		if _, err := follower.Verify(t.Context(), token); !errors.Is(err, verify.ErrClaims) || !strings.Contains(err.Error(), "claim "+name) {
			t.Errorf("%s at a follower: %v", name, err)
		}
	}
}

// TestSourcesExcludeEachOther, and each address is one that keys may come from.
func TestSourcesExcludeEachOther(t *testing.T) {
	k := generate(t, jose.ES256)
	for what, change := range map[string]func(*verify.Config){
		"both addresses":       func(c *verify.Config) { c.KeySetURL, c.MetadataURL = issuer+"/k", issuer+"/m" },
		"address and key set":  func(c *verify.Config) { c.KeySetURL, c.KeySet = issuer+"/k", keySet(k) },
		"metadata and secret":  func(c *verify.Config) { c.MetadataURL, c.Secret = issuer+"/m", make([]byte, 32) },
		"keys in the clear":    func(c *verify.Config) { c.KeySetURL = "http://auth.example.com/k" },
		"metadata in a file":   func(c *verify.Config) { c.MetadataURL = "file:///m" },
		"a feed from nowhere":  func(c *verify.Config) { c.KeySetURL, c.ClientID, c.ClientSecret = issuer+"/k", "a", verify.Secret("b") },
		"an unknown profile":   func(c *verify.Config) { c.Profile = "id" },
		"a key for the secret": func(c *verify.Config) { c.Secret = k.PublicJWK() },
	} {
		c := verify.Config{Issuer: issuer, Audience: audience}
		change(&c)
		if _, err := verify.New(t.Context(), c); !errors.Is(err, verify.ErrConfig) {
			t.Errorf("%s: %v", what, err)
		}
	}
	v := open(t, verify.Config{Issuer: issuer, Audience: audience, ManualKeys: true})
	disguised := []byte(`{"keys":[{"kty":"oct","alg":"HS256","k":"` + jose.Encode(k.PublicJWK()) + `"},` + string(generate(t, jose.HS256).RevealJWK()) + `]}`)
	if err := v.SetKeySet(keySet(k), disguised); !errors.Is(err, verify.ErrConfig) || !strings.Contains(err.Error(), "public key") {
		t.Errorf("a public key among the secrets: %v", err)
	}
	if !slices.Contains([]verify.Profile{verify.InsecureAnyType}, "any") {
		t.Error("the profile is called any in settings")
	}
}
