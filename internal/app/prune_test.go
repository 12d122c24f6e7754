package app_test

import (
	"errors"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/store/sqlstore"
	"github.com/portaria/portaria/verify"
)

// TestNoRuleLeavesTooEarly: a rule stays, in the store, in the hub and with
// those who follow, for as long as the last token that it refuses could be
// accepted: also when tokens lived longer before the setting was lowered, and
// those of a client that has longer ones.
func TestNoRuleLeavesTooEarly(t *testing.T) {
	log := newLog(t)
	log.write(1)
	key := newLives(t, nil).key
	ttl := func(d time.Duration) apptest.Option {
		return func(c *config.Config) { c.AccessTTL, c.MasterKeyFile = d, key }
	}
	var people api.Tokens
	address := freeAddress(t)
	listen := func(c *config.Config) { c.Listen = address }
	t.Run("tokens live for half an hour", func(t *testing.T) {
		_, people = apptest.Start(t, log.use, listen, ttl(30*time.Minute)).SignUp("ana")
	})
	e := newEverywhere(t, log.use, listen, ttl(time.Minute))
	issued := e.issuer.Clock.Now()
	made, err := e.issuer.Admin().CreateClient(t.Context(), api.NewClient{ClientDescription: api.ClientDescription{
		ID: "batch", Kind: "service", Scopes: []string{"stock:read"}, AccessTTL: 2 * 60 * 60}})
	if err != nil {
		t.Fatal(err)
	}
	granted, err := e.issuer.AsClient("batch", made.ClientSecret).Token(t.Context(), api.TokenRequest{GrantType: "client_credentials"})
	if err != nil || granted.ExpiresIn != 2*60*60 {
		t.Fatal(granted, err)
	}
	for _, target := range []api.Target{{Session: people.SessionID}, {Client: "batch"}} {
		if _, err := e.issuer.Admin().Revoke(t.Context(), api.Revoke{Target: target}, 0); err != nil {
			t.Fatal(err)
		}
	}
	const leeway = 10 * time.Second // of a service
	for _, c := range []struct {
		token string
		lives time.Duration
	}{{people.AccessToken, 30 * time.Minute}, {granted.AccessToken, 2 * time.Hour}} {
		e.issuer.Clock.Move(issued.Add(c.lives + leeway - time.Second).Sub(e.issuer.Clock.Now()))
		e.prune(log)
		late := e.verifier(e.issuer.URL)
		if _, err := late.Verify(t.Context(), c.token); !errors.Is(err, verify.ErrRevoked) {
			t.Errorf("in the last second of a token that lives for %v: %v", c.lives, err)
		}
		e.issuer.Clock.Move(2 * time.Second)
		if _, err := late.Verify(t.Context(), c.token); !errors.Is(err, verify.ErrExpired) {
			t.Errorf("after it: %v", err)
		}
	}
	e.issuer.Clock.Move(2 * time.Minute)
	e.prune(log)
	if n := e.verifier(e.issuer.URL).Stats().Rules; n > 3 {
		t.Errorf("%d rules are left when nobody needs them", n)
	}
}

// prune has store and hub forget what they may, as upkeep does.
func (e *everywhere) prune(l log) {
	e.Helper()
	store, err := sqlstore.Open(e.Context(), l.path, sqlstore.Options{})
	if err != nil {
		e.Fatal(err)
	}
	_, err = store.PruneRules(e.Context(), e.issuer.Clock.Now())
	if err = errors.Join(err, store.Close()); err != nil {
		e.Fatal(err)
	}
	// The hub looks, and forgets, when a rule is written.
	if _, err := e.issuer.Admin().Revoke(e.Context(), api.Revoke{Target: api.Target{Token: "another"}}, 0); err != nil {
		e.Fatal(err)
	}
}
