package app_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/app"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/store/sqlstore"
)

// publishedFor is how long the active key stays published for the tokens it
// signed.
func publishedFor(t *testing.T, c config.Config, now time.Time) time.Duration {
	t.Helper()
	keys, err := app.Keys(t.Context(), c, now)
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	active, err := keys.Active(now)
	if err != nil {
		t.Fatal(err)
	}
	return active.LongestTTL()
}

// TestKeysOutliveTheTokensOfClients: whatever lifetime a client is given, by
// the settings or while the service runs, the key that signs stays published
// for that long.
func TestKeysOutliveTheTokensOfClients(t *testing.T) {
	var c config.Config
	a := apptest.Start(t, func(settings *config.Config) {
		settings.AccessTTL = time.Minute
		settings.Clients = []clients.Described{{Client: clients.Client{ID: "web", Kind: clients.App, Policy: clients.Policy{AccessTTL: time.Hour}}}}
		c = *settings
	})
	longest := func(want time.Duration) {
		t.Helper()
		if got := publishedFor(t, c, a.Clock.Now()); got != want {
			t.Errorf("published for %v, want %v", got, want)
		}
	}
	longest(time.Hour)
	in := api.NewClient{ClientDescription: api.ClientDescription{ID: "orders", Kind: "service", AccessTTL: 2 * 3600}}
	if _, err := a.Admin().CreateClient(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	longest(2 * time.Hour)
}

// TestServicesGetTheirQuarterOfAnHour also where people get less.
func TestServicesGetTheirQuarterOfAnHour(t *testing.T) {
	var c config.Config
	a := apptest.Start(t, func(settings *config.Config) {
		settings.AccessTTL = time.Minute
		c = *settings
	})
	if got := publishedFor(t, c, a.Clock.Now()); got != clients.ServiceAccessTTL {
		t.Errorf("published for %v", got)
	}
}

// TestClientsOfAnotherProcess are noticed by upkeep, and by the next start.
func TestClientsOfAnotherProcess(t *testing.T) {
	for name, look := range map[string]func(*testing.T, *app.App, config.Config){
		"upkeep": func(t *testing.T, a *app.App, _ config.Config) { a.MaintainKeys(t.Context()) },
		"start":  func(t *testing.T, _ *app.App, c config.Config) { works(t, c) },
	} {
		t.Run(name, func(t *testing.T) {
			c := settings(t, "")
			a, err := open(t, c)
			if err != nil {
				t.Fatal(err)
			}
			register(t, c, clients.Client{ID: "web", Kind: clients.App, CreatedAt: time.Now(), Policy: clients.Policy{AccessTTL: time.Hour}})
			look(t, a, c)
			if got := publishedFor(t, c, time.Now()); got != time.Hour {
				t.Errorf("published for %v", got)
			}
			if err := a.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// register does what another process would have done.
func register(t *testing.T, c config.Config, registered clients.Client) {
	t.Helper()
	store, err := sqlstore.Open(t.Context(), c.Database.Reveal(), sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(store.CreateClient(t.Context(), registered), store.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestSettingsThatCannotBePromised(t *testing.T) {
	c := settings(t, "")
	c.KeyRotation, c.KeySetMaxAge = 5*time.Minute, time.Minute
	c.Clients = []clients.Described{{Client: clients.Client{ID: "web", Kind: clients.App, Policy: clients.Policy{AccessTTL: 30 * 24 * time.Hour}}}}
	a, err := open(t, c)
	if err == nil {
		a.Close()
		t.Fatal("started")
	}
	if !strings.Contains(err.Error(), "key_rotation") {
		t.Error(err)
	}
}
