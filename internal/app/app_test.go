package app_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/internal/app"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/keyring/masterkey"
	"github.com/portaria/portaria/internal/testdb"
)

const issuer = "https://login.example.org"

// settings are those of a service in an empty directory.
func settings(t *testing.T, database string) config.Config {
	t.Helper()
	c := config.Default()
	dir := t.TempDir()
	if database == "" {
		database = "sqlite:" + filepath.Join(dir, "portaria.db")
	}
	var err error
	if c.Database, err = config.ParseDatabase(database); err != nil {
		t.Fatal(err)
	}
	c.MasterKeyFile = filepath.Join(dir, "master.key")
	c.InsecurePasswordHash, c.Argon2.MemoryKiB, c.Argon2.Iterations = true, 8, 1
	return c
}

func open(t *testing.T, c config.Config) (*app.App, error) {
	t.Helper()
	return openAt(t, c, time.Now)
}

func openAt(t *testing.T, c config.Config, now func() time.Time) (*app.App, error) {
	t.Helper()
	return app.Open(t.Context(), app.Env{Config: c, Issuer: issuer, Log: slog.New(slog.DiscardHandler), Now: now})
}

// start opens an App and closes it again.
func start(t *testing.T, c config.Config) (app.Made, error) {
	t.Helper()
	a, err := open(t, c)
	if err != nil {
		return app.Made{}, err
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	return a.Made, nil
}

// works wants a start without error.
func works(t *testing.T, c config.Config) app.Made {
	t.Helper()
	made, err := start(t, c)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func get(a *app.App, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	a.API.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w
}

func writeKey(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func TestFirstStartMakesEverythingAndTheSecondNothing(t *testing.T) {
	c := settings(t, "")
	database, _ := c.Database.SQLite()
	made := works(t, c)
	if made.SigningKey == "" {
		t.Error("no signing key was made")
	}
	if diff := cmp.Diff(app.Made{Database: database, MasterKey: c.MasterKeyFile, SigningKey: made.SigningKey}, made); diff != "" {
		t.Error(diff)
	}
	info, err := os.Stat(c.MasterKeyFile)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("master key file: %v, %v", info, err)
	}
	for range 2 {
		if diff := cmp.Diff(app.Made{}, works(t, c)); diff != "" {
			t.Error(diff)
		}
	}
}

// A supervisor that starts the service twice must not leave one of the two
// behind, nor a folder in which keys and database do not fit.
func TestProcessesThatStartAtOnceAgree(t *testing.T) {
	for range 5 {
		c := settings(t, "")
		sets := make([]string, 6)
		var made atomic.Int32
		var wait sync.WaitGroup
		for i := range sets {
			wait.Go(func() {
				a, err := open(t, c)
				if err != nil {
					t.Error(err)
					return
				}
				sets[i] = get(a, "/.well-known/jwks.json").Body.String()
				if a.Made.SigningKey != "" {
					made.Add(1)
				}
				if err := a.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if made.Load() != 1 {
			t.Errorf("%d processes say that they made the first key", made.Load())
		}
		for _, set := range sets {
			if set != sets[0] {
				t.Fatalf("two processes publish different keys: %s and %s", sets[0], set)
			}
		}
	}
}

func TestAMasterKeyInTheEnvironmentNeedsNoFile(t *testing.T) {
	c := settings(t, "")
	loaded, err := config.Load(config.Sources{Environ: []string{"PORTARIA_MASTER_KEY=" + string(masterkey.New())}})
	if err != nil {
		t.Fatal(err)
	}
	c.MasterKey = loaded.MasterKey
	if made := works(t, c); made.MasterKey != "" || exists(c.MasterKeyFile) {
		t.Errorf("made %+v", made)
	}
	c.MasterKey = ""
	if _, err := start(t, c); !errors.Is(err, masterkey.ErrMissing) {
		t.Errorf("without it: %v", err)
	}
}

// TestMasterKeyThatDoesNotFit: what the old one sealed is worth more than a
// start without complaint.
func TestMasterKeyThatDoesNotFit(t *testing.T) {
	c := settings(t, "")
	works(t, c)
	right, err := os.ReadFile(c.MasterKeyFile)
	if err != nil {
		t.Fatal(err)
	}

	if err := os.Remove(c.MasterKeyFile); err != nil {
		t.Fatal(err)
	}
	if _, err := start(t, c); !errors.Is(err, masterkey.ErrMissing) || exists(c.MasterKeyFile) {
		t.Errorf("lost: %v; made a new one: %t", err, exists(c.MasterKeyFile))
	}

	wrong := masterkey.New()
	writeKey(t, c.MasterKeyFile, wrong)
	if _, err := start(t, c); !errors.Is(err, masterkey.ErrWrong) || !strings.Contains(err.Error(), c.MasterKeyFile) {
		t.Errorf("wrong: %v", err)
	}
	if left, err := os.ReadFile(c.MasterKeyFile); err != nil || string(left) != string(wrong) {
		t.Errorf("the file was overwritten: %v", err)
	}

	writeKey(t, c.MasterKeyFile, right)
	if diff := cmp.Diff(app.Made{}, works(t, c)); diff != "" {
		t.Errorf("with the right one again: %s", diff)
	}
}

func TestPostgresWantsAMasterKeyOfItsOwner(t *testing.T) {
	c := settings(t, testdb.Postgres(t))
	if _, err := start(t, c); !errors.Is(err, masterkey.ErrMissing) || exists(c.MasterKeyFile) {
		t.Errorf("without: %v; made one: %t", err, exists(c.MasterKeyFile))
	}
	writeKey(t, c.MasterKeyFile, masterkey.NewDev())
	if _, err := start(t, c); !errors.Is(err, app.ErrDevMasterKey) {
		t.Errorf("with one for trying things out: %v", err)
	}
	writeKey(t, c.MasterKeyFile, masterkey.New())
	// The refused starts have sealed nothing.
	if made := works(t, c); made.SigningKey == "" || made.Database != "" || made.MasterKey != "" {
		t.Errorf("made %+v", made)
	}
	if diff := cmp.Diff(app.Made{}, works(t, c)); diff != "" {
		t.Error(diff)
	}
}

func TestOpenSaysWhichDatabase(t *testing.T) {
	c := settings(t, "")
	path, _ := c.Database.SQLite()
	writeKey(t, path, []byte(strings.Repeat("no database\n", 1000)))
	if _, err := start(t, c); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a damaged file: %v", err)
	}
	c = settings(t, "postgres://portaria:hunter2@127.0.0.1:1/portaria")
	c.DatabaseWait = 300 * time.Millisecond // more than one attempt
	if _, err := start(t, c); err == nil || !strings.Contains(err.Error(), "postgres://127.0.0.1:1/portaria") ||
		strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a server that is not there: %v", err)
	}
}

// TestReadiness: the service is ready while it is open, and says so no longer
// when the database is gone.
func TestReadiness(t *testing.T) {
	a, err := open(t, settings(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	if w := get(a, "/readyz"); w.Code != http.StatusOK {
		t.Errorf("open: %d %s", w.Code, w.Body)
	}
	ctx, stop := context.WithCancel(t.Context())
	idle := a.Upkeep(ctx)
	stop()
	<-idle
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if w := get(a, "/readyz"); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), `"database":"unavailable"`) {
		t.Errorf("closed: %d %s", w.Code, w.Body)
	}
	if w := get(a, "/healthz"); w.Code != http.StatusOK {
		t.Errorf("closed, but the process runs: %d %s", w.Code, w.Body)
	}
}
