package sqlstore_test

import (
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/store/sqlstore"
	"github.com/portaria/portaria/internal/testdb"
)

func TestOpenRefuses(t *testing.T) {
	text := filepath.Join(t.TempDir(), "letter.txt")
	if err := os.WriteFile(text, []byte(strings.Repeat("Dear Ana, ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		url  string
		want error
	}{
		"nothing":            {"", sqlstore.ErrURL},
		"another database":   {"mysql://root:hunter2@localhost/portaria", sqlstore.ErrURL},
		"a bare path":        {"portaria.db", sqlstore.ErrURL},
		"no path":            {"sqlite:", sqlstore.ErrURL},
		"memory":             {"sqlite::memory:", sqlstore.ErrURL},
		"a letter":           {"sqlite:" + text, sqlstore.ErrNotDatabase},
		"a folder":           {"sqlite:" + t.TempDir(), nil},
		"a missing folder":   {"sqlite:" + filepath.Join(t.TempDir(), "missing", "portaria.db"), fs.ErrNotExist},
		"nobody there":       {"postgres://ana:hunter2@127.0.0.1:1/portaria", nil},
		"a broken URL":       {"postgres://ana:hunter2@127.0.0.1:port/portaria", nil},
		"a missing database": {testdb.Postgres(t) + "x", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			store, err := sqlstore.Open(t.Context(), test.url, sqlstore.Options{})
			if err == nil {
				store.Close()
				t.Fatal("opened")
			}
			if test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error tells the password: %v", err)
			}
		})
	}
}

func TestOpenNewerSchema(t *testing.T) {
	const known = "(SELECT MAX(version_id) FROM goose_db_version)"
	for name, fresh := range engines {
		for _, c := range []struct {
			what, change string
			refused      bool
		}{
			{"expanded", "UPDATE schema_readable SET since = " + known, false},
			{"contracted", "UPDATE schema_readable SET since = 1 + " + known, true},
			{"unstated", "DELETE FROM schema_readable", true},
			{"without the table", "DROP TABLE schema_readable", true},
		} {
			t.Run(name+"/"+c.what, func(t *testing.T) {
				url := fresh(t)
				open(t, url)
				raw(t, url, c.change)
				raw(t, url, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, TRUE)")
				store, err := sqlstore.Open(t.Context(), url, sqlstore.Options{})
				if err == nil {
					err = store.Close()
				}
				if refused := errors.Is(err, sqlstore.ErrSchemaNewer); refused != c.refused || !refused && err != nil {
					t.Errorf("got %v, want refused %v", err, c.refused)
				}
				if c.refused && !strings.Contains(err.Error(), "start a newer version of portaria") {
					t.Errorf("%v does not say what to do", err)
				}
			})
		}
	}
}

func TestReopenFindsEverything(t *testing.T) {
	for name, fresh := range engines {
		t.Run(name, func(t *testing.T) {
			url, a := fresh(t), someone()
			store, err := sqlstore.Open(t.Context(), url, sqlstore.Options{})
			if err = errors.Join(err, store.CreateAccount(t.Context(), a), store.Close()); err != nil {
				t.Fatal(err)
			}
			got, err := open(t, url).Account(t.Context(), a.ID)
			if diff := cmp.Diff(a, got); err != nil || diff != "" {
				t.Error(err, diff)
			}
		})
	}
}

// TestManyOpenAtOnce opens a new database from many sides: one migrates, all
// can use it.
func TestManyOpenAtOnce(t *testing.T) {
	for name, fresh := range engines {
		t.Run(name, func(t *testing.T) {
			url := fresh(t)
			var group sync.WaitGroup
			for range 8 {
				group.Go(func() {
					store, err := sqlstore.Open(t.Context(), url, sqlstore.Options{})
					if err != nil {
						t.Error(err)
						return
					}
					if err := errors.Join(store.Ping(t.Context()), store.CreateAccount(t.Context(), someone()), store.Close()); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
			if accounts, err := open(t, url).Accounts(t.Context(), account.Page{Limit: 10}); err != nil || len(accounts) != 8 {
				t.Errorf("%d accounts, %v", len(accounts), err)
			}
		})
	}
}

func TestClosed(t *testing.T) {
	for name, fresh := range engines {
		t.Run(name, func(t *testing.T) {
			store, err := sqlstore.Open(t.Context(), fresh(t), sqlstore.Options{})
			if err = errors.Join(err, store.Close()); err != nil {
				t.Fatal(err)
			}
			_, readErr := store.Session(t.Context(), "x")
			_, writeErr := store.EndSession(t.Context(), session.End{ID: "x"})
			_, allErr := store.DisableAccount(t.Context(), "x", moment)
			for _, err := range []error{store.Ping(t.Context()), readErr, writeErr, allErr} {
				if !errors.Is(err, sqlstore.ErrClosed) {
					t.Errorf("got %v, want ErrClosed", err)
				}
			}
		})
	}
}

func TestSQLiteFiles(t *testing.T) {
	for _, name := range []string{"portaria.db", "a b.db", "50%25?mode=ro#x.db", "ção.db", "a:b.db"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), name)
			store, err := sqlstore.Open(t.Context(), "sqlite:"+path, sqlstore.Options{})
			if err = errors.Join(err, store.CreateAccount(t.Context(), someone())); err != nil {
				t.Fatal(err)
			}
			for _, file := range []string{path, path + "-wal", path + "-shm"} {
				info, err := os.Stat(file)
				if err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("%s: %v, %v", file, info, err)
				}
			}
			if err := store.Close(); err != nil {
				t.Fatal(err)
			}
			left, err := os.ReadDir(filepath.Dir(path))
			if err != nil || len(left) != 1 {
				t.Errorf("after closing: %v, %v", left, err)
			}
		})
	}
}

func TestSQLiteRelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	open(t, "sqlite:portaria.db")
	if _, err := os.Stat("portaria.db"); err != nil {
		t.Error(err)
	}
}

func TestSQLiteSettings(t *testing.T) {
	store := open(t, engines["SQLite"](t))
	tests := map[string]string{
		"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "trusted_schema": "0", "busy_timeout": "10000",
	}
	for name, want := range tests {
		var got string
		if err := store.Setting(t.Context(), name).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, want %q (%v)", name, got, want, err)
		}
	}
}

// TestDamagedSalt: a salt that lost bytes must not become one with zeros.
func TestDamagedSalt(t *testing.T) {
	url, a := engines["SQLite"](t), someone()
	store, s := open(t, url), deviceOf(a)
	if err := errors.Join(store.CreateAccount(t.Context(), a), startSession(store, a, s)); err != nil {
		t.Fatal(err)
	}
	raw(t, url, "UPDATE sessions SET salt = x'0102'")
	if found, err := store.Session(t.Context(), s.ID); err == nil {
		t.Errorf("salt %x", found.Salt)
	}
}

// TestSQLiteBackup opens a copy made with VACUUM INTO, which is not in WAL mode.
func TestSQLiteBackup(t *testing.T) {
	url, a := engines["SQLite"](t), someone()
	if err := open(t, url).CreateAccount(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	backup := filepath.Join(t.TempDir(), "backup.db")
	raw(t, url, "VACUUM INTO '"+backup+"'")
	store := open(t, "sqlite:"+backup)
	if _, err := store.Account(t.Context(), a.ID); err != nil {
		t.Error(err)
	}
	var mode string
	if err := store.Setting(t.Context(), "journal_mode").Scan(&mode); err != nil || mode != "wal" {
		t.Errorf("journal_mode is %q (%v)", mode, err)
	}
}

// TestPostgresIsDurable opens a database whose owner traded durability for
// speed.
func TestPostgresIsDurable(t *testing.T) {
	tests := map[string]string{"off": "on", "remote_apply": "remote_apply", "on": "on"}
	for setting, want := range tests {
		t.Run(setting, func(t *testing.T) {
			url := testdb.Postgres(t) + "&options=-c%20synchronous_commit%3D" + setting
			var got string
			if err := open(t, url).Pool().QueryRow("SHOW synchronous_commit").Scan(&got); err != nil || got != want {
				t.Errorf("synchronous_commit is %q, want %q (%v)", got, want, err)
			}
		})
	}
}

// raw runs a statement beside the store.
func raw(t *testing.T, url, statement string) {
	t.Helper()
	driver, source := "pgx", url
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, source = "sqlite", path
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}
