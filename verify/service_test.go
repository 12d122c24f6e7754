package verify_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/verify"
)

// TestTokensOfPortaria: a service finds the keys of a whole Portaria by its
// address alone, and accepts the token that somebody got there.
func TestTokensOfPortaria(t *testing.T) {
	issuer := apptest.Start(t)
	id, tokens := issuer.SignUp("ana@example.com")
	config := verify.Config{Issuer: issuer.URL, Audience: "portaria", Now: issuer.Clock.Now}
	v := open(t, config)
	if err := v.Health(); err != nil {
		t.Fatal(err)
	}
	c := accept(t, v, tokens.AccessToken)
	if c.Subject() != id || c.SessionID() != tokens.SessionID || !c.Fresh() || c.ID() == "" || c.AuthTime().IsZero() {
		t.Errorf("subject %q, session %q, fresh %v", c.Subject(), c.SessionID(), c.Fresh())
	}
	if got := ask(t, v, request(http.MethodGet, "", "Authorization", "Bearer "+tokens.AccessToken), verify.FreshWithin(time.Minute)); got != letIn {
		t.Errorf("fresh token: %v", got)
	}
	config.Audience = "orders"
	refuse(t, open(t, config), tokens.AccessToken, verify.ErrAudience)
	issuer.Clock.Move(20 * time.Minute)
	refuse(t, v, tokens.AccessToken, verify.ErrExpired)
}

// TestRotationUnderLoad: an issuer that publishes a key before it signs with
// it, as Portaria does, rotates under 1,000 requests a second while somebody
// sends unknown keys: no good request fails, and the issuer is asked three times
// an interval at most.
func TestRotationUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, config := virtual()
		active, next := generate(t, jose.EdDSA), generate(t, jose.EdDSA)
		o.publish(active, next)
		v := open(t, config)
		defer v.Close()
		began := time.Now()
		token, unknown := lasting(t, active), lasting(t, generate(t, jose.EdDSA))
		for i := range 120_000 {
			time.Sleep(time.Millisecond)
			if i%30_000 == 29_999 {
				retired := active
				active, next = next, generate(t, jose.EdDSA)
				token = lasting(t, active)
				o.publish(retired, active, next)
			}
			if _, err := v.Verify(t.Context(), token); err != nil {
				t.Fatalf("request %d: %v", i, err)
			}
			if i%10 != 0 {
				continue
			}
			if _, err := v.Verify(t.Context(), unknown); !errors.Is(err, verify.ErrKey) && !errors.Is(err, verify.ErrUnavailable) {
				t.Fatalf("unknown key: %v", err)
			}
		}
		if most := 3*int64(time.Since(began)/(10*time.Second)) + 3; o.fetches.Load() > most {
			t.Errorf("%d fetches in %v, want %d at most", o.fetches.Load(), time.Since(began), most)
		}
	})
}

// TestRevocationOfPortaria: a service that is registered follows a whole
// Portaria, and refuses at once what ends there, by whichever door.
func TestRevocationOfPortaria(t *testing.T) {
	issuer := apptest.Start(t)
	made, err := issuer.Admin().CreateClient(t.Context(), api.NewClient{ClientDescription: api.ClientDescription{
		ID: "orders", Kind: "service", Scopes: []string{api.RevocationReadScope}}})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	v := open(t, verify.Config{Issuer: issuer.URL, Audience: "portaria", ClientID: "orders", ClientSecret: verify.Secret(made.ClientSecret),
		// The issuer's clock stands still, and its streams go on.
		Now: func() time.Time { return time.Now().Add(issuer.Clock.Now().Sub(began)) }})
	if err := v.Health(); err != nil {
		t.Fatal(err)
	}
	anaID, ana := issuer.SignUp("ana@example.com")
	_, bob := issuer.SignUp("bob@example.com")
	again := issuer.SignIn("bob@example.com")
	ends := func(what string, tokens api.Tokens, end func() error) {
		t.Helper()
		watched, stop := v.Watch(t.Context(), accept(t, v, tokens.AccessToken))
		defer stop()
		if err := end(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if err := ended(t, watched); !errors.Is(err, verify.ErrRevoked) {
			t.Errorf("%s: %v", what, err)
		}
		refuse(t, v, tokens.AccessToken, verify.ErrRevoked)
	}
	ends("logout", bob, func() error { return issuer.As(bob).Logout(t.Context()) })
	accept(t, v, again.AccessToken)
	ends("ban", ana, func() error { _, err := issuer.Admin().DisableAccount(t.Context(), anaID); return err })
	ends("rule", again, func() error {
		receipt, err := issuer.Admin().Revoke(t.Context(), api.Revoke{Target: api.Target{Issuer: true}}, 5*time.Second)
		if err == nil && (receipt.Confirmed != 1 || receipt.Pending != 0) {
			t.Errorf("receipt %+v, want that the one verifier has confirmed", receipt)
		}
		return err
	})
	published, err := http.Get(issuer.URL + "/.well-known/jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	_ = published.Body.Close()
	fleet, err := issuer.Admin().Verifiers(t.Context())
	if err != nil || len(fleet.Verifiers) != 1 || fleet.Verifiers[0].KeySet != published.Header.Get("ETag") || fleet.Verifiers[0].Staleness != 10_000 ||
		fleet.Verifiers[0].WhenStale != "refuse" || fleet.Verifiers[0].Audience != "portaria" {
		t.Errorf("fleet %+v, %v; key set %s", fleet, err, published.Header.Get("ETag"))
	}
	// A log that was set back is fetched whole, and forgets nothing.
	epoch, err := issuer.Admin().NewEpoch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	third := issuer.SignIn("bob@example.com")
	ends("logout in another epoch", third, func() error { return issuer.As(third).Logout(t.Context()) })
	refuse(t, v, again.AccessToken, verify.ErrRevoked)
	if place := v.Stats().Position; place>>32 != epoch.Epoch {
		t.Errorf("place %d, want one of epoch %d", place, epoch.Epoch)
	}
	accept(t, v, issuer.SignIn("bob@example.com").AccessToken)
	if s := v.Stats(); s.Feed != verify.FeedCurrent || s.Rules != 4 {
		t.Errorf("%+v", s)
	}
}

// TestLeaseOfPortaria: an issuer counts on the bound of a verifier from its
// first word on, and refuses one that is greater than it allows.
func TestLeaseOfPortaria(t *testing.T) {
	issuer := apptest.Start(t)
	made, err := issuer.Admin().CreateClient(t.Context(), api.NewClient{ClientDescription: api.ClientDescription{
		ID: "orders", Kind: "service", Scopes: []string{api.RevocationReadScope}}})
	if err != nil {
		t.Fatal(err)
	}
	follow := func(bound time.Duration) *verify.Verifier {
		return open(t, verify.Config{Issuer: issuer.URL, Audience: "portaria", ClientID: "orders", ClientSecret: verify.Secret(made.ClientSecret),
			Staleness: bound, Now: issuer.Clock.Now})
	}
	if v := follow(time.Minute); v.Health() != nil {
		t.Error(v.Health())
	}
	receipt, err := issuer.Admin().Revoke(t.Context(), api.Revoke{Target: api.Target{Token: "a"}}, 0)
	if want := issuer.Clock.Now().Add(time.Minute); err != nil || !receipt.EffectiveBy.Equal(want) || receipt.Confirmed+receipt.Pending != 1 {
		t.Errorf("%+v, %v, want one verifier and %v", receipt, err, want)
	}
	if err := follow(time.Minute + time.Millisecond).Health(); !errors.Is(err, verify.ErrStale) || !strings.Contains(err.Error(), "revocation_max_staleness") {
		t.Error(err)
	}
}
