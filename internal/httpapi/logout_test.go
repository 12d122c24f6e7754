package httpapi_test

import (
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/config"
)

// TestLogoutWithTheRefreshToken: it is enough by itself. The access token may
// have expired, or be for another audience.
func TestLogoutWithTheRefreshToken(t *testing.T) {
	secret := newReader(t, "ECDH-ES+A256KW")
	a := apptest.Start(t, func(c *config.Config) {
		c.AudienceEncryption = map[string]config.ServiceKey{"payroll": serviceKey(t, secret.public)}
	})
	a.SignUp("ana@example.com")
	shop := a.AsClient("shop", registered(t, a, described("shop", "app")))
	who := api.Credentials{Identifier: "ana@example.com", Password: apptest.Password}
	over := func(tokens api.Tokens) {
		t.Helper()
		if _, err := a.Admin().Session(t.Context(), tokens.SessionID); err != nil {
			t.Fatal(err)
		}
		refused(t, a.LogoutWith(t.Context(), tokens.RefreshToken), "session_ended")
	}
	tokens := a.SignIn("ana@example.com")
	worked(t, a.LogoutWith(t.Context(), tokens.RefreshToken)) // no access token
	over(tokens)

	tokens = a.SignIn("ana@example.com")
	worked(t, a.As(tokens).LogoutWith(t.Context(), tokens.RefreshToken)) // a good one
	over(tokens)

	tokens = a.SignIn("ana@example.com")
	a.Clock.Move(time.Hour)
	refused(t, a.As(tokens).Logout(t.Context()), "token_expired")
	worked(t, a.As(tokens).LogoutWith(t.Context(), tokens.RefreshToken)) // one that has expired
	over(tokens)

	tokens, err := shop.ForAudience("payroll").Login(t.Context(), who)
	worked(t, err)
	worked(t, a.As(tokens).LogoutWith(t.Context(), tokens.RefreshToken)) // one that only payroll can read
	over(tokens)

	// Not the session of another, and nothing for what is no token.
	one, other := a.SignIn("ana@example.com"), a.SignIn("ana@example.com")
	refused(t, a.As(one).LogoutWith(t.Context(), other.RefreshToken), "input_invalid")
	refused(t, a.LogoutWith(t.Context(), "prt_nothing"), "refresh_token_invalid")
	refused(t, a.LogoutWith(t.Context(), ""), "missing_token")
	for _, left := range []api.Tokens{one, other} {
		_, err := a.As(left).Me(t.Context())
		worked(t, err)
		worked(t, a.As(left).Logout(t.Context())) // without a body
	}
	events, err := a.Admin().Events(t.Context(), api.EventPage{Type: "session.ended"})
	worked(t, err)
	for _, e := range events.Events {
		if e.Actor == "" || e.Reason != "signed_out" {
			t.Errorf("%+v", e)
		}
	}
	if len(events.Events) != 6 {
		t.Errorf("%d sessions ended", len(events.Events))
	}
}
