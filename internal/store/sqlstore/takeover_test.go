package sqlstore_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/secret"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/testdb"
)

// written by the version whose newest migration is 00011, through its API: three
// accounts, of which one has another password than at first, three sessions, of
// which one was stepped up and one was signed out, and three clients.
func oldDatabase(t *testing.T, engine string) (url string) {
	t.Helper()
	file, driver, source := "testdata/schema11-sqlite.sql", "sqlite", filepath.Join(t.TempDir(), "portaria.db")
	url = "sqlite:" + source
	if engine == "PostgreSQL" {
		url = testdb.Postgres(t)
		file, driver, source = "testdata/schema11-postgres.sql", "pgx", url+"&default_query_exec_mode=simple_protocol"
	}
	text, err := os.ReadFile(file)
	must(t, err)
	db, err := sql.Open(driver, source)
	must(t, err)
	defer db.Close()
	_, err = db.Exec(string(text))
	must(t, err)
	return url
}

// TestOldDatabaseIsTakenOver opens a database that an older version wrote.
func TestOldDatabaseIsTakenOver(t *testing.T) {
	for engine := range engines {
		t.Run(engine, func(t *testing.T) {
			url := oldDatabase(t, engine)
			hashes := texts(t, url, "SELECT password_hash FROM accounts ORDER BY id")
			sessions := texts(t, url, "SELECT method || ' ' || CAST(auth_time AS TEXT) FROM sessions ORDER BY id")
			store := open(t, url)
			accounts, err := store.Accounts(t.Context(), account.Page{Limit: 10})
			must(t, err)
			kinds := map[string]account.IdentifierKind{}
			for _, a := range accounts {
				kinds[a.Canonical] = a.Kind()
				if a.CredentialsVersion != 0 || !a.VerifiedAt.IsZero() || a.Attributes != "" {
					t.Errorf("%+v", a)
				}
				list, err := store.Credentials(t.Context(), a.ID)
				want := account.Credential{ID: a.ID, AccountID: a.ID, Kind: account.Password, Data: secret.Text(a.PasswordHash),
					CreatedAt: a.CreatedAt, ChangedAt: a.PasswordChangedAt}
				if diff := cmp.Diff([]account.Credential{want}, list); err != nil || diff != "" {
					t.Error(err, diff)
				}
			}
			want := map[string]account.IdentifierKind{"ana@example.com": account.Email, "caio@example.com": account.Email, "bia": account.Username}
			if diff := cmp.Diff(want, kinds); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]string{"email", "username", "email"}, texts(t, url, "SELECT kind FROM identifiers ORDER BY canonical")); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(hashes, texts(t, url, "SELECT data FROM credentials ORDER BY id")); diff != "" {
				t.Error(diff)
			}
			var proofs []string
			for _, id := range texts(t, url, "SELECT id FROM sessions ORDER BY id") {
				found, err := store.Session(t.Context(), id)
				must(t, err)
				for _, p := range found.Proofs {
					proofs = append(proofs, p.Method+" "+fmt.Sprint(p.At.UnixMilli()))
				}
			}
			if diff := cmp.Diff(sessions, proofs); diff != "" {
				t.Error(diff)
			}
			clients, err := store.Clients(t.Context(), "", 10)
			if err != nil || len(clients) != 3 {
				t.Error(clients, err)
			}
		})
	}
}

// TestBothVersionsOnOneDatabase does what the older version's statements do on
// this version's schema, and the other way around.
func TestBothVersionsOnOneDatabase(t *testing.T) {
	for engine := range engines {
		t.Run(engine, func(t *testing.T) {
			url := oldDatabase(t, engine)
			store := open(t, url)
			read := func() account.Account {
				t.Helper()
				a, err := store.AccountByIdentifier(t.Context(), "caio@example.com")
				must(t, err)
				return a
			}
			before := read()
			raw(t, url, "UPDATE accounts SET password_hash = 'of the old version', password_changed_at = password_changed_at + 1 WHERE id = '"+before.ID+"'")
			d := deviceOf(before)
			if _, err := store.StartSession(t.Context(), issue.Start{Session: d, Account: before}); !errors.Is(err, account.ErrChanged) {
				t.Errorf("%v: signed in with the password of before", err)
			}
			after := read()
			if after.PasswordHash != "of the old version" {
				t.Errorf("hash is %q", after.PasswordHash)
			}
			_, err := store.StartSession(t.Context(), issue.Start{Session: d, Account: after, NewHash: "of the new version"})
			must(t, err)
			if got := texts(t, url, "SELECT password_hash FROM accounts WHERE id = '"+before.ID+"'"); !slices.Equal(got, []string{"of the new version"}) {
				t.Errorf("the old version reads %q", got)
			}
			// A step-up, and what the old version reads of it.
			raw(t, url, "UPDATE sessions SET auth_time = 1900000000000 WHERE id = '"+d.ID+"'")
			found, err := store.Session(t.Context(), d.ID)
			must(t, err)
			if got := fmt.Sprint(found.AuthTime().UnixMilli()); got != "1900000000000" || len(found.Proofs) != 1 {
				t.Errorf("%+v", found.Proofs)
			}
			if got := texts(t, url, "SELECT method FROM sessions WHERE id = '"+d.ID+"'"); !slices.Equal(got, []string{"pwd"}) {
				t.Errorf("the old version reads method %q", got)
			}
			// A sign-up, whose identifier has no kind and whose password is no
			// credential yet.
			raw(t, url, `INSERT INTO accounts (id, password_hash, created_at, password_changed_at) VALUES ('11111111-1111-4111-8111-111111111111', 'h', 1, 1)`)
			raw(t, url, `INSERT INTO identifiers (canonical, account_id, display) VALUES ('dora@example.com', '11111111-1111-4111-8111-111111111111', 'Dora')`)
			dora, err := store.AccountByIdentifier(t.Context(), "dora@example.com")
			if err != nil || dora.Kind() != account.Email || dora.Identifier != "Dora" {
				t.Error(dora, err)
			}
			_, err = store.ChangePassword(t.Context(), account.PasswordChange{Account: dora, NewHash: "hers", At: moment})
			must(t, err)
			list, err := store.Credentials(t.Context(), dora.ID)
			if err != nil || len(list) != 1 || list[0].Data != "hers" {
				t.Error(list, err)
			}
		})
	}
}

// TestAnAccountIsFoundByEachIdentifier: an account can have several, and shows its
// primary one.
func TestAnAccountIsFoundByEachIdentifier(t *testing.T) {
	for name, fresh := range engines {
		t.Run(name, func(t *testing.T) {
			url, a := fresh(t), someone()
			store := open(t, url)
			must(t, store.CreateAccount(t.Context(), a))
			raw(t, url, "INSERT INTO identifiers (canonical, account_id, display, kind, is_primary) VALUES ('other', '"+a.ID+"', 'Other', 'username', FALSE)")
			d := deviceOf(a)
			must(t, startSession(store, a, d))
			for _, canonical := range []string{a.Canonical, "other"} {
				if got, err := store.AccountByIdentifier(t.Context(), canonical); err != nil || got.Identifier != a.Identifier {
					t.Error(canonical, got, err)
				}
			}
			accounts, err := store.Accounts(t.Context(), account.Page{Limit: 10})
			if err != nil || len(accounts) != 1 {
				t.Error(len(accounts), err)
			}
			for _, account := range []string{"", a.ID} {
				list, err := store.Sessions(t.Context(), session.Page{AccountID: account, Limit: 10, Now: moment})
				if err != nil || len(list.Sessions) != 1 || list.Sessions[0].Identifier != a.Identifier {
					t.Error(list, err)
				}
			}
			if _, owner, err := store.SessionWithOwner(t.Context(), d.ID); err != nil || owner.Identifier != a.Identifier {
				t.Error(owner, err)
			}
		})
	}
}

// texts returns one column of what a query finds, beside the store.
func texts(t *testing.T, url, query string) (all []string) {
	t.Helper()
	driver, source := "pgx", url
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, source = "sqlite", path
	}
	db, err := sql.Open(driver, source)
	must(t, err)
	defer db.Close()
	rows, err := db.Query(query)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var text string
		must(t, rows.Scan(&text))
		all = append(all, text)
	}
	must(t, rows.Err())
	return all
}
