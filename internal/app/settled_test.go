package app_test

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/app"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/token"
)

// settles are the settings that say what tokens for orders look like.
func settles(t *testing.T) map[string]apptest.Option {
	key, err := config.ParseServiceKey(publicKey(t))
	worked(t, err)
	return map[string]apptest.Option{
		"audience":            func(c *config.Config) { c.Audience = "orders" },
		"audience_profiles":   func(c *config.Config) { c.AudienceProfiles = map[string]token.Profile{"orders": "at+jwt"} },
		"audience_encryption": func(c *config.Config) { c.AudienceEncryption = map[string]config.ServiceKey{"orders": key} },
	}
}

func publicKey(t *testing.T) string {
	t.Helper()
	key, err := jose.Generate(jose.ECDHESA256KW)
	worked(t, err)
	return string(key.PublicJWK())
}

// orders are registrations that say it as well.
func orders(t *testing.T) map[string]clients.Client {
	return map[string]clients.Client{
		"encryption_key": {ID: "orders", Kind: clients.Service, EncryptionKey: publicKey(t)},
		"profile":        {ID: "orders", Kind: clients.Service, Profile: "jwt"},
	}
}

// TestTokensLookAsOneSays: what a service registered, its encryption key above
// all, is not dropped in silence for what the settings say.
func TestTokensLookAsOneSays(t *testing.T) {
	for setting, settle := range settles(t) {
		for field, c := range orders(t) {
			t.Run(setting+" and "+field, func(t *testing.T) {
				folder := t.TempDir()
				one := apptest.OnPostgres(t, "sqlite:"+filepath.Join(folder, "portaria.db"), filepath.Join(folder, "master.key"))
				twice := func(err error) {
					t.Helper()
					if err == nil || !strings.Contains(err.Error(), field) || !strings.Contains(err.Error(), "audience_encryption") {
						t.Errorf("%v", err)
					}
				}
				in := api.NewClient{ClientDescription: api.ClientDescription{ID: c.ID, Kind: "service", Profile: c.Profile, EncryptionKey: c.EncryptionKey}}
				settled := apptest.Start(t, one, settle)
				_, err := settled.Admin().CreateClient(t.Context(), in)
				if twice(err); client.Code(err) != "input_invalid" {
					t.Error(err)
				}
				twice(startOn(t, one, settle, func(cfg *config.Config) { cfg.Clients = []clients.Described{{Client: c}} }))

				// Where another process did not know of it, nothing is minted.
				other := apptest.Start(t, one)
				_, err = other.Admin().CreateClient(t.Context(), in)
				worked(t, err)
				_, tokens := other.SignUp("ana@example.com")
				settled.MaintainKeys() // reads the client of its own audience again
				_, err = settled.ForAudience("orders").Refresh(t.Context(), tokens.RefreshToken)
				if client.Code(err) != "internal" {
					t.Error(err)
				}
				twice(startOn(t, one, settle))

				worked(t, other.Admin().DisableClient(t.Context(), "orders"))
				worked(t, startOn(t, one, settle))
				twice(settled.Admin().EnableClient(t.Context(), "orders"))
			})
		}
	}
}

// TestAStartTellsOfUnknownAudiences and starts all the same.
func TestAStartTellsOfUnknownAudiences(t *testing.T) {
	a := apptest.Start(t, func(c *config.Config) {
		c.Clients = []clients.Described{
			{Client: clients.Client{ID: "billing", Kind: clients.Service, Audiences: []string{"stock", "nowhere"}}},
			{Client: clients.Client{ID: "stock", Kind: clients.Service, Audiences: []string{"billing"}}},
		}
	})
	if log := a.Log.String(); strings.Count(log, "no tokens are issued") != 1 || !strings.Contains(log, "client_id=billing audiences=[nowhere]") {
		t.Error(log)
	}
}

// startOn starts a Portaria, and ends it if it does.
func startOn(t *testing.T, options ...apptest.Option) error {
	t.Helper()
	c := config.Default()
	c.InsecurePasswordHash, c.Argon2.MemoryKiB, c.Argon2.Iterations = true, 8, 1
	for _, change := range options {
		change(&c)
	}
	running, err := app.Open(t.Context(), app.Env{Config: c, Issuer: "http://127.0.0.1", Log: slog.New(slog.DiscardHandler), Now: apptest.NewClock().Now})
	if err == nil {
		err = running.Close()
	}
	return err
}

func worked(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
