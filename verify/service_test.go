package verify_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

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
// sends unknown keys: no good request fails, and the issuer is asked once an
// interval at most.
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
			if _, err := v.Verify(t.Context(), unknown); !errors.Is(err, verify.ErrKey) {
				t.Fatalf("unknown key: %v", err)
			}
		}
		if most := int64(time.Since(began)/(10*time.Second)) + 1; o.fetches.Load() > most {
			t.Errorf("%d fetches in %v, want %d at most", o.fetches.Load(), time.Since(began), most)
		}
	})
}
