package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/token"
)

// reader is a service that alone reads its tokens, with its keys in the hands
// of another library than ours.
type reader struct {
	*testing.T
	private gojose.JSONWebKey
	public  string
}

func newReader(t *testing.T, a jose.Algorithm) reader {
	t.Helper()
	key, err := jose.Generate(a)
	worked(t, err)
	r := reader{T: t, public: string(key.PublicJWK())}
	worked(t, json.Unmarshal(key.RevealJWK(), &r.private))
	return r
}

// open decrypts a token and answers the signed one inside.
func (r reader) open(access string) string {
	r.Helper()
	jwe, err := gojose.ParseEncryptedCompact(access, []gojose.KeyAlgorithm{gojose.KeyAlgorithm(r.private.Algorithm)}, []gojose.ContentEncryption{gojose.A256GCM})
	if err != nil {
		r.Fatalf("%s: %v", access, err)
	}
	if jwe.Header.KeyID != r.private.KeyID || jwe.Header.ExtraHeaders["cty"] != "JWT" {
		r.Errorf("header %+v", jwe.Header)
	}
	inner, err := jwe.Decrypt(r.private)
	worked(r.T, err)
	return string(inner)
}

// verified checks a token as services do that know nothing but the key set,
// and answers its typ and claims.
func verified(t *testing.T, a *apptest.App, access string) (typ string, claims map[string]any) {
	t.Helper()
	_, text := get(t, a, "/.well-known/jwks.json")
	var keys gojose.JSONWebKeySet
	worked(t, json.Unmarshal([]byte(text), &keys))
	jws, err := gojose.ParseSignedCompact(access, []gojose.SignatureAlgorithm{gojose.ES256})
	worked(t, err)
	header := jws.Signatures[0].Header
	payload, err := jws.Verify(keys.Key(header.KeyID)[0])
	worked(t, err)
	worked(t, json.Unmarshal(payload, &claims))
	typ, _ = header.ExtraHeaders["typ"].(string)
	return typ, claims
}

// serviceKey is a setting's value.
func serviceKey(t *testing.T, text string) config.ServiceKey {
	t.Helper()
	key, err := config.ParseServiceKey(text)
	worked(t, err)
	return key
}

func TestTokensForOtherAudiences(t *testing.T) {
	secret := newReader(t, jose.ECDHESA256KW)
	a := apptest.Start(t, func(c *config.Config) {
		c.AudienceProfiles = map[string]token.Profile{"orders": token.PlainJWT, "legacy": token.Flask, "modern": token.AccessToken}
		c.AudienceEncryption = map[string]config.ServiceKey{"secret": serviceKey(t, secret.public)}
	})
	id, own := a.SignUp("ana@example.com")
	who := api.Credentials{Identifier: "ana@example.com", Password: apptest.Password}
	for audience, want := range map[string]struct{ typ, claim string }{
		"orders": {"JWT", ""}, "legacy": {"JWT", "access"}, "modern": {"at+jwt", ""}, "secret": {"at+jwt", ""}, "portaria": {"at+jwt", ""},
	} {
		t.Run(audience, func(t *testing.T) {
			check := func(tokens api.Tokens, fresh bool) {
				t.Helper()
				access := tokens.AccessToken
				if audience == "secret" {
					access = secret.open(access)
				}
				typ, got := verified(t, a, access)
				if kind, _ := got["type"].(string); typ != want.typ || kind != want.claim {
					t.Errorf("typ %q, type %q; want %+v", typ, kind, want)
				}
				if got["aud"] != audience || got["sub"] != id || got["sid"] != tokens.SessionID || got["fresh"] != fresh || got["iss"] != a.URL {
					t.Errorf("claims %v", got)
				}
				// People may use the routes of their account with each of them,
				// except for one that only its service can read.
				if _, err := a.As(tokens).Me(t.Context()); audience == "secret" {
					refused(t, err, "token_invalid")
				} else {
					worked(t, err)
				}
			}
			tokens, err := a.ForAudience(audience).Login(t.Context(), who)
			worked(t, err)
			check(tokens, true)
			next, err := a.ForAudience(audience).Refresh(t.Context(), tokens.RefreshToken)
			worked(t, err)
			check(next, false)
			kept, err := a.Refresh(t.Context(), next.RefreshToken)
			worked(t, err)
			check(kept, false) // without a request for one, that of the sign-in
			back, err := a.ForAudience("portaria").Refresh(t.Context(), kept.RefreshToken)
			worked(t, err)
			if got := claims(t, back.AccessToken)["aud"]; got != "portaria" {
				t.Errorf("asked for portaria, got %v", got)
			}
			kept, err = a.Refresh(t.Context(), back.RefreshToken)
			worked(t, err)
			check(kept, false) // another request was for once
			back, err = a.ForAudience("portaria").Refresh(t.Context(), kept.RefreshToken)
			worked(t, err)
			own, err := a.As(back).StepUp(t.Context(), apptest.Password)
			worked(t, err)
			check(own, true)
			proved, err := a.As(back).ForAudience(audience).StepUp(t.Context(), apptest.Password)
			worked(t, err)
			check(proved, true)
		})
	}
	_, err := a.As(own).Me(t.Context())
	worked(t, err)
}

func TestUnknownAudiences(t *testing.T) {
	a := apptest.Start(t, func(c *config.Config) { c.AudienceProfiles = map[string]token.Profile{"orders": token.PlainJWT} })
	_, tokens := a.SignUp("ana@example.com")
	for path, body := range map[string]string{
		"/v1/login":   `{"identifier":"ana@example.com","password":"correct horse battery","audience":"hunter2"}`,
		"/v1/refresh": `{"refresh_token":"` + tokens.RefreshToken + `","audience":"hunter2"}`,
	} {
		resp, p, text := post(t, a, path, "application/json", body)
		if resp.StatusCode != http.StatusUnprocessableEntity || p.Code != "input_invalid" || !named(p, "audience") || strings.Contains(text, "hunter2") {
			t.Errorf("%s: %d %s", path, resp.StatusCode, text)
		}
	}
	if _, p, text := post(t, a, "/v1/accounts", "application/json", `{"identifier":"bia@example.com","password":"correct horse battery","audience":"orders"}`); !named(p, "audience") {
		t.Errorf("a sign-up for an audience: %s", text)
	}
	_, err := a.As(tokens).ForAudience("hunter2").StepUp(t.Context(), apptest.Password)
	refused(t, err, "input_invalid")
	a.Clock.Move(time.Minute)
	_, err = a.Refresh(t.Context(), tokens.RefreshToken)
	worked(t, err) // nothing was spent
}

// TestKeysByURL: the service is down at first, then publishes a key, changes
// it, and is down again.
func TestKeysByURL(t *testing.T) {
	var published atomic.Pointer[string]
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if text := published.Load(); text != nil {
			_, _ = w.Write([]byte(*text))
			return
		}
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer service.Close()
	publish := func(r reader) {
		text := `{"keys":[` + r.public + `]}`
		published.Store(&text)
	}
	a := apptest.Start(t, func(c *config.Config) {
		c.AudienceEncryption = map[string]config.ServiceKey{"payroll": serviceKey(t, service.URL+"/jwks.json")}
	})
	_, tokens := a.SignUp("ana@example.com")
	a.FetchKeySets() // as upkeep does from the start on
	payroll := a.ForAudience("payroll")
	who := api.Credentials{Identifier: "ana@example.com", Password: apptest.Password}

	_, err := payroll.Login(t.Context(), who)
	refused(t, err, "encryption_key_unknown")
	_, err = payroll.Refresh(t.Context(), tokens.RefreshToken)
	refused(t, err, "encryption_key_unknown")
	if log := a.Log.String(); !strings.Contains(log, "level=WARN") || !strings.Contains(log, "audience=payroll") || !strings.Contains(log, "status 502") {
		t.Errorf("the log does not say why:\n%s", log)
	}
	a.Clock.Move(time.Minute) // past the grace window: it was not spent
	tokens, err = a.Refresh(t.Context(), tokens.RefreshToken)
	worked(t, err)

	first, second := newReader(t, jose.ECDHESA256KW), newReader(t, jose.RSAOAEP256)
	for _, now := range []reader{first, second} {
		publish(now)
		a.FetchKeySets()
		tokens, err = payroll.Refresh(t.Context(), tokens.RefreshToken)
		worked(t, err)
		if _, got := verified(t, a, now.open(tokens.AccessToken)); got["aud"] != "payroll" {
			t.Errorf("claims %v", got)
		}
	}
	published.Store(nil)
	a.FetchKeySets()
	tokens, err = payroll.Refresh(t.Context(), tokens.RefreshToken)
	worked(t, err)
	second.open(tokens.AccessToken)
}

// TestOwnProfile: Portaria reads its own tokens in whatever form they have.
func TestOwnProfile(t *testing.T) {
	for _, profile := range []token.Profile{token.AccessToken, token.PlainJWT, token.Flask} {
		a := apptest.Start(t, func(c *config.Config) { c.AudienceProfiles = map[string]token.Profile{c.Audience: profile} })
		_, tokens := a.SignUp("ana@example.com")
		_, err := a.As(tokens).Me(t.Context())
		worked(t, err)
		_, err = a.Admin().Accounts(t.Context(), api.AccountPage{})
		worked(t, err)
	}
}

func TestLeeway(t *testing.T) {
	a := apptest.Start(t, func(c *config.Config) { c.AccessTTL, c.Leeway = time.Minute, 30*time.Second })
	_, tokens := a.SignUp("ana@example.com")
	a.Clock.Move(time.Minute + 29*time.Second)
	_, err := a.As(tokens).Me(t.Context())
	worked(t, err)
	a.Clock.Move(time.Second)
	_, err = a.As(tokens).Me(t.Context())
	refused(t, err, "token_expired")
}
