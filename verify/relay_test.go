package verify_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/verify"
)

// chain is a Portaria, a relay that follows it, and whoever follows the relay.
type chain struct {
	*testing.T
	issuer *apptest.App
	config verify.Config
}

func newChain(t *testing.T) *chain {
	t.Helper()
	c := &chain{T: t, issuer: apptest.Start(t)}
	made, err := c.issuer.Admin().CreateClient(t.Context(), api.NewClient{ClientDescription: api.ClientDescription{
		ID: "orders", Kind: "service", Scopes: []string{api.RevocationReadScope}}})
	if err != nil {
		t.Fatal(err)
	}
	c.config = verify.Config{Issuer: c.issuer.URL, Audience: "portaria", ClientID: "orders", ClientSecret: verify.Secret(made.ClientSecret), Now: c.issuer.Clock.Now}
	return c
}

// relay serves what a verifier knows on; it returns how to follow it.
func (c *chain) relay(v *verify.Verifier) verify.Config {
	server := httptest.NewServer(v.Feed())
	c.Cleanup(server.Close)
	config := c.config
	config.HTTPClient = &http.Client{Transport: rerouted{http.DefaultTransport, server.Listener.Addr().String()}}
	return config
}

func (c *chain) revoke(wait time.Duration) api.Receipt {
	c.Helper()
	receipt, err := c.issuer.Admin().Revoke(c.Context(), api.Revoke{Target: api.Target{Token: "a"}}, wait)
	if err != nil {
		c.Fatal(err)
	}
	return receipt
}

func (c *chain) bound(r api.Receipt) time.Duration { return r.EffectiveBy.Sub(c.issuer.Clock.Now()) }

// TestRelaysTellOfThoseBehind: receipts count who follows a relay, or a relay of
// a relay, as soon as they follow, and when they have applied a rule.
func TestRelaysTellOfThoseBehind(t *testing.T) {
	c := newChain(t)
	near := open(t, c.config)
	behindNear := c.relay(near)
	far := open(t, behindNear)
	behindFar := c.relay(far)
	last := open(t, behindFar)
	if err := last.Health(); err != nil {
		t.Fatal(err)
	}
	if r := c.revoke(15 * time.Second); c.bound(r) != 10*time.Second || r.Confirmed == 0 || r.Pending != 0 {
		t.Errorf("%+v", r)
	}
	for ends := time.Now().Add(20 * time.Second); ; {
		r := c.revoke(5 * time.Second)
		if r.Confirmed == 3 && r.Pending == 0 {
			break
		}
		if time.Now().After(ends) {
			t.Fatalf("%+v, want three", r)
		}
	}
	fleet, err := c.issuer.Admin().Verifiers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, v := range fleet.Verifiers {
		names[v.Name] = true
		if v.Client != "orders" || v.Audience != "portaria" {
			t.Errorf("%+v", v)
		}
	}
	if len(names) != 3 {
		t.Errorf("%v", names)
	}
}

// TestRelaysSayTheLongestLease before the one who has it hears a word.
func TestRelaysSayTheLongestLease(t *testing.T) {
	c := newChain(t)
	near := open(t, c.config)
	behind := c.relay(near)
	behind.Staleness = 45 * time.Second
	last := open(t, behind)
	if err := last.Health(); err != nil {
		t.Fatal(err)
	}
	if r := c.revoke(0); c.bound(r) != 45*time.Second {
		t.Errorf("bound %v", c.bound(r))
	}
	if err := near.Health(); err != nil {
		t.Error(err)
	}
}

// TestRelaysRefuseLeasesThatAreNotAllowed, and follow on for all others.
func TestRelaysRefuseLeasesThatAreNotAllowed(t *testing.T) {
	c := newChain(t)
	near := open(t, c.config)
	behind := c.relay(near)
	fine := open(t, behind)
	behind.Staleness = 61 * time.Second
	for range 2 {
		if err := open(t, behind).Health(); !errors.Is(err, verify.ErrStale) || !strings.Contains(err.Error(), "revocation_max_staleness") {
			t.Error(err)
		}
	}
	if r := c.revoke(0); c.bound(r) != 10*time.Second {
		t.Errorf("bound %v", c.bound(r))
	}
	c.issuer.Clock.Move(9 * time.Second)
	// Both must have heard the issuer since, however busy the machine is.
	current := func(v *verify.Verifier) bool { return v.Stats().Age <= time.Second }
	for ends := time.Now().Add(30 * time.Second); !(current(near) && current(fine)) && time.Now().Before(ends); {
		<-time.After(10 * time.Millisecond)
	}
	c.issuer.Clock.Move(8 * time.Second)
	if near.Health() != nil || fine.Health() != nil {
		t.Errorf("%v, %v", near.Health(), fine.Health())
	}
}
