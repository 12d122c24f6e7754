package sqlstore_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/store/sqlstore"
	"github.com/portaria/portaria/internal/store/storetest"
	"github.com/portaria/portaria/internal/testdb"
)

// engines are the databases that every promise holds on.
var engines = map[string]func(testing.TB) string{
	"SQLite":     func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "portaria.db") },
	"PostgreSQL": testdb.Postgres,
}

func TestPromises(t *testing.T) {
	for name, url := range engines {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) storetest.Stores {
				location := url(t)
				store := open(t, location)
				return storetest.Stores{
					Store: store, Keys: store.Keyring(), Webhooks: store.Webhooks(),
					Beside: func() storetest.Store { return open(t, location) },
				}
			})
		})
	}
}

// patience is the limit of one step in tests, which run beside other programs:
// they are about what happens, not about how long it takes.
const patience = time.Minute

// openStore leaves closing to the caller.
func openStore(t testing.TB, url string) *sqlstore.Store {
	t.Helper()
	store, err := sqlstore.Open(t.Context(), url, sqlstore.Options{StepTimeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func open(t testing.TB, url string) *sqlstore.Store {
	t.Helper()
	store := openStore(t, url)
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}
