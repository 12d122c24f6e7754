package httpapi_test

import (
	"slices"
	"testing"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/app/apptest"
)

// TestAnAppOfAnotherOrganizationGetsNoPasswords: neither a right nor a wrong password
// tells it anything.
func TestAnAppOfAnotherOrganizationGetsNoPasswords(t *testing.T) {
	a := apptest.Start(t)
	a.SignUp(ana.Identifier)
	partner := described("partner", "app")
	partner.ThirdParty = true
	narrow := publicApp("narrow")
	narrow.Grants = []string{"refresh_token"}
	for _, c := range []api.NewClient{partner, narrow} {
		app := application(t, a, c)
		for _, in := range []api.Credentials{ana, {Identifier: ana.Identifier, Password: "wrong password"}, {Identifier: "nobody@example.com", Password: apptest.Password}} {
			tokens, err := app.Login(t.Context(), in)
			refused(t, err, "unauthorized_client")
			if tokens != (api.Tokens{}) {
				t.Errorf("%s: %+v", c.ID, tokens)
			}
		}
		_, err := app.Token(t.Context(), api.TokenRequest{GrantType: "client_credentials"})
		refused(t, err, "unauthorized_client")
	}
	list, err := a.Admin().Events(t.Context(), api.EventPage{Type: "login.failed"})
	worked(t, err)
	if len(list.Events) > 0 {
		t.Errorf("counted as sign-ins: %+v", list.Events)
	}
}

// TestAnAppWithoutTheRefreshGrant gets one access token and no refresh token.
func TestAnAppWithoutTheRefreshGrant(t *testing.T) {
	a := apptest.Start(t)
	a.SignUp(ana.Identifier)
	c := publicApp("kiosk")
	c.Grants = []string{"password"}
	kiosk := application(t, a, c)
	tokens, err := kiosk.Login(t.Context(), ana)
	worked(t, err)
	if tokens.AccessToken == "" || tokens.RefreshToken != "" {
		t.Errorf("%+v", tokens)
	}
	other := a.SignIn(ana.Identifier)
	_, err = kiosk.Refresh(t.Context(), other.RefreshToken)
	refused(t, err, "unauthorized_client")
	_, err = kiosk.Token(t.Context(), refreshForm(other.RefreshToken))
	refused(t, err, "unauthorized_client")
	fresh, err := kiosk.WithToken(tokens.AccessToken).StepUp(t.Context(), apptest.Password)
	worked(t, err)
	if fresh.AccessToken == "" {
		t.Error("no fresh token")
	}
}

// TestMetadataListTheGrantsOfTheTokenEndpoint: the sign-in with a password has a route
// of its own and is none of them.
func TestMetadataListTheGrantsOfTheTokenEndpoint(t *testing.T) {
	a := apptest.Start(t)
	found, err := a.Client.Metadata(t.Context())
	worked(t, err)
	if want := []string{api.GrantClientCredentials, api.GrantRefreshToken}; !slices.Equal(found.GrantTypesSupported, want) {
		t.Errorf("grants %v, want %v", found.GrantTypesSupported, want)
	}
}
