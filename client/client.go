// Package client is the Go client of Portaria's HTTP API.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/portaria/portaria/api"
)

// maxResponse bounds a response, in bytes.
const maxResponse = 4 << 20

// timeout bounds a whole request unless the caller brings an http.Client.
const timeout = 30 * time.Second

// Client calls one Portaria. It is safe for concurrent use. An error that the
// service answered is an *api.Problem, or an *api.OAuthError; decide by its Code.
type Client struct {
	base     string
	http     *http.Client
	token    string
	audience string
	delivery string
	csrf     string

	clientID, clientSecret string
	// basic sends them in the Authorization header.
	basic   bool
	headers map[string]string // of this call
}

// New makes a client for the service at base, such as
// "https://auth.example.com". A nil http.Client means one with a timeout.
func New(base string, hc *http.Client) *Client {
	if hc == nil {
		hc = &http.Client{Timeout: timeout}
	}
	return &Client{base: strings.TrimSuffix(base, "/"), http: hc}
}

// WithToken answers a client that sends this access token.
func (c *Client) WithToken(access string) *Client {
	other := *c
	other.token = access
	return &other
}

// ForAudience answers a client whose sign-ins and refreshes ask for access
// tokens for this audience; empty stands for Portaria's own.
func (c *Client) ForAudience(audience string) *Client {
	other := *c
	other.audience = audience
	return &other
}

// WithCookies answers a client that has tokens set as cookies, and keeps them in
// the Jar that its http.Client must have. csrf is what the sign-in answered, and
// empty before it. Refresh then takes an empty refresh token. Note that
// net/http/cookiejar, unlike browsers, keeps Secure cookies from
// http://localhost to itself.
func (c *Client) WithCookies(csrf string) *Client {
	other := *c
	other.delivery, other.csrf = api.DeliverCookie, csrf
	return &other
}

// Code is the stable code of the problem or the OAuth error that an error is, or
// "" if it is neither.
func Code(err error) string {
	var p *api.Problem
	var e *api.OAuthError
	switch {
	case errors.As(err, &p):
		return p.Code
	case errors.As(err, &e):
		return e.Code
	}
	return ""
}

// SignUp creates an account.
func (c *Client) SignUp(ctx context.Context, in api.Credentials) (out api.Created, err error) {
	return out, c.do(ctx, "POST", "/v1/accounts", in, &out)
}

// Login signs in.
func (c *Client) Login(ctx context.Context, in api.Credentials) (out api.Tokens, err error) {
	body := api.SignIn{Credentials: in, Audience: c.audience, Delivery: c.delivery, ClientID: c.named()}
	return out, c.provingItself().do(ctx, "POST", "/v1/login", body, &out)
}

// Refresh spends a refresh token.
func (c *Client) Refresh(ctx context.Context, refreshToken string) (out api.Tokens, err error) {
	body := api.Refresh{RefreshToken: refreshToken, Audience: c.audience, Delivery: c.delivery, ClientID: c.named()}
	return out, c.provingItself().do(ctx, "POST", "/v1/refresh", body, &out)
}

// StepUp proves the password again.
func (c *Client) StepUp(ctx context.Context, password api.Password) (out api.Tokens, err error) {
	return out, c.do(ctx, "POST", "/v1/step-up", api.StepUp{Password: password, Audience: c.audience, Delivery: c.delivery}, &out)
}

// Logout ends the session of the access token.
func (c *Client) Logout(ctx context.Context) error {
	return c.do(ctx, "POST", "/v1/logout", nil, nil)
}

// LogoutWith ends the session of a refresh token. It needs no access token.
func (c *Client) LogoutWith(ctx context.Context, refreshToken string) error {
	return c.do(ctx, "POST", "/v1/logout", api.Logout{RefreshToken: refreshToken}, nil)
}

// Me answers the account and session of the access token.
func (c *Client) Me(ctx context.Context) (out api.Me, err error) {
	return out, c.do(ctx, "GET", "/v1/me", nil, &out)
}

// ChangePassword changes the password and ends all other sessions.
func (c *Client) ChangePassword(ctx context.Context, in api.PasswordChange) error {
	return c.do(ctx, "PUT", "/v1/password", in, nil)
}

// PasswordPolicy returns which new passwords are accepted.
func (c *Client) PasswordPolicy(ctx context.Context) (out api.PasswordPolicy, err error) {
	return out, c.do(ctx, http.MethodGet, "/v1/password-policy", nil, &out)
}

// Sessions lists where the account is logged in.
func (c *Client) Sessions(ctx context.Context, page api.Page) (out api.Sessions, err error) {
	return out, c.do(ctx, "GET", "/v1/sessions"+query(page), nil, &out)
}

// EndSession ends one of the account's sessions.
func (c *Client) EndSession(ctx context.Context, id string) error {
	return c.do(ctx, "DELETE", "/v1/sessions/"+url.PathEscape(id), nil, nil)
}

// EndSessions ends "others" or "all" of the account's sessions.
func (c *Client) EndSessions(ctx context.Context, which string) (out api.Ended, err error) {
	return out, c.do(ctx, "POST", "/v1/sessions/end", api.EndSessions{Which: which}, &out)
}

// Health answers without touching anything.
func (c *Client) Health(ctx context.Context) (out api.Health, err error) {
	return out, c.do(ctx, "GET", "/healthz", nil, &out)
}

// query spells a page; pairs are further parameters and their values.
func query(page api.Page, pairs ...string) string {
	v := url.Values{}
	if page.Limit != 0 {
		v.Set("limit", strconv.Itoa(page.Limit))
	}
	pairs = append(pairs, "cursor", page.Cursor)
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	if len(v) == 0 {
		return ""
	}
	return "?" + v.Encode()
}

// do sends a request and reads its response. A nil in sends no body, a nil
// out expects none.
func (c *Client) do(ctx context.Context, method, path string, in, out any) error {
	r, err := c.request(ctx, method, path, in)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return fmt.Errorf("call %s: %w", path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse))
	if err != nil {
		return fmt.Errorf("read response of %s: %w", path, err)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return asProblem(resp, body)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("read response of %s: %w", path, err)
	}
	return nil
}

// ErrID reports an id that no request can name: in an address it would stand for
// another resource.
var ErrID = errors.New("invalid id")

// checkPath refuses a path in which an id is more or less than one segment, once
// a server or a proxy has cleaned it.
func checkPath(path string) error {
	path, _, _ = strings.Cut(path, "?")
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		id, err := url.PathUnescape(segment)
		odd := func(r rune) bool { return r == '/' || r == '\\' || r < ' ' || r == 0x7f }
		if err != nil || id == "" || id == "." || id == ".." || strings.ContainsFunc(id, odd) {
			return fmt.Errorf("%w %q: an id is not empty, not a dot or two, and has no slash, backslash or control character", ErrID, id)
		}
	}
	return nil
}

func (c *Client) request(ctx context.Context, method, path string, in any) (*http.Request, error) {
	if err := checkPath(path); err != nil {
		return nil, err
	}
	var body io.Reader
	kind := "application/json"
	if f, isForm := in.(form); isForm {
		body, kind = f.body(), "application/x-www-form-urlencoded"
	} else if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("write request for %s: %w", path, err)
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, fmt.Errorf("write request for %s: %w", path, err)
	}
	if in != nil {
		r.Header.Set("Content-Type", kind)
	}
	for name, value := range c.headers {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	c.authorize(r)
	if c.csrf != "" {
		r.Header.Set(api.CSRFHeader, c.csrf)
	}
	return r, nil
}

// asProblem reads a problem; what is none, a proxy's page say, still names
// its status.
func asProblem(resp *http.Response, body []byte) error {
	p, e := &api.Problem{}, &api.OAuthError{}
	switch {
	case json.Unmarshal(body, p) == nil && p.Code != "":
		return p
	case json.Unmarshal(body, e) == nil && e.Code != "":
		return e
	}
	return fmt.Errorf("unexpected answer: %s", resp.Status)
}

// Metadata answers what the service says of itself (RFC 8414).
func (c *Client) Metadata(ctx context.Context) (out api.Metadata, err error) {
	return out, c.do(ctx, "GET", "/.well-known/oauth-authorization-server", nil, &out)
}
