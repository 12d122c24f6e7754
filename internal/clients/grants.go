package clients

import (
	"fmt"
	"slices"
	"strings"

	"github.com/portaria/portaria/internal/clients/redirect"
)

// Grant is a way to get tokens (RFC 6749 §1.3).
type Grant string

// The grants. The names are those of package api, which a test compares.
const (
	// GrantPassword is the sign-in with a password that the app itself asks for
	// (POST /v1/login), and step-up. The token endpoint refuses it.
	GrantPassword Grant = "password"
	// GrantRefreshToken is a new access token for a refresh token.
	GrantRefreshToken Grant = "refresh_token"
	// GrantClientCredentials is a token in the client's own name.
	GrantClientCredentials Grant = "client_credentials"
)

// GrantType describes a grant that this server has.
type GrantType struct {
	Grant Grant
	// Kind is the kind of client that may use it.
	Kind Kind
	// FirstParty says that apps of other organizations may not use it.
	FirstParty bool
	// TokenEndpoint says that it is a grant_type of the token endpoint. The
	// metadata lists those.
	TokenEndpoint bool
}

// GrantTypes are all grants. What clients may use, what the settings and the API
// accept, and what the metadata publish comes from this list.
func GrantTypes() []GrantType {
	return []GrantType{
		{Grant: GrantClientCredentials, Kind: Service, TokenEndpoint: true},
		{Grant: GrantRefreshToken, Kind: App, TokenEndpoint: true},
		{Grant: GrantPassword, Kind: App, FirstParty: true},
	}
}

// permits reports whether a client can use the grant at all.
func (t GrantType) permits(c Client) bool {
	return t.Kind == c.Kind && !(t.FirstParty && c.ThirdParty) && !(t.Grant == GrantRefreshToken && c.Policy.NoRefresh)
}

// Authorization says which grants a client may use, and where browsers may return.
type Authorization struct {
	// Grants are the grants that the client may use: `client_credentials` for a service; `password` (the app itself asks
	// people for their password) and `refresh_token` for an app. The default is all that its kind can use.
	Grants []string `name:"grants"`
	// RedirectURIs are the URLs to which a browser may return after a sign-in at Portaria; for apps. They are compared byte by
	// byte. Use https URLs, http URLs on a loopback address (any port matches), or a private-use scheme such as
	// `com.example.app:/callback`.
	RedirectURIs []string `name:"redirect_uris"`
	// ThirdParty says that another organization runs the app. The app cannot use the grant `password`, because people
	// must not type their password there.
	ThirdParty bool `name:"third_party"`
}

// Allowed returns the grants that the client is registered with, or, without any, all
// that it can use.
func (c Client) Allowed() []Grant {
	if len(c.Grants) > 0 {
		all := make([]Grant, len(c.Grants))
		for i, name := range c.Grants {
			all[i] = Grant(name)
		}
		return all
	}
	var all []Grant
	for _, t := range GrantTypes() {
		if t.permits(c) {
			all = append(all, t.Grant)
		}
	}
	return all
}

// May reports whether the client may use a grant. It is false for a grant that the
// client cannot use, whatever it is registered with.
func (c Client) May(g Grant) bool {
	i := slices.IndexFunc(GrantTypes(), func(t GrantType) bool { return t.Grant == g })
	return i >= 0 && GrantTypes()[i].permits(c) && slices.Contains(c.Allowed(), g)
}

// checkGrants accepts grants that the client can use, each once.
func (c Client) checkGrants() string {
	for i, g := range c.Grants {
		t := slices.IndexFunc(GrantTypes(), func(t GrantType) bool { return string(t.Grant) == g })
		switch {
		case t < 0:
			return fmt.Sprintf("number %d must be one of %s", i+1, grantNames())
		case slices.Contains(c.Grants[:i], g):
			return fmt.Sprintf("number %d is there already", i+1)
		case GrantTypes()[t].Kind != c.Kind:
			return fmt.Sprintf("number %d is for clients of the kind %s", i+1, GrantTypes()[t].Kind)
		case GrantTypes()[t].FirstParty && c.ThirdParty:
			return fmt.Sprintf("number %d is not for third_party apps: people must not type their password there", i+1)
		case !GrantTypes()[t].permits(c):
			return fmt.Sprintf("number %d excludes no_refresh", i+1)
		}
	}
	return ""
}

func grantNames() string {
	var names []string
	for _, t := range GrantTypes() {
		names = append(names, string(t.Grant))
	}
	return strings.Join(names, ", ")
}

// MaxRedirectURIs is the greatest number of redirect URIs of a client.
const MaxRedirectURIs = 20

func (c Client) checkRedirectURIs() string {
	if len(c.RedirectURIs) > 0 && c.Kind != App {
		return "is for apps: people do not sign in with a service"
	}
	if len(c.RedirectURIs) > MaxRedirectURIs {
		return fmt.Sprintf("must be at most %d", MaxRedirectURIs)
	}
	for i, uri := range c.RedirectURIs {
		if fault := redirect.Check(uri); fault != "" {
			return fmt.Sprintf("number %d %s", i+1, fault)
		}
		if slices.Contains(c.RedirectURIs[:i], uri) {
			return fmt.Sprintf("number %d is there already", i+1)
		}
	}
	return ""
}

// Redirects reports whether a browser may return to a URI: see redirect.Matches.
func (c Client) Redirects(uri string) bool { return redirect.Matches(c.RedirectURIs, uri) }
