package app_test

import (
	"crypto/sha1"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/config"
)

const breached, good = "vinte e dois patos", "vinte e tres patos"

func chooses(t *testing.T, a *apptest.App, password, want string) {
	t.Helper()
	_, err := a.Client.SignUp(t.Context(), api.Credentials{Identifier: fmt.Sprintf("user-%x", sha1.Sum([]byte(password))), Password: api.Password(password)})
	if client.Code(err) != want {
		t.Errorf("sign-up with %q: %q, want %q", password, client.Code(err), want)
	}
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPasswordPolicy(t *testing.T) {
	a := apptest.Start(t, func(c *config.Config) { c.Passwords.Words = []string{"Padaria Central"} })
	chooses(t, a, "flamengo2024", "password_common")
	chooses(t, a, "Padaria-Central-1", "password_refused_word")
	chooses(t, a, breached, "")
	policy, err := a.Client.PasswordPolicy(t.Context())
	if err != nil || policy.MinLength != 8 || policy.MaxLength != 256 || slices.Contains(policy.Refused, "password_breached") || !slices.Contains(policy.Refused, "password_common") {
		t.Errorf("%+v, %v", policy, err)
	}
	// Administrators are held to it, too, and a change of password.
	id, tokens := a.SignUp("ana@example.com")
	if _, err := a.Admin().CreateAccount(t.Context(), api.Credentials{Identifier: "bia", Password: "senha12345"}); client.Code(err) != "password_common" {
		t.Error(err)
	}
	if _, err := a.Admin().SetPassword(t.Context(), id, "senha12345"); client.Code(err) != "password_common" {
		t.Error(err)
	}
	if err := a.As(tokens).ChangePassword(t.Context(), api.PasswordChange{CurrentPassword: apptest.Password, NewPassword: "senha12345"}); client.Code(err) != "password_common" {
		t.Error(err)
	}
}

func TestBreachedPasswordsInAFile(t *testing.T) {
	sums := []string{fmt.Sprintf("%X:3", sha1.Sum([]byte(breached))), fmt.Sprintf("%X:1", sha1.Sum([]byte("another")))}
	slices.Sort(sums)
	a := apptest.Start(t, func(c *config.Config) { c.Passwords.BreachFile = write(t, "breached.txt", strings.Join(sums, "\n")) })
	chooses(t, a, breached, "password_breached")
	chooses(t, a, good, "")
	if policy, err := a.Client.PasswordPolicy(t.Context()); err != nil || !slices.Contains(policy.Refused, "password_breached") {
		t.Errorf("%+v, %v", policy, err)
	}
	c := settings(t, "")
	c.Passwords.BreachFile = write(t, "words.txt", "password\n")
	if _, err := open(t, c); err == nil || !strings.Contains(err.Error(), "password_breach_file: ") {
		t.Errorf("a file of words: %v", err)
	}
}

func TestBreachedPasswordsOnline(t *testing.T) {
	hash := fmt.Sprintf("%X", sha1.Sum([]byte(breached)))
	away := false
	var asked []string
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		if away {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		fmt.Fprintf(w, "%s:3\r\n%s:1", hash[5:], strings.Repeat("0", 35))
	}))
	t.Cleanup(server.Close)
	ca := write(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	start := func(mode string) *apptest.App {
		return apptest.Start(t, func(c *config.Config) {
			c.CAFile, c.Passwords.Breaches, c.Passwords.BreachURL = ca, mode, server.URL+"/range/"
		})
	}
	a, closed := start("open"), start("closed")
	chooses(t, a, breached, "password_breached")
	chooses(t, a, good, "")
	if want := "/range/" + hash[:5]; len(asked) != 2 || asked[0] != want {
		t.Errorf("asked %v, want %s", asked, want)
	}
	away = true
	chooses(t, a, "vinte e quatro patos", "")
	chooses(t, closed, "vinte e quatro patos", "password_not_checked")
	if log := a.Log.String(); !strings.Contains(log, "password not compared with breaches") || strings.Contains(log, "quatro") {
		t.Errorf("the log: %s", log)
	}
}
