package clients_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/clients"
)

func TestGrants(t *testing.T) {
	app, service := clients.Client{ID: "shop", Name: "shop", Kind: clients.App}, clients.Client{ID: "billing", Name: "billing", Kind: clients.Service}
	with := func(c clients.Client, change func(*clients.Client)) clients.Client {
		change(&c)
		return c
	}
	grants := func(names ...string) func(*clients.Client) { return func(c *clients.Client) { c.Grants = names } }
	for name, test := range map[string]struct {
		client clients.Client
		may    string
		fault  string
	}{
		"a service":                 {service, "client_credentials", ""},
		"an app":                    {app, "refresh_token password", ""},
		"an app without refresh":    {with(app, func(c *clients.Client) { c.Policy.NoRefresh = true }), "password", ""},
		"another organization's":    {with(app, func(c *clients.Client) { c.ThirdParty = true }), "refresh_token", ""},
		"one grant":                 {with(app, grants("refresh_token")), "refresh_token", ""},
		"both":                      {with(app, grants("password", "refresh_token")), "refresh_token password", ""},
		"unknown":                   {with(app, grants("implicit")), "", "grants: number 1 must be one of client_credentials, refresh_token, password"},
		"twice":                     {with(app, grants("password", "password")), "password", "grants: number 2 is there already"},
		"an app's, for a service":   {with(service, grants("password")), "", "grants: number 1 is for clients of the kind app"},
		"a service's, for an app":   {with(app, grants("client_credentials")), "", "grants: number 1 is for clients of the kind service"},
		"a service that is foreign": {with(service, func(c *clients.Client) { c.ThirdParty = true }), "client_credentials", "third_party: is for apps"},
		"a password elsewhere": {with(app, func(c *clients.Client) { c.ThirdParty, c.Grants = true, []string{"password", "refresh_token"} }),
			"refresh_token", "grants: number 1 is not for third_party apps"},
		"refresh without refresh": {with(app, func(c *clients.Client) { c.Policy.NoRefresh, c.Grants = true, []string{"refresh_token"} }), "",
			"grants: number 1 excludes no_refresh"},
		"no client": {clients.Client{}, "", "kind"},
	} {
		var may []string
		for _, g := range clients.GrantTypes() {
			if test.client.May(g.Grant) {
				may = append(may, string(g.Grant))
			}
		}
		if got := strings.Join(may, " "); got != test.may {
			t.Errorf("%s: may use %q, want %q", name, got, test.may)
		}
		err := test.client.Validate()
		if (err == nil) != (test.fault == "") || err != nil && (!errors.Is(err, clients.ErrInvalid) || !strings.Contains(err.Error(), test.fault)) {
			t.Errorf("%s: %v, want %q", name, err, test.fault)
		}
	}
	if (clients.Client{Kind: clients.App}).May("implicit") {
		t.Error("a grant that this server does not have")
	}
	for have, want := range map[clients.Grant]string{clients.GrantClientCredentials: api.GrantClientCredentials, clients.GrantRefreshToken: api.GrantRefreshToken} {
		if string(have) != want {
			t.Errorf("grant %s, in package api %s", have, want)
		}
	}
}

func TestRedirectURIsOfAClient(t *testing.T) {
	c := clients.Client{ID: "shop", Name: "shop", Kind: clients.App}
	for i := range clients.MaxRedirectURIs {
		c.RedirectURIs = append(c.RedirectURIs, "https://shop.example.com/"+strings.Repeat("a", i))
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	c.RedirectURIs = append(c.RedirectURIs, "https://shop.example.com/more")
	if c.Validate() == nil {
		t.Error("one redirect URI too many")
	}
	c.RedirectURIs = []string{"https://a.example/", "https://a.example/"}
	if c.Validate() == nil {
		t.Error("a redirect URI twice")
	}
	c.Kind, c.RedirectURIs = clients.Service, []string{"https://a.example/"}
	if c.Validate() == nil {
		t.Error("a redirect URI of a service")
	}
	c = clients.Client{ID: "shop", Name: "shop", Kind: clients.App}
	c.RedirectURIs = []string{"https://shop.example.com/", "http://shop.example.com/"}
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "redirect_uris: number 2 must be https") {
		t.Error(err)
	}
	if !c.Redirects("https://shop.example.com/") || c.Redirects("https://shop.example.com/other") {
		t.Error("redirects elsewhere")
	}
}
