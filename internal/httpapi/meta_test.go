package httpapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/app/apptest"
)

func get(t *testing.T, a *apptest.App, path string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest("GET", a.URL+path, nil)
	worked(t, err)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return a.Do(r)
}

// A service that knows nothing but the issuer's URL can verify a token with
// somebody else's library.
func TestForeignVerifierByMetadata(t *testing.T) {
	a := apptest.Start(t)
	id, tokens := a.SignUp("ana@example.com")
	_, text := get(t, a, "/.well-known/oauth-authorization-server")
	var metadata api.Metadata
	worked(t, json.Unmarshal([]byte(text), &metadata))
	if metadata.Issuer != a.URL {
		t.Fatalf("issuer is %s", metadata.Issuer)
	}
	_, text = get(t, a, strings.TrimPrefix(metadata.JWKSURI, a.URL))
	var set jose.JSONWebKeySet
	worked(t, json.Unmarshal([]byte(text), &set))
	if len(set.Keys) != 1 || set.Keys[0].Algorithm != "ES256" || set.Keys[0].Use != "sig" || !set.Keys[0].IsPublic() {
		t.Fatalf("key set %s", text)
	}
	parsed, err := jwt.ParseSigned(tokens.AccessToken, []jose.SignatureAlgorithm{jose.ES256})
	worked(t, err)
	var got jwt.Claims
	worked(t, parsed.Claims(set.Key(parsed.Headers[0].KeyID)[0].Public(), &got))
	worked(t, got.Validate(jwt.Expected{Issuer: a.URL, Subject: id, AnyAudience: jwt.Audience{"portaria"}, Time: a.Clock.Now()}))
}

func TestKeySetIsCached(t *testing.T) {
	a := apptest.Start(t)
	first, body := get(t, a, "/.well-known/jwks.json")
	etag := first.Header.Get("ETag")
	if !strings.HasPrefix(etag, `"`) || first.Header.Get("Cache-Control") != "public, max-age=3600" {
		t.Fatalf("ETag %s, Cache-Control %s", etag, first.Header.Get("Cache-Control"))
	}
	if strings.Contains(body, `"d"`) {
		t.Fatal("the key set holds a private key")
	}
	for match, want := range map[string]int{
		etag: 304, "W/" + etag: 304, `"x", ` + etag: 304, "*": 304, `"x"`: 200, "": 200,
	} {
		resp, text := get(t, a, "/.well-known/jwks.json", "If-None-Match", match)
		if resp.StatusCode != want || (want == 304) != (text == "") || resp.Header.Get("ETag") != etag {
			t.Errorf("If-None-Match %s: %d with %d bytes, want %d", match, resp.StatusCode, len(text), want)
		}
	}
}

func TestHealth(t *testing.T) {
	a := apptest.Start(t)
	for path, want := range map[string]string{
		"/healthz": `{"status":"ok"}`,
		"/readyz":  `{"status":"ok","checks":{"database":"ok","revocation":"ok","signing_key":"ok"}}`,
	} {
		if resp, text := get(t, a, path); resp.StatusCode != http.StatusOK || strings.TrimSpace(text) != want {
			t.Errorf("%s: %s %s", path, resp.Status, text)
		}
	}
}

func TestSecretsStayOutOfTheLog(t *testing.T) {
	a := apptest.Start(t)
	_, tokens := a.SignUp("ana@example.com")
	_, _ = a.As(tokens).Me(t.Context())
	_, _ = a.Refresh(t.Context(), tokens.RefreshToken)
	_, _ = a.Login(t.Context(), api.Credentials{Identifier: "ana@example.com", Password: "wrong horse battery"})
	_, _ = get(t, a, "/v1/me?access_token="+tokens.AccessToken)
	log := a.Log.String()
	if !strings.Contains(log, "POST /v1/login") {
		t.Fatalf("the access log is missing: %s", log)
	}
	for name, secret := range map[string]string{"password": apptest.Password, "wrong password": "wrong horse",
		"access token": tokens.AccessToken[20:60], "refresh token": tokens.RefreshToken} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds the %s", name)
		}
	}
}
