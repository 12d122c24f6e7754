package app_test

import (
	"errors"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/verify"
)

// A service that follows the feed refuses what the receipt says is confirmed.
func TestVerifierFollowsTheFeed(t *testing.T) {
	a := apptest.Start(t)
	id, tokens := a.SignUp("ana@example.com")
	made, err := a.Admin().CreateClient(t.Context(), api.NewClient{ClientDescription: api.ClientDescription{
		ID: "orders", Kind: "service", Scopes: []string{api.RevocationReadScope}}})
	if err != nil {
		t.Fatal(err)
	}
	v, err := verify.New(t.Context(), verify.Config{Issuer: a.URL, Audience: "portaria", Now: a.Clock.Now,
		ClientID: "orders", ClientSecret: verify.Secret(made.ClientSecret)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	if _, err := v.Verify(t.Context(), tokens.AccessToken); err != nil {
		t.Fatal(err)
	}
	for len(fleet(t, a)) == 0 { // until it has said that it is there
		if err := t.Context().Err(); err != nil {
			t.Fatal(err)
		}
	}
	receipt, err := a.Admin().Revoke(t.Context(), api.Revoke{Target: api.Target{Account: id}}, 15*time.Second)
	if err != nil || receipt.Confirmed != 1 || receipt.Pending != 0 {
		t.Fatalf("%+v, %v", receipt, err)
	}
	if _, err := v.Verify(t.Context(), tokens.AccessToken); !errors.Is(err, verify.ErrRevoked) {
		t.Errorf("got %v after the receipt says that it is refused", err)
	}
	if _, err := v.Verify(t.Context(), a.SignIn("ana@example.com").AccessToken); err != nil {
		t.Errorf("a new sign-in: %v", err)
	}
}

func fleet(t *testing.T, a *apptest.App) []api.Verifier {
	t.Helper()
	list, err := a.Admin().Verifiers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return list.Verifiers
}
