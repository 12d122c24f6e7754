package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/jose"
)

// chance is what a secret in a file looks like.
const chance = "8f2b64cda13f4f7c9f4f0cfb5a7d1e3f"

func TestClientsInTheFile(t *testing.T) {
	signing, err := jose.Generate(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	secretFile, keyFile := write(t, "secret", chance+"\n"), write(t, "key.jwk", string(signing.PublicJWK())+"\r\n")
	text := `
clients:
  - id: orders
    name: 'Order: management'
    kind: service
    secret_file: ` + secretFile + `
    audiences: [stock, 'https://billing.example']
    scopes:
      - stock:read
      - stock:write
    access_ttl: 5m
    profile: jwt
    encryption_key: '` + spaced(publicKey(t).PublicJWK()) + `'
  - {id: reports, kind: service, public_key_file: ` + keyFile + `, scopes: a b}
  - id: kiosk
    kind: app
    access_ttl: 8h
    no_refresh: yes
  - id: shop
    kind: app
    refresh_ttl: 2d
    session_ttl: 2w
`
	want := []clients.Described{
		{Client: clients.Client{ID: "orders", Name: "Order: management", Kind: clients.Service, Profile: "jwt",
			Audiences: []string{"stock", "https://billing.example"}, Scopes: []string{"stock:read", "stock:write"},
			Policy: clients.Policy{AccessTTL: 5 * time.Minute}, EncryptionKey: spaced(publicKey(t).PublicJWK())}, Secret: chance},
		{Client: clients.Client{ID: "reports", Kind: clients.Service, PublicKey: string(signing.PublicJWK()), Scopes: []string{"a", "b"}}},
		{Client: clients.Client{ID: "kiosk", Kind: clients.App,
			Policy: clients.Policy{AccessTTL: 8 * time.Hour, NoRefresh: true}}},
		{Client: clients.Client{ID: "shop", Kind: clients.App, Policy: clients.Policy{Idle: 48 * time.Hour, Absolute: 14 * 24 * time.Hour}}},
	}
	got, err := config.Load(config.Sources{File: write(t, "p.yaml", text)})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.Clients); diff != "" {
		t.Error(diff)
	}
}

// TestNoClientsWin: an empty list elsewhere takes the place of the file's.
func TestNoClientsWin(t *testing.T) {
	file := write(t, "p.yaml", "clients:\n- id: orders\n  kind: service\n")
	for _, text := range []string{"", " ", "[]"} {
		got, err := config.Load(config.Sources{File: file, Flags: map[string]string{"clients": text}})
		if err != nil || len(got.Clients) > 0 {
			t.Errorf("%q: %v, %v", text, got.Clients, err)
		}
	}
}

func TestClientsThatAreRefused(t *testing.T) {
	private, err := jose.Generate(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	form := "1: clients: must be a list of clients, each with id, kind and what else it has"
	short, empty := write(t, "short", "hunter2\n"), write(t, "empty", "\n")
	all := "; a client has access_ttl, audiences, encryption_key, encryption_key_file, id, kind, name, no_refresh, profile, " +
		"public_key, public_key_file, refresh_retry, refresh_ttl, rotation, scopes, secret_file, session_ttl"
	orders := "clients:\n- id: orders\n  kind: service\n  "
	tests := map[string]struct{ text, want string }{
		"a mapping":          {"clients:\n  orders: service\n", form},
		"names":              {"clients: [orders]", form},
		"both":               {"clients:\n- orders\n- id: x\n  kind: app\n", form},
		"no JSON":            {"clients: '{'", form},
		"nested":             {orders + "scopes:\n    a: b\n", "4: scopes must be a value or a list of values; put quotes around a JWK"},
		"JWK without quotes": {orders + `public_key: {"kty":"EC"}`, "4: public_key must be a value or a list of values; put quotes around a JWK"},
		"deep":               {orders + "scopes: [[a]]", "4: scopes is nested; settings are flat"},
		"unknown":            {orders + "secret: hunter2", "4: client orders: secret is unknown" + all},
		"odd name":           {orders + "'hunter2 ': x", "4: client orders: this name is unknown" + all},
		"twice":              {orders + "kind: app", "4: client orders: kind: is given twice"},
		"value and file":     {orders + "public_key: x\n  public_key_file: " + short, "5: client orders: public_key_file: is given twice, as a value and as a file"},
		"list for a value":   {orders + "name: [a, b]", "4: client orders: name: takes one value, not a list"},
		"lifetime":           {orders + "access_ttl: 5", "4: client orders: access_ttl: \"5\" is a number without a unit; write 5s, 5m, 5h or 5d"},
		"no yes":             {orders + "no_refresh: often", `4: client orders: no_refresh: "often" is neither true nor false`},
		"names with spaces":  {orders + "scopes: ['a b']", "4: client orders: scopes: number 1 must be 1 to 128 characters of visible ASCII without \" and \\"},
		"no refresh, idle":   {"clients:\n- id: kiosk\n  kind: app\n  no_refresh: yes\n  refresh_ttl: 1h", "5: client kiosk: refresh_ttl: means nothing beside no_refresh: the session ends with its one access token, access_ttl"},
		"a public scope":     {"clients:\n- id: web\n  kind: app\n  scopes: revocation:read", "4: client web: scopes: need a client that can prove itself"},
		"missing file":       {orders + "secret_file: /missing/file", "4: client orders: secret_file: read the file: no such file or directory"},
		"empty file":         {orders + "secret_file: " + empty, "4: client orders: secret_file: the file is empty"},
		"short secret":       {orders + "secret_file: " + short, "4: client orders: secret_file: must have at least 32 characters, made by chance"},
		"private key":        {orders + "public_key: '" + string(private.RevealJWK()) + "'", "4: client orders: public_key: is a private key, which the client alone may know: make another, and give its public half"},
		"no id":              {"clients:\n- kind: app", "2: client 1: id: must be 1 to 64 of a-z, 0-9, '.', '_' and '-', the first a letter or digit, and no UUID"},
		"no kind":            {"clients:\n- id: a\n  name: x", "2: client a: kind: must be service or app"},
		"id twice":           {"clients:\n- id: a\n  kind: app\n- id: a\n  kind: app", "4: client a: id: there is a client of this id above"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			file := write(t, "p.yaml", test.text)
			_, err := config.Load(config.Sources{File: file})
			if diff := cmp.Diff([]string{file + ":" + test.want}, problems(t, err)); diff != "" {
				t.Error(diff)
			}
			if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), `"d"`)) {
				t.Errorf("shows what it must not: %v", err)
			}
		})
	}
}

// TestClientsElsewhere: the environment and the command line give JSON, and
// are named as the place of what is wrong.
func TestClientsElsewhere(t *testing.T) {
	env := "PORTARIA_CLIENTS=[{\"id\": \"a\",\n \"kind\": \"robot\", \"access_ttl\": \"5m\"}, {\"id\": \"b\"}]"
	_, err := config.Load(config.Sources{Environ: []string{env}})
	want := []string{"PORTARIA_CLIENTS: client a: kind: must be service or app", "PORTARIA_CLIENTS: client b: kind: must be service or app"}
	if diff := cmp.Diff(want, problems(t, err)); diff != "" {
		t.Error(diff)
	}
	for _, text := range []string{"orders", "[orders]", "{id: orders}", "[{id: orders, kind: app}]\nissuer: https://evil.example", "[{"} {
		got, err := config.Load(config.Sources{Flags: map[string]string{"clients": text}})
		if err == nil || got.Issuer != "" || len(got.Clients) > 0 {
			t.Errorf("%q: %v, %v", text, got.Clients, err)
		}
	}
}
