package app_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/app"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/store/sqlstore"
)

// lines hands on each line of a log.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// TestUpkeepHearsOfAKill: a key that another process declared compromised
// leaves the key set, and another one signs.
func TestUpkeepHearsOfAKill(t *testing.T) {
	c := config.Default()
	path := "sqlite:" + filepath.Join(t.TempDir(), "portaria.db")
	var err error
	if c.Database, err = config.ParseDatabase(path); err != nil {
		t.Fatal(err)
	}
	c.MasterKeyFile = filepath.Join(t.TempDir(), "master.key")
	log := make(lines, 100)
	a, err := app.Open(t.Context(), app.Env{Config: c, Issuer: "https://example.org",
		Log: slog.New(slog.NewTextHandler(log, nil)), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	killed := a.Made.SigningKey
	if got := keySet(a); !strings.Contains(got, killed) {
		t.Fatalf("key set %s lacks the first key", got)
	}
	kill(t, path, killed)

	ctx, stop := context.WithCancel(t.Context())
	done := a.Upkeep(ctx)
	for _, want := range []string{"kid=" + killed + " from=active to=killed why=killed", "from=none to=active why=killed"} {
		if line := <-log; !strings.Contains(line, "signing key") || !strings.Contains(line, want) {
			t.Errorf("logged %s, want %s", line, want)
		}
	}
	if got := keySet(a); strings.Contains(got, killed) || !strings.Contains(got, `"kid"`) {
		t.Errorf("key set after the kill: %s", got)
	}
	stop()
	<-done
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

func keySet(a *app.App) string {
	w := httptest.NewRecorder()
	a.API.ServeHTTP(w, httptest.NewRequest("GET", "/.well-known/jwks.json", nil))
	return w.Body.String()
}

// kill is what another process does.
func kill(t *testing.T, path, kid string) {
	t.Helper()
	store, err := sqlstore.Open(t.Context(), path, sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Keyring().KillKey(t.Context(), kid, time.Now()); err != nil {
		t.Error(err)
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
}
