package app_test

import (
	"path/filepath"
	"testing"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/config"
)

// TestTokensOfUnknownKeysAreBounded: strangers choose the kid of a token, and each
// unknown one costs one reading of the keys. After twenty the answer is 503: the
// key may be a new one, and after 401 clients sign people out.
func TestTokensOfUnknownKeysAreBounded(t *testing.T) {
	for name, call := range map[string]func(*client.Client) error{
		"an account route": func(c *client.Client) error { _, err := c.Me(t.Context()); return err },
		"a power":          func(c *client.Client) error { _, err := c.Verifiers(t.Context()); return err },
	} {
		a := apptest.Start(t)
		_, tokens := a.SignUp("ana@example.com")
		refused := 0
		for i := range 60 {
			err := call(a.WithToken(unknownKey(tokens.AccessToken, i)))
			if client.Code(err) == "verification_unavailable" {
				break
			}
			if client.Code(err) != "token_invalid" {
				t.Fatalf("%s: %v", name, err)
			}
			refused++
		}
		if refused < 20 || refused > 40 {
			t.Errorf("%s: %d tokens were refused before the first 503, want about 20", name, refused)
		}
	}
}

// TestKeysThatOthersMadeAMomentAgo: a token of a key that another process has just
// made is good here at once, and can be revoked here. It used to be refused for up
// to ten seconds, and a revocation answered 200 and did nothing.
func TestKeysThatOthersMadeAMomentAgo(t *testing.T) {
	folder := t.TempDir()
	database := "sqlite:" + filepath.Join(folder, "portaria.db")
	one := apptest.OnPostgres(t, database, filepath.Join(folder, "master.key"))
	here, address := apptest.Start(t, one), freeAddress(t)
	there := apptest.Start(t, one, func(c *config.Config) { c.Issuer, c.Listen = here.URL, address })
	admin, err := here.Admin().CreateClient(t.Context(), api.NewClient{ClientDescription: api.ClientDescription{
		ID: "control", Kind: "service", Scopes: []string{api.RevocationWriteScope}}})
	if err != nil {
		t.Fatal(err)
	}
	_, before := here.SignUp("ana@example.com")

	// signIn is at the other process, after the key of a token was killed.
	signIn := func(killed string) string {
		t.Helper()
		kill(t, database, kidOf(t, killed))
		there.MaintainKeys()
		tokens, err := client.New("http://"+address, nil).Login(t.Context(), api.Credentials{Identifier: "ana@example.com", Password: apptest.Password})
		if err != nil || kidOf(t, tokens.AccessToken) == kidOf(t, killed) {
			t.Fatalf("no new key: %v", err)
		}
		return tokens.AccessToken
	}
	first := signIn(before.AccessToken)
	if _, err := here.WithToken(first).Me(t.Context()); err != nil {
		t.Errorf("a token of a new key: %v", err)
	}
	// The reading showed also that the other key was killed.
	if _, err := here.As(before).Me(t.Context()); client.Code(err) != "token_invalid" {
		t.Errorf("a token of a killed key: %v", err)
	}

	second := signIn(first)
	if err := here.AsClient("control", admin.ClientSecret).RevokeToken(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	if _, err := here.WithToken(second).Me(t.Context()); client.Code(err) != "token_revoked" {
		t.Errorf("a revoked token of a new key: %v", err)
	}
}
