package app_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/config"
)

// ready reports whether /readyz says that the signing key is there.
func ready(t *testing.T, a *apptest.App) bool {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", a.URL+"/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, _ := a.Do(r)
	return resp.StatusCode == http.StatusOK
}

// TestClocksAndOutagesSpendNothing: after the store was away, and whatever became
// of the clock, a refresh answers tokens, or 503 and the same token is good
// afterwards. The readiness check and the flows agree.
func TestClocksAndOutagesSpendNothing(t *testing.T) {
	for name, c := range map[string]struct {
		change, back func(*apptest.Clock)
		answers      bool
	}{
		"the keys were not read for 70 s": {func(c *apptest.Clock) { c.Move(70 * time.Second) }, func(*apptest.Clock) {}, true},
		"the clock is two minutes ahead":  {func(c *apptest.Clock) { c.Set(2 * time.Minute) }, func(c *apptest.Clock) { c.Set(-2 * time.Minute) }, true},
		"the clock is a day behind":       {func(c *apptest.Clock) { c.Set(-24 * time.Hour) }, func(c *apptest.Clock) { c.Set(24 * time.Hour) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			a := apptest.Start(t)
			_, tokens := a.SignUp("ana@example.com")
			a.MaintainKeys()
			c.change(a.Clock)
			if is := ready(t, a); is != c.answers {
				t.Errorf("ready %v", is)
			}
			next, err := a.Refresh(t.Context(), tokens.RefreshToken)
			var p *api.Problem
			switch {
			case c.answers && err != nil:
				t.Fatal(err)
			case !c.answers && (!errors.As(err, &p) || p.Status != http.StatusServiceUnavailable):
				t.Fatalf("refresh: %v, want 503", err)
			case err != nil:
				next.RefreshToken = tokens.RefreshToken
			}
			_, err = a.Login(t.Context(), api.Credentials{Identifier: "ana@example.com", Password: apptest.Password})
			if c.answers != (err == nil) {
				t.Errorf("sign in: %v", err)
			}
			c.back(a.Clock)
			if _, err := a.Refresh(t.Context(), next.RefreshToken); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// TestAClockThatJumpsLosesNoRule: a day ahead for five minutes, with upkeep
// running, and back.
func TestAClockThatJumpsLosesNoRule(t *testing.T) {
	for name, jump := range map[string]time.Duration{"a day": 24 * time.Hour, "a year": 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			a := apptest.Start(t)
			made, err := a.Admin().CreateClient(t.Context(), api.NewClient{ClientDescription: api.ClientDescription{ID: "batch", Kind: "service"}})
			if err != nil {
				t.Fatal(err)
			}
			batch := a.AsClient("batch", made.ClientSecret)
			granted, err := batch.Token(t.Context(), api.TokenRequest{GrantType: "client_credentials"})
			if err != nil {
				t.Fatal(err)
			}
			_, person := a.SignUp("ana@example.com")
			if err := batch.RevokeToken(t.Context(), granted.AccessToken); err != nil {
				t.Fatal(err)
			}
			a.Clock.Set(jump)
			for range 5 {
				a.Clock.Move(time.Minute)
				a.MaintainKeys()
				a.Prune()
				// The hub looks, and forgets, when a rule is written.
				if _, err := a.Admin().Revoke(t.Context(), api.Revoke{Target: api.Target{Token: "another"}}, 0); err != nil {
					t.Fatal(err)
				}
			}
			a.Clock.Set(-jump)
			if in, err := batch.Introspect(t.Context(), granted.AccessToken); err != nil || in.Active {
				t.Errorf("the revoked token is active %v, %v", in.Active, err)
			}
			if _, err := a.Refresh(t.Context(), person.RefreshToken); err != nil {
				t.Errorf("a session is gone: %v", err)
			}
			events, err := a.Admin().Events(t.Context(), api.EventPage{})
			if err != nil || len(events.Events) == 0 {
				t.Errorf("%d events are left, %v", len(events.Events), err)
			}
		})
	}
}

// twoNodes are processes on one database.
func twoNodes(t *testing.T) (a, b *apptest.App) {
	log := newLog(t)
	key := filepath.Join(t.TempDir(), "master.key")
	writeKey(t, key, []byte(base64.StdEncoding.EncodeToString([]byte("a master key of thirty-two bytes"))+"\n"))
	use := func(c *config.Config) { c.MasterKeyFile = key }
	return apptest.Start(t, log.use, use), apptest.Start(t, log.use, use)
}

// TestNodesWithOtherTimesShareAWindow: what one process spent, another one
// answers again within the window, whatever the two think the time is, and takes
// for theft after it.
func TestNodesWithOtherTimesShareAWindow(t *testing.T) {
	for name, apart := range map[string]time.Duration{
		"15 s ahead": 15 * time.Second, "15 s behind": -15 * time.Second, "an hour behind": -time.Hour, "two hours ahead": 2 * time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			a, b := twoNodes(t)
			pass := func(d time.Duration) {
				a.Clock.Move(d)
				b.Clock.Move(d)
			}
			pass(3 * time.Hour) // the key signs for every one of them
			_, tokens := a.SignUp("ana@example.com")
			b.Clock.Set(apart)
			next, err := a.Refresh(t.Context(), tokens.RefreshToken)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range []time.Duration{0, 11 * time.Second, 45 * time.Second} {
				pass(d)
				for _, node := range []*apptest.App{b, a} {
					again, err := node.Refresh(t.Context(), tokens.RefreshToken)
					if err != nil || again.RefreshToken != next.RefreshToken {
						t.Fatalf("%v later: %v", d, err)
					}
				}
			}
			pass(5 * time.Second)
			if _, err := b.Refresh(t.Context(), tokens.RefreshToken); code(err) != "refresh_token_reused" {
				t.Errorf("after the window: %v", err)
			}
		})
	}
}

func code(err error) string {
	var p *api.Problem
	if errors.As(err, &p) {
		return p.Code
	}
	return ""
}

// TestARuleOfAProcessThatIsBehind: its clock is a day behind; the others keep the
// rule for as long as it refuses something.
func TestARuleOfAProcessThatIsBehind(t *testing.T) {
	right, behind := twoNodes(t)
	_, tokens := right.SignUp("ana@example.com")
	behind.Clock.Set(-24 * time.Hour)
	right.Clock.Set(-24 * time.Hour) // the operator's token, which behind must accept
	admin := behind.Admin()
	right.Clock.Set(24 * time.Hour)
	receipt, err := admin.Revoke(t.Context(), api.Revoke{Target: api.Target{Session: tokens.SessionID}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	// The other process hears of it within some looks at the log.
	for range 10_000 {
		if _, err = right.Admin().Receipt(t.Context(), receipt.Seq); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	right.Clock.Move(10 * time.Minute)
	right.Prune()
	// The hub looks, and forgets, when a rule is written.
	if _, err := right.Admin().Revoke(t.Context(), api.Revoke{Target: api.Target{Token: "another"}}, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := right.Admin().Receipt(t.Context(), receipt.Seq); err != nil {
		t.Errorf("the rule has left: %v", err)
	}
	if _, err := right.As(tokens).Me(t.Context()); err == nil {
		t.Error("the token is good again")
	}
}
