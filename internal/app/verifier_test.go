package app_test

import (
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/config"
)

// admits wants the service to let these tokens in, or to refuse them with this
// code, each time it is asked.
func admits(t *testing.T, a *apptest.App, tokens api.Tokens, code string) {
	t.Helper()
	for range 2 {
		if _, err := a.As(tokens).Me(t.Context()); client.Code(err) != code || (err == nil) != (code == "") {
			t.Errorf("%v, want %q", err, code)
		}
	}
}

// TestOwnRoutesFollowTheKeys: the tokens of a key are good on the service's own
// routes for as long as it publishes the key, whatever kind it is.
func TestOwnRoutesFollowTheKeys(t *testing.T) {
	for _, algorithm := range []string{"ES256", "EdDSA", "RS256", "HS256", "HS512"} {
		t.Run(algorithm, func(t *testing.T) {
			var path string
			a := apptest.Start(t, func(c *config.Config) {
				c.KeyAlgorithm, c.KeyRotation, c.KeySetMaxAge, c.AccessTTL = algorithm, time.Hour, time.Minute, 30*time.Minute
				path = c.Database.Reveal()
			})
			_, first := a.SignUp("ana@example.com")
			admits(t, a, first, "")
			kid := kidOf(t, first.AccessToken)

			a.Clock.Move(50 * time.Minute)
			second := a.SignIn("ana@example.com")
			for range 15 {
				a.Clock.Move(time.Minute)
				a.MaintainKeys()
			}
			third := a.SignIn("ana@example.com")
			if kidOf(t, second.AccessToken) != kid || kidOf(t, third.AccessToken) == kid {
				t.Fatalf("signed by %s, %s, %s: no rotation", kid, kidOf(t, second.AccessToken), kidOf(t, third.AccessToken))
			}
			admits(t, a, second, "")
			admits(t, a, third, "")

			kill(t, path, kid)
			a.MaintainKeys()
			admits(t, a, second, "token_invalid")
			admits(t, a, third, "")
		})
	}
}
