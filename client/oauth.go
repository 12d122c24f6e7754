package client

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/portaria/portaria/api"
)

// AsClient answers a client that signs people in, refreshes, and asks for tokens as a
// registered client. It proves itself with HTTP Basic (client_secret_basic); a
// public one has an empty secret.
func (c *Client) AsClient(clientID, secret string) *Client {
	other := *c
	other.clientID, other.clientSecret = clientID, secret
	return &other
}

// Token asks the token endpoint (RFC 6749). An error that it answered is an
// *api.OAuthError; decide by its Code. The audience of ForAudience is the
// resource unless the request names one.
func (c *Client) Token(ctx context.Context, in api.TokenRequest) (out api.Granted, err error) {
	if in.Resource == "" && in.Audience == "" {
		in.Resource = c.audience
	}
	if c.clientSecret == "" && in.ClientID == "" && in.ClientAssertion == "" {
		in.ClientID = c.clientID
	}
	return out, c.provingItself().do(ctx, "POST", "/oauth2/token", fields(in), &out)
}

// provingItself is the client for one of the calls that are made as a
// registered client and not with an access token.
func (c *Client) provingItself() *Client {
	other := *c
	other.token, other.basic = "", c.clientSecret != ""
	return &other
}

// named is the client_id to be sent in a body.
func (c *Client) named() string {
	if c.clientSecret != "" {
		return "" // the header says it
	}
	return c.clientID
}

// authorize sets the Authorization header.
func (c *Client) authorize(r *http.Request) {
	switch {
	case c.token != "":
		r.Header.Set("Authorization", "Bearer "+c.token)
	case c.basic:
		// RFC 6749 §2.3.1 wants both form-encoded first.
		r.SetBasicAuth(url.QueryEscape(c.clientID), url.QueryEscape(c.clientSecret))
	}
}

// form is a body that is not sent as JSON.
type form struct{ url.Values }

func fields(in api.TokenRequest) form {
	f := form{url.Values{}}
	for name, value := range map[string]string{
		"grant_type": in.GrantType, "scope": in.Scope, "resource": in.Resource, "audience": in.Audience, "refresh_token": in.RefreshToken,
		"client_id": in.ClientID, "client_secret": in.ClientSecret,
		"client_assertion_type": in.ClientAssertionType, "client_assertion": in.ClientAssertion,
	} {
		if value != "" {
			f.Set(name, value)
		}
	}
	return f
}

func (f form) body() *strings.Reader { return strings.NewReader(f.Encode()) }
