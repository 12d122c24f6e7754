package httpapi_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/config"
)

// TestStatementsOfEachFlow holds what each flow asks of the database. A query that
// is added to one of them must be added here, on purpose. No flow reads a client for
// the service's own audience, whatever its name.
func TestStatementsOfEachFlow(t *testing.T) {
	for _, audience := range []string{"portaria", "orders-api"} {
		t.Run(audience, func(t *testing.T) {
			a := apptest.Start(t, func(c *config.Config) { c.Audience = audience })
			a.SignUp("ana@example.org")
			who := api.Credentials{Identifier: "ana@example.org", Password: apptest.Password}
			c := a.Faulty()
			asks := func(what string, steps int, reads ...string) {
				t.Helper()
				got := a.Faults.Count()
				// A look at the rule log is shared by all who need one at the same
				// time, so that it may be counted for another.
				if i := slices.Index(got.Reads, "Rules"); i >= 0 {
					got.Steps, got.Reads = got.Steps-1, slices.Delete(got.Reads, i, i+1)
				}
				if diff := cmp.Diff(apptest.Counted{Steps: steps, Reads: reads}, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", what, diff)
				}
			}
			tokens, err := c.Login(t.Context(), who)
			worked(t, err)
			asks("sign-in", 2, "AccountByIdentifier")
			tokens, err = c.Refresh(t.Context(), tokens.RefreshToken)
			worked(t, err)
			asks("refresh", 2, "Session")
			_, err = c.WithToken(tokens.AccessToken).Me(t.Context())
			worked(t, err)
			asks("/v1/me", 1, "SessionWithOwner")
			described := described("billing", "service")
			described.Scopes = []string{api.IntrospectionScope}
			service := c.AsClient("billing", registered(t, a, described))
			_, err = service.Token(t.Context(), api.TokenRequest{GrantType: "client_credentials"})
			worked(t, err)
			asks("client_credentials", 1, "Client")
			_, err = service.Introspect(t.Context(), tokens.AccessToken)
			worked(t, err)
			asks("introspection", 2, "Client", "SessionWithOwner")
		})
	}
}
