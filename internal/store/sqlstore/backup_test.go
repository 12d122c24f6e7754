package sqlstore_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/store/sqlstore"
	"github.com/portaria/portaria/internal/testdb"
)

// TestBackupOfARunningService: the copy holds all that was acknowledged before
// it began, while others go on writing.
func TestBackupOfARunningService(t *testing.T) {
	folder := t.TempDir()
	url, copied := "sqlite:"+filepath.Join(folder, "portaria.db"), filepath.Join(folder, "backup.db")
	store := open(t, url)
	create := func() {
		if err := store.CreateAccount(t.Context(), someone()); err != nil {
			t.Error(err)
		}
	}
	const before = 30
	for range before {
		create()
	}
	var group sync.WaitGroup
	group.Go(func() {
		for range before {
			create()
		}
	})
	backed, err := sqlstore.Backup(t.Context(), url, copied)
	group.Wait()
	if err != nil || backed.Accounts < before || backed.MissingWAL {
		t.Fatalf("%+v, %v", backed, err)
	}
	if info, err := os.Stat(copied); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy has mode %v, %v", info.Mode(), err)
	}
	restored := open(t, "sqlite:"+copied)
	if restored.MissingWAL() {
		t.Error("a backup counts as a copy of a file in use")
	}
	people, err := restored.Accounts(t.Context(), account.Page{Limit: 1000})
	if err != nil || int64(len(people)) != backed.Accounts {
		t.Errorf("%d accounts in the copy, want %d; %v", len(people), backed.Accounts, err)
	}
}

func TestBackupRefuses(t *testing.T) {
	folder := t.TempDir()
	url, existing := "sqlite:"+filepath.Join(folder, "portaria.db"), filepath.Join(folder, "notes.txt")
	open(t, url)
	letter := filepath.Join(folder, "letter.txt")
	for _, name := range []string{existing, letter} {
		if err := os.WriteFile(name, []byte("Dear Ana, this is no database at all, whatever its name may say."), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(folder, "link")
	if err := os.Symlink(filepath.Join(folder, "nowhere"), link); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(folder, "missing.db")
	for name, test := range map[string]struct {
		url, file string
		want      error
	}{
		"to overwrite a file":      {url, existing, fs.ErrExist},
		"to overwrite itself":      {url, filepath.Join(folder, "portaria.db"), fs.ErrExist},
		"to follow a link":         {url, link, fs.ErrExist},
		"a missing folder":         {url, filepath.Join(folder, "no", "backup.db"), fs.ErrNotExist},
		"a missing database":       {"sqlite:" + missing, filepath.Join(folder, "1.db"), fs.ErrNotExist},
		"what is no database":      {"sqlite:" + letter, filepath.Join(folder, "2.db"), sqlstore.ErrNotDatabase},
		"another kind of database": {testdb.Postgres(t), filepath.Join(folder, "3.db"), sqlstore.ErrNotSQLite},
	} {
		if _, err := sqlstore.Backup(t.Context(), test.url, test.file); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	if _, err := os.Stat(missing); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a database was made that was to be copied")
	}
	left, err := filepath.Glob(filepath.Join(folder, ".portaria-backup-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestACopyOfAFileInUse knows that it is one, and nothing else does.
func TestACopyOfAFileInUse(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "portaria.db")
	reopened := func(path string, guest bool) bool {
		t.Helper()
		store, err := sqlstore.Open(t.Context(), "sqlite:"+path, sqlstore.Options{Guest: guest})
		if err != nil {
			t.Fatal(err)
		}
		missing := store.MissingWAL()
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
		return missing
	}
	cp := func(name string, suffixes ...string) string {
		t.Helper()
		to := filepath.Join(folder, name)
		for _, suffix := range suffixes {
			text, err := os.ReadFile(path + suffix)
			if err == nil {
				err = os.WriteFile(to+suffix, text, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		return to
	}
	if reopened(path, false) {
		t.Error("a new file")
	}
	if reopened(path, false) {
		t.Error("a file that was closed")
	}
	if reopened(cp("closed.db", ""), false) {
		t.Error("a copy of a closed file")
	}
	service := open(t, "sqlite:"+path)
	if err := service.CreateAccount(t.Context(), someone()); err != nil {
		t.Fatal(err)
	}
	if reopened(path, true) {
		t.Error("a command beside the service")
	}
	if reopened(cp("killed.db", "", "-wal"), false) {
		t.Error("after a crash, which leaves the -wal file")
	}
	cut := cp("cut.db", "")
	for range 2 {
		if !reopened(cut, true) {
			t.Error("a copy without its -wal file, to a command")
		}
	}
	if _, err := sqlstore.Backup(t.Context(), "sqlite:"+cut, filepath.Join(folder, "backup.db")); err == nil {
		if !reopened(cut, true) {
			t.Error("a backup took the mark away")
		}
	}
	if !reopened(cut, false) {
		t.Error("a copy without its -wal file")
	}
	if reopened(cut, false) {
		t.Error("it was told twice")
	}
}
