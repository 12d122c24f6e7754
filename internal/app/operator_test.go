package app_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/app"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/keyring/masterkey"
	"github.com/portaria/portaria/internal/store/sqlstore"
	"github.com/portaria/portaria/internal/testdb"
)

// listAccounts is what only operators may do.
func listAccounts(a *app.App, access string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "/v1/admin/accounts", nil)
	r.Header.Set("Authorization", "Bearer "+access)
	w := httptest.NewRecorder()
	a.API.ServeHTTP(w, r)
	return w
}

func TestOperatorToken(t *testing.T) {
	for name, database := range map[string]string{"sqlite": "", "postgres": testdb.Postgres(t)} {
		t.Run(name, func(t *testing.T) {
			c := settings(t, database)
			if database != "" {
				writeKey(t, c.MasterKeyFile, masterkey.New())
			}
			var late atomic.Int64 // the service's own goroutines read its clock, too
			a, err := openAt(t, c, func() time.Time { return time.Now().Add(time.Duration(late.Load())) })
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			for _, test := range []struct {
				name, issuer string
				late         time.Duration // how long after that it is used
				want         int
			}{
				{"at once", issuer, 0, http.StatusOK},
				{"a minute later", issuer, time.Minute + c.Leeway + time.Second, http.StatusUnauthorized},
				{"of another service", "https://other.example.org", 0, http.StatusUnauthorized},
			} {
				access, err := app.OperatorToken(t.Context(), c, test.issuer, time.Now())
				if err != nil {
					t.Fatalf("%s: %v", test.name, err)
				}
				late.Store(int64(test.late))
				if w := listAccounts(a, access); w.Code != test.want {
					t.Errorf("%s: %d %s, want %d", test.name, w.Code, w.Body, test.want)
				}
			}
		})
	}
}

// TestOperatorTokenMakesNothing: where there is no service there is nothing to
// be an operator of, and a command in the wrong directory leaves no trace.
func TestOperatorTokenMakesNothing(t *testing.T) {
	c := settings(t, "")
	path, _ := c.Database.SQLite()
	refuses(t, c, app.ErrNoKeys, path)
	if exists(path) || exists(c.MasterKeyFile) {
		t.Error("it made a database or a master key")
	}

	store, err := sqlstore.Open(t.Context(), c.Database.Reveal(), sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	refuses(t, c, app.ErrNoKeys, "")
	if exists(c.MasterKeyFile) {
		t.Error("it made a master key")
	}
	if made := works(t, c); made.SigningKey == "" {
		t.Error("it had made a signing key")
	}
}

func TestOperatorTokenNeedsTheMasterKey(t *testing.T) {
	c := settings(t, "")
	works(t, c)
	writeKey(t, c.MasterKeyFile, masterkey.New())
	refuses(t, c, masterkey.ErrWrong, c.MasterKeyFile)
	if err := os.Chmod(c.MasterKeyFile, 0o644); err != nil {
		t.Fatal(err)
	}
	refuses(t, c, masterkey.ErrExposed, c.MasterKeyFile)
	if err := os.Remove(c.MasterKeyFile); err != nil {
		t.Fatal(err)
	}
	refuses(t, c, masterkey.ErrMissing, c.MasterKeyFile)
}

func refuses(t *testing.T, c config.Config, want error, naming string) {
	t.Helper()
	access, err := app.OperatorToken(t.Context(), c, issuer, time.Now())
	if access != "" || !errors.Is(err, want) || !strings.Contains(err.Error(), naming) {
		t.Errorf("got a token: %t, error %v; want %v with %s", access != "", err, want, naming)
	}
}
