package httpapi_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/config"
)

func TestClientsAreAnsweredAsTheyWereRegistered(t *testing.T) {
	a := apptest.Start(t)
	admin := a.Admin()
	for _, in := range []api.ClientDescription{{
		ID: "robot", Name: "Robot", Kind: "service", Audiences: []string{"stock", "billing"}, Scopes: []string{"stock:read"},
		AccessTTL: 8 * 3600, Profile: "jwt", EncryptionKey: newReader(t, "ECDH-ES").public,
	}, {
		ID: "shop", Name: "Shop", Kind: "app", Audiences: []string{"stock"}, RefreshTTL: 9 * 3600, SessionTTL: 10 * 3600, Scopes: []string{"revocation:read"},
	}, {
		ID: "kiosk", Name: "Kiosk", Kind: "app", AccessTTL: 8 * 3600, NoRefresh: true,
	}, {
		ID: "partner", Name: "Partner", Kind: "app", Grants: []string{"refresh_token"}, ThirdParty: true,
		RedirectURIs: []string{"https://partner.example/callback", "http://127.0.0.1/"},
	}} {
		made, err := admin.CreateClient(t.Context(), api.NewClient{ClientDescription: in})
		worked(t, err)
		if in.Grants == nil {
			in.Grants = map[string][]string{"robot": {"client_credentials"}, "shop": {"refresh_token", "password"}, "kiosk": {"password"}}[in.ID]
		}
		want := api.Client{ClientDescription: in, Secrets: []time.Time{a.Clock.Now().UTC()}, CreatedAt: a.Clock.Now().UTC()}
		if diff := cmp.Diff(want, made.Client); diff != "" {
			t.Error(diff)
		}
		found, err := admin.RegisteredClient(t.Context(), in.ID)
		worked(t, err)
		if diff := cmp.Diff(want, found); diff != "" {
			t.Error(diff)
		}
	}
}

// TestASecretIsToldOnce: nothing but the answer that made a secret has it, or
// what is kept of it.
func TestASecretIsToldOnce(t *testing.T) {
	a := apptest.Start(t)
	admin := a.Admin()
	made, err := admin.CreateClient(t.Context(), described("orders", "service"))
	worked(t, err)
	rotated, err := admin.RotateClientSecret(t.Context(), "orders")
	worked(t, err)
	if made.ClientSecret == rotated.ClientSecret || !strings.HasPrefix(rotated.ClientSecret, "pcs_") || rotated.ClientID != "orders" {
		t.Errorf("rotated into %+v", rotated)
	}
	for _, path := range []string{"/v1/admin/clients", "/v1/admin/clients/orders"} {
		r, _ := http.NewRequest("GET", a.URL+path, nil)
		r.Header.Set("Authorization", "Bearer "+a.AdminToken())
		resp, text := a.Do(r)
		if resp.StatusCode != http.StatusOK || strings.Contains(text, "pcs_") || strings.Contains(text, "hash") {
			t.Errorf("%s: %s %s", path, resp.Status, text)
		}
	}
	if strings.Contains(a.Log.String(), "pcs_") {
		t.Error("a secret is in the log")
	}
}

func TestClientPages(t *testing.T) {
	a := apptest.Start(t)
	admin := a.Admin()
	for _, id := range []string{"c", "a", "e", "b", "d"} {
		_, err := admin.CreateClient(t.Context(), described(id, "service"))
		worked(t, err)
	}
	var got []string
	for page := (api.Page{Limit: 2}); ; {
		list, err := admin.Clients(t.Context(), page)
		worked(t, err)
		for _, c := range list.Clients {
			got = append(got, c.ID)
		}
		if page.Cursor = list.NextCursor; page.Cursor == "" {
			break
		}
	}
	if !slices.Equal(got, []string{"a", "b", "c", "d", "e"}) {
		t.Errorf("listed %v", got)
	}
	for _, page := range []api.Page{{Cursor: "no id"}, {Cursor: "\x00"}, {Limit: 201}} {
		_, err := admin.Clients(t.Context(), page)
		refused(t, err, "input_invalid")
	}
}

func TestUnknownClients(t *testing.T) {
	a := apptest.Start(t)
	admin := a.Admin()
	for _, id := range []string{"nobody", "Orders", "a%2Fb", "11111111-1111-4111-8111-111111111111", strings.Repeat("a", 65)} {
		_, showErr := admin.RegisteredClient(t.Context(), id)
		_, rotateErr := admin.RotateClientSecret(t.Context(), id)
		for _, err := range []error{showErr, rotateErr, admin.DropClientSecret(t.Context(), id), admin.DisableClient(t.Context(), id),
			admin.EnableClient(t.Context(), id), admin.DeleteClient(t.Context(), id)} {
			refused(t, err, "client_not_found")
		}
	}
}

// TestRegistrationsThatAreRefused: by the name of the field, and never with
// the value, which may be a private key.
func TestRegistrationsThatAreRefused(t *testing.T) {
	a := apptest.Start(t)
	admin := a.Admin()
	tests := map[string]struct{ body, field string }{
		"no kind":         {`{"id":"x"}`, "kind"},
		"unknown kind":    {`{"id":"x","kind":"robot"}`, "kind"},
		"reserved":        {`{"id":"portaria","kind":"app"}`, "id"},
		"long lifetime":   {`{"id":"x","kind":"service","access_ttl":2592001}`, "access_ttl"},
		"huge lifetime":   {`{"id":"x","kind":"service","access_ttl":9223372036854775807}`, "access_ttl"},
		"negative":        {`{"id":"x","kind":"app","session_ttl":-1}`, "session_ttl"},
		"scope":           {`{"id":"x","kind":"service","scopes":["a b"]}`, "scopes"},
		"many scopes":     {`{"id":"x","kind":"service","scopes":[` + strings.Repeat(`"a",`, 50) + `"a"]}`, "scopes"},
		"public service":  {`{"id":"x","kind":"service","public":true}`, "public"},
		"private key":     {`{"id":"x","kind":"service","public_key":"{\"kty\":\"oct\",\"k\":\"hunter2hunter2hunter2hunter2hunter2hunter2hun\"}"}`, "public_key"},
		"unknown grant":   {`{"id":"x","kind":"app","grants":["implicit"]}`, "grants"},
		"app's grant":     {`{"id":"x","kind":"service","grants":["password"]}`, "grants"},
		"foreign grant":   {`{"id":"x","kind":"app","third_party":true,"grants":["password"]}`, "grants"},
		"plain redirect":  {`{"id":"x","kind":"app","redirect_uris":["http://x.example/"]}`, "redirect_uris"},
		"many redirects":  {`{"id":"x","kind":"app","redirect_uris":[` + strings.Repeat(`"https://x.example/",`, 20) + `"https://y.example/"]}`, "redirect_uris"},
		"foreign service": {`{"id":"x","kind":"service","third_party":true}`, "third_party"},
		"own secret":      {`{"id":"x","kind":"service","client_secret":"hunter2"}`, "client_secret"},
		"own standing":    {`{"id":"x","kind":"service","configured":true}`, "configured"},
		"hash of its own": {`{"id":"x","kind":"service","secrets":[]}`, "secrets"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r, _ := http.NewRequest("POST", a.URL+"/v1/admin/clients", strings.NewReader(test.body))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+a.AdminToken())
			resp, text := a.Do(r)
			if resp.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(text, `"field":"`+test.field) || strings.Contains(text, "hunter2") {
				t.Errorf("%s %s", resp.Status, text)
			}
		})
	}
	list, err := admin.Clients(t.Context(), api.Page{})
	worked(t, err)
	if len(list.Clients) > 0 {
		t.Errorf("registered %v", list.Clients)
	}
}

func TestClientsOfTheSettings(t *testing.T) {
	a := apptest.Start(t, func(c *config.Config) {
		c.Clients = []clients.Described{{Client: clients.Client{ID: "orders", Kind: clients.Service}}}
	})
	admin := a.Admin()
	found, err := admin.RegisteredClient(t.Context(), "orders")
	worked(t, err)
	if !found.Configured || found.Name != "orders" || found.Public || len(found.Secrets) > 0 {
		t.Errorf("%+v", found)
	}
	refused(t, admin.DeleteClient(t.Context(), "orders"), "client_configured")
	_, err = admin.CreateClient(t.Context(), described("orders", "service"))
	refused(t, err, "client_id_taken")
	worked(t, admin.DisableClient(t.Context(), "orders"))
	_, err = admin.RotateClientSecret(t.Context(), "orders")
	worked(t, err)
}

// TestALongLifetimeNeedsTimeForItsKeys: where keys change so often that too
// many would have to be published, the client is refused, not its tokens.
func TestALongLifetimeNeedsTimeForItsKeys(t *testing.T) {
	a := apptest.Start(t, func(c *config.Config) { c.KeyRotation, c.KeySetMaxAge = 5*time.Minute, time.Minute })
	in := described("orders", "service")
	in.AccessTTL = 30 * 24 * 3600
	_, err := a.Admin().CreateClient(t.Context(), in)
	refused(t, err, "input_invalid")
	if !strings.Contains(err.Error(), "access_ttl: tokens with this lifetime need too many published keys") {
		t.Error(err)
	}
	in.AccessTTL = 3600
	_, err = a.Admin().CreateClient(t.Context(), in)
	worked(t, err)
}

// TestASecretIsExchangedWithoutAGap: with that of the settings, too.
func TestASecretIsExchangedWithoutAGap(t *testing.T) {
	const first = "8f2b64cda13f4f7c9f4f0cfb5a7d1e3f"
	a := apptest.Start(t, func(c *config.Config) {
		c.Clients = []clients.Described{{Client: clients.Client{ID: "orders", Kind: clients.Service}, Secret: first}}
	})
	admin := a.Admin()
	opens := func(secret string) {
		t.Helper()
		_, err := a.AsClient("orders", secret).Token(t.Context(), ask)
		worked(t, err)
	}
	closed := func(secret string) {
		t.Helper()
		if _, err := a.AsClient("orders", secret).Token(t.Context(), ask); err == nil {
			t.Fatal("a secret that is no more opens")
		}
	}
	opens(first)
	second, err := admin.RotateClientSecret(t.Context(), "orders")
	worked(t, err)
	opens(first)
	opens(second.ClientSecret)
	worked(t, admin.DropClientSecret(t.Context(), "orders"))
	closed(first)
	opens(second.ClientSecret)
	worked(t, admin.DisableClient(t.Context(), "orders"))
	closed(second.ClientSecret)
	worked(t, admin.EnableClient(t.Context(), "orders"))
	opens(second.ClientSecret)
}

// TestPathsThatNameNoClient: text that cannot be a client_id is an unknown client or
// route, also for the database.
func TestPathsThatNameNoClient(t *testing.T) {
	a := apptest.Start(t)
	admin := a.AdminToken()
	for id, want := range map[string]string{
		"nobody": "client_not_found", "BIG": "client_not_found", "%C3%A9": "client_not_found", "a%20b": "client_not_found",
		strings.Repeat("a", 1024): "client_not_found", strings.Repeat("a", 1025): "route_not_found",
		"a%00b": "route_not_found", "%ff": "route_not_found", "a%0Ab": "route_not_found",
	} {
		response, text := get(t, a, "/v1/admin/clients/"+id, "Authorization", "Bearer "+admin)
		if response.StatusCode != http.StatusNotFound || !strings.Contains(text, `"`+want+`"`) {
			t.Errorf("%.20s: %d %s", id, response.StatusCode, text)
		}
	}
}
