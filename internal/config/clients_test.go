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
	all := "id, name, kind, public_key, public_key_file, audiences, scopes, grants, redirect_uris, third_party, access_ttl, refresh_ttl, session_ttl, no_refresh, " +
		"refresh_retry, rotation, profile, encryption_key, encryption_key_file, secret_file"
	form := "1: clients: must be a list; each item is a mapping that may have " + all
	short, empty := write(t, "short", "hunter2\n"), write(t, "empty", "\n")
	orders := "clients:\n- id: orders\n  kind: service\n  "
	tests := map[string]struct{ text, want string }{
		"a mapping":          {"clients:\n  orders: service\n", form},
		"names":              {"clients: [orders]", form},
		"both":               {"clients:\n- orders\n- id: x\n  kind: app\n", form},
		"no JSON":            {"clients: '{'", form},
		"nested":             {orders + "scopes:\n    a: b\n", "4: clients[orders].scopes: must be a list of names"},
		"JWK without quotes": {orders + `public_key: {"kty":"EC"}`, "4: clients[orders].public_key: takes one value, not a mapping; put quotes around JSON"},
		"deep":               {orders + "scopes: [[a]]", "4: clients[orders].scopes: must be a list of names"},
		"unknown":            {orders + "secret: hunter2", "4: clients[orders].secret is an unknown setting; did you mean clients[orders].secret_file?"},
		"odd name":           {orders + "'hunter2 ': x", "4: clients[orders].this name is an unknown setting; known names are " + all},
		"twice":              {orders + "kind: app", "4: clients[orders].kind is already set at FILE:3"},
		"value and file":     {orders + "public_key: x\n  public_key_file: " + short, "5: clients[orders].public_key_file and public_key (FILE:4) exclude each other"},
		"list for a value":   {orders + "name: [a, b]", "4: clients[orders].name: takes one value, not a list"},
		"lifetime":           {orders + "access_ttl: 5", "4: clients[orders].access_ttl: \"5\" is a number without a unit; write 5s, 5m, 5h or 5d"},
		"no yes":             {orders + "no_refresh: often", `4: clients[orders].no_refresh: "often" is neither true nor false`},
		"names with spaces":  {orders + "scopes: ['a b']", "4: clients[orders].scopes: number 1 must be 1 to 128 characters of visible ASCII without \" and \\"},
		"no refresh, idle":   {"clients:\n- id: kiosk\n  kind: app\n  no_refresh: yes\n  refresh_ttl: 1h", "5: clients[kiosk].refresh_ttl: means nothing beside no_refresh: the session ends with its one access token, access_ttl"},
		"a grant of apps":    {orders + "grants: [password]", "4: clients[orders].grants: number 1 is for clients of the kind app"},
		"a foreign URL":      {"clients:\n- id: shop\n  kind: app\n  redirect_uris: http://shop.example/", "4: clients[shop].redirect_uris: number 1 must be https, unless its host is 127.0.0.1 or [::1] (RFC 8252, section 7.3)"},
		"a public scope":     {"clients:\n- id: web\n  kind: app\n  scopes: revocation:read", "4: clients[web].scopes: need a client that can authenticate"},
		"missing file":       {orders + "secret_file: /missing/file", "4: clients[orders].secret_file: read the file: no such file or directory"},
		"empty file":         {orders + "secret_file: " + empty, "4: clients[orders].secret_file: the file is empty"},
		"short secret":       {orders + "secret_file: " + short, "4: clients[orders].secret_file: must have at least 32 characters, made by chance"},
		"private key":        {orders + "public_key: '" + string(private.RevealJWK()) + "'", "4: clients[orders].public_key: is a private key, which the client alone may know: make another one, and register its public half"},
		"no id":              {"clients:\n- kind: app", "2: clients[1].id: must be 1 to 64 of a-z, 0-9, '.', '_' and '-', the first a letter or digit, and no UUID"},
		"no kind":            {"clients:\n- id: a\n  name: x", "2: clients[a].kind: must be service or app"},
		"id twice":           {"clients:\n- id: a\n  kind: app\n- id: a\n  kind: app", "4: clients[a].id: another item above has the same"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			file := write(t, "p.yaml", test.text)
			_, err := config.Load(config.Sources{File: file})
			if diff := cmp.Diff([]string{file + ":" + strings.ReplaceAll(test.want, "FILE", file)}, problems(t, err)); diff != "" {
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
	want := []string{"PORTARIA_CLIENTS: clients[a].kind: must be service or app", "PORTARIA_CLIENTS: clients[b].kind: must be service or app"}
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
