package app_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/app/apptest"
)

// foreignAccounts returns an account for each scheme and password of the fixtures,
// and its password.
func foreignAccounts(t *testing.T) (list []api.ImportedAccount, passwords []string) {
	t.Helper()
	file, err := os.Open("../password/legacy/testdata/fixtures.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	seen := map[string]bool{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		f := strings.Split(lines.Text(), "\t")
		if len(f) != 6 || seen[f[1]] {
			continue
		}
		seen[f[1]] = true
		list = append(list, api.ImportedAccount{Identifier: "from-" + f[1], PasswordHash: f[3], Salt: f[4], Scheme: f[5]})
		passwords = append(passwords, f[2])
	}
	return list, passwords
}

func imported(t *testing.T, a *apptest.App, in api.AccountImport) []api.ImportResult {
	t.Helper()
	report, err := a.Admin().ImportAccounts(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Results) != len(in.Accounts) {
		t.Fatalf("%d results for %d accounts", len(report.Results), len(in.Accounts))
	}
	return report.Results
}

func login(t *testing.T, a *apptest.App, identifier, password string) string {
	t.Helper()
	_, err := a.Client.Login(t.Context(), api.Credentials{Identifier: identifier, Password: api.Password(password)})
	return client.Code(err)
}

func TestImportedAccountsSignIn(t *testing.T) {
	list, passwords := foreignAccounts(t)
	for _, wrap := range []string{"", "none", "all"} {
		a := apptest.Start(t)
		for i, result := range imported(t, a, api.AccountImport{Accounts: list, Wrap: wrap}) {
			name := list[i].Identifier
			if result.State != "imported" || result.Canonical != name || result.Irregular {
				t.Errorf("%s: %+v", name, result)
			}
			if code := login(t, a, name, "x"+passwords[i]); code != "invalid_credentials" {
				t.Errorf("%s, wrong password: %q", name, code)
			}
			// The first login replaces the hash, and the second one is with the new hash.
			for range 2 {
				if code := login(t, a, name, passwords[i]); code != "" {
					t.Errorf("%s, wrap %q: %q", name, wrap, code)
				}
			}
		}
	}
}

func TestImportReportsEachAccount(t *testing.T) {
	a := apptest.Start(t)
	const uuid = "0f3b1a52-3c1e-4a0e-9d7f-0c1e2d3f4a5b"
	a.SignUp("taken@example.com")
	list := []struct {
		given api.ImportedAccount
		want  string // code, or state
	}{
		{api.ImportedAccount{ID: uuid, Identifier: "Ana@Example.com", PasswordHash: "5f4dcc3b5aa765d61d8327deb882cf99"}, "imported"},
		{api.ImportedAccount{Identifier: "no.password@example.com"}, "imported"},
		{api.ImportedAccount{Identifier: "Maria  da Silva", PasswordHash: "5f4dcc3b5aa765d61d8327deb882cf99"}, "imported"},
		{api.ImportedAccount{Identifier: "off@example.com", PasswordHash: "5f4dcc3b5aa765d61d8327deb882cf99", Disabled: true}, "imported"},
		{api.ImportedAccount{Identifier: "TAKEN@example.com"}, "identifier_taken"},
		{api.ImportedAccount{Identifier: "ANA@example.COM"}, "identifier_taken"},
		{api.ImportedAccount{Identifier: "maria da silva"}, "identifier_taken"},
		{api.ImportedAccount{ID: uuid, Identifier: "other"}, "account_id_taken"},
		{api.ImportedAccount{ID: "42", Identifier: "b"}, "account_id_invalid"},
		{api.ImportedAccount{Identifier: "\u200b"}, "identifier_invalid"},
		{api.ImportedAccount{Identifier: "a\u0000b"}, "identifier_invalid"},
		{api.ImportedAccount{Identifier: uuid}, "identifier_invalid"},
		{api.ImportedAccount{Identifier: "c", PasswordHash: "rot13"}, "hash_unknown"},
		{api.ImportedAccount{Identifier: "c", PasswordHash: "$2b$10$x"}, "hash_malformed"},
		{api.ImportedAccount{Identifier: "c", PasswordHash: "$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"}, "hash_too_costly"},
		{api.ImportedAccount{Identifier: "c", PasswordHash: "5f4dcc3b5aa765d61d8327deb882cf99", Salt: "xyz"}, "salt_invalid"},
		{api.ImportedAccount{Identifier: "c", Attributes: json.RawMessage(`[1]`)}, "attributes_invalid"},
	}
	in := api.AccountImport{}
	for _, l := range list {
		in.Accounts = append(in.Accounts, l.given)
	}
	check := func(results []api.ImportResult) {
		t.Helper()
		for i, got := range results {
			what := got.State
			if what == "refused" {
				what = got.Code
			}
			if what != list[i].want || (got.Code == "") != (got.Detail == "") || strings.Contains(got.Detail, "5f4dcc") {
				t.Errorf("%q: %+v, want %s", list[i].given.Identifier, got, list[i].want)
			}
			if got.Irregular != strings.EqualFold(strings.Join(strings.Fields(list[i].given.Identifier), " "), "maria da silva") {
				t.Errorf("%q: irregular is %v", list[i].given.Identifier, got.Irregular)
			}
		}
	}
	in.DryRun = true
	check(imported(t, a, in))
	if code := login(t, a, "ana@example.com", "password"); code != "invalid_credentials" {
		t.Errorf("after a dry run: %q", code)
	}
	in.DryRun = false
	check(imported(t, a, in))
	for name, want := range map[string]string{
		"ana@example.com": "", "MARIA DA  SILVA": "", "maria da silva": "", "off@example.com": "invalid_credentials", "no.password@example.com": "invalid_credentials",
	} {
		if code := login(t, a, name, "password"); code != want {
			t.Errorf("%s: %q, want %q", name, code, want)
		}
	}
	// The same request once more: what has an id is present, and nothing is changed.
	if again := imported(t, a, api.AccountImport{Accounts: in.Accounts[:1]}); again[0].State != "present" {
		t.Errorf("%+v", again)
	}
	page, err := a.Admin().Accounts(t.Context(), api.AccountPage{Identifier: "Maria da Silva"})
	if err != nil || len(page.Accounts) != 1 || page.Accounts[0].Identifier != "Maria  da Silva" {
		t.Errorf("%+v, %v", page, err)
	}
}

func TestImportKeepsTimes(t *testing.T) {
	a := apptest.Start(t)
	then, later := time.Date(2011, 3, 5, 7, 9, 11, 0, time.UTC), time.Now().AddDate(50, 0, 0)
	for _, r := range imported(t, a, api.AccountImport{Accounts: []api.ImportedAccount{{Identifier: "old", CreatedAt: &then}, {Identifier: "future", CreatedAt: &later}}}) {
		if r.State != "imported" {
			t.Errorf("%+v", r)
		}
	}
	page, err := a.Admin().Accounts(t.Context(), api.AccountPage{})
	if err != nil || len(page.Accounts) != 2 || !page.Accounts[0].CreatedAt.Before(later) || !page.Accounts[1].CreatedAt.Equal(then) {
		t.Errorf("%+v, %v", page, err)
	}
}

func TestImportIsBounded(t *testing.T) {
	a := apptest.Start(t)
	var in api.AccountImport
	for i := range api.MaxImport + 1 {
		in.Accounts = append(in.Accounts, api.ImportedAccount{Identifier: fmt.Sprint("a", i)})
	}
	if _, err := a.Admin().ImportAccounts(t.Context(), in); client.Code(err) != "input_invalid" {
		t.Error(err)
	}
	_, tokens := a.SignUp("ana@example.com")
	if _, err := a.As(tokens).ImportAccounts(t.Context(), api.AccountImport{}); client.Code(err) == "" {
		t.Error("a person imports accounts")
	}
}

// A password that would be refused today keeps working, and its owner is told at each
// sign-in until they choose another one.
func TestPasswordAdvice(t *testing.T) {
	a := apptest.Start(t)
	const md5OfPassword = "5f4dcc3b5aa765d61d8327deb882cf99"
	imported(t, a, api.AccountImport{Accounts: []api.ImportedAccount{{Identifier: "bia", PasswordHash: md5OfPassword}}})
	me := func(password string) (*client.Client, string) {
		t.Helper()
		tokens, err := a.Client.Login(t.Context(), api.Credentials{Identifier: "bia", Password: api.Password(password)})
		if err != nil {
			t.Fatal(err)
		}
		person := a.As(tokens)
		got, err := person.Me(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return person, got.PasswordAdvice
	}
	for range 2 {
		if _, got := me("password"); got != "password_common" {
			t.Errorf("advice is %q", got)
		}
	}
	person, _ := me("password")
	if err := person.ChangePassword(t.Context(), api.PasswordChange{CurrentPassword: "password", NewPassword: apptest.Password}); err != nil {
		t.Fatal(err)
	}
	if got, err := person.Me(t.Context()); err != nil || got.PasswordAdvice != "" {
		t.Errorf("after the change: %q, %v", got.PasswordAdvice, err)
	}
	if _, got := me(apptest.Password); got != "" {
		t.Errorf("advice about a good password is %q", got)
	}
}
