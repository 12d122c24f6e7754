package httpapi_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/config"
)

// robotHolding registers a service with the scope for administrators, and returns a
// client with its access token.
func robotHolding(t *testing.T, a *apptest.App) *client.Client {
	t.Helper()
	c := described("robot", "service")
	c.Scopes = []string{api.AdminScope}
	got, err := a.AsClient("robot", registered(t, a, c)).Token(t.Context(), ask)
	worked(t, err)
	holder := a.WithToken(got.AccessToken)
	_, err = holder.Accounts(t.Context(), api.AccountPage{})
	worked(t, err)
	return holder
}

// TestTokensOfDisabledClientsStayRefused: a token of a disabled, deleted or revoked
// client stays revoked when the client, or another one of its name, is enabled.
func TestTokensOfDisabledClientsStayRefused(t *testing.T) {
	for what, do := range map[string]func(admin *client.Client) []error{
		"disabled, and enabled with another secret": func(admin *client.Client) []error {
			disabled := admin.DisableClient(t.Context(), "robot")
			_, err := admin.RotateClientSecret(t.Context(), "robot")
			return []error{disabled, err, admin.DropClientSecret(t.Context(), "robot"), admin.EnableClient(t.Context(), "robot")}
		},
		"deleted, and another service of its name": func(admin *client.Client) []error {
			err := admin.DeleteClient(t.Context(), "robot")
			_, again := admin.CreateClient(t.Context(), described("robot", "service"))
			return []error{err, again}
		},
		"deleted, and a page of its name": func(admin *client.Client) []error {
			err := admin.DeleteClient(t.Context(), "robot")
			_, again := admin.CreateClient(t.Context(), publicApp("robot"))
			return []error{err, again}
		},
		"revoked": func(admin *client.Client) []error {
			_, err := admin.Revoke(t.Context(), api.Revoke{Target: api.Target{Kind: "client", ID: "robot"}}, 0)
			return []error{err}
		},
	} {
		t.Run(what, func(t *testing.T) {
			a := apptest.Start(t)
			holder := robotHolding(t, a)
			for _, err := range do(a.Admin()) {
				worked(t, err)
			}
			_, err := holder.Accounts(t.Context(), api.AccountPage{})
			refused(t, err, "token_revoked")
		})
	}
}

// TestPeopleOfADisabledApplication: they are signed out at once, and stay signed out
// when the application, or another one of its name, is enabled.
func TestPeopleOfADisabledApplication(t *testing.T) {
	for what, test := range map[string]struct {
		disable, enable func(admin *client.Client) error
	}{
		"disabled": {func(admin *client.Client) error { return admin.DisableClient(t.Context(), "web") },
			func(admin *client.Client) error { return admin.EnableClient(t.Context(), "web") }},
		"deleted": {func(admin *client.Client) error { return admin.DeleteClient(t.Context(), "web") },
			func(admin *client.Client) error {
				_, err := admin.CreateClient(t.Context(), publicApp("web"))
				return err
			}},
	} {
		t.Run(what, func(t *testing.T) {
			a := apptest.Start(t)
			_, own := a.SignUp(ana.Identifier)
			web := application(t, a, publicApp("web"))
			tokens, err := web.Login(t.Context(), ana)
			worked(t, err)
			worked(t, test.disable(a.Admin()))
			_, err = a.As(tokens).Me(t.Context())
			refused(t, err, "session_ended")
			worked(t, test.enable(a.Admin()))
			_, err = web.Refresh(t.Context(), tokens.RefreshToken)
			refused(t, err, "session_ended")
			_, err = web.Token(t.Context(), refreshForm(tokens.RefreshToken))
			refused(t, err, "invalid_grant")
			_, err = a.As(tokens).Me(t.Context())
			refused(t, err, "session_ended")
			_, err = a.As(own).Me(t.Context())
			worked(t, err) // Portaria's own people stay
			ended, err := a.Admin().Events(t.Context(), api.EventPage{Type: "client." + what})
			worked(t, err)
			if len(ended.Events) != 1 || ended.Events[0].Detail["sessions_ended"] != "1" {
				t.Errorf("events %+v", ended.Events)
			}
		})
	}
}

// TestAScopeTakenAwayIsGoneAtOnce: the settings of another process's start, or
// of the next one here, count for tokens that were issued before.
func TestAScopeTakenAwayIsGoneAtOnce(t *testing.T) {
	folder := t.TempDir()
	one := apptest.OnPostgres(t, "sqlite:"+filepath.Join(folder, "portaria.db"), filepath.Join(folder, "master.key"))
	secret := clients.Plain(strings.Repeat("robot-secret", 4))
	robot := func(scopes ...string) apptest.Option {
		return func(c *config.Config) {
			c.Clients = []clients.Described{{Secret: secret, Client: clients.Client{ID: "robot", Kind: clients.Service, Scopes: scopes}}}
		}
	}
	a := apptest.Start(t, one, robot(api.AdminScope))
	got, err := a.AsClient("robot", secret.Reveal()).Token(t.Context(), ask)
	worked(t, err)
	_, err = a.WithToken(got.AccessToken).Accounts(t.Context(), api.AccountPage{})
	worked(t, err)
	apptest.Start(t, one, robot())
	_, err = a.WithToken(got.AccessToken).Accounts(t.Context(), api.AccountPage{})
	refused(t, err, "insufficient_scope")
}
