package access

import (
	"net/http"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/verify"
)

// Places are where an access token is found in a request: the header, or the cookie
// that a sign-in has set.
func Places() []verify.Place {
	return []verify.Place{verify.Header(), verify.Cookie(api.AccessCookie)}
}

// Browser is a request that may come from a browser, and the header of its
// response, which sets cookies.
type Browser struct {
	Request *http.Request
	Answer  http.Header
}

// SameOrigin refuses a request that a page of another origin made the browser send.
// SameSite cookies alone do not: they are sent from other hosts of the same domain.
func (b Browser) SameOrigin() error {
	if new(http.CrossOriginProtection).Check(b.Request) != nil {
		return issue.ErrCrossSite
	}
	return nil
}

// reads refuses a GET or HEAD request from a page of another origin, because other
// hosts of the domain send the cookies along. A request without an origin is
// allowed: a person typed the address.
func (b Browser) reads() error {
	if b.Request.Method != http.MethodGet && b.Request.Method != http.MethodHead {
		return nil // verify.Cookie checks these
	}
	asked := b.Request.WithContext(b.Request.Context())
	asked.Method = http.MethodPost // http.CrossOriginProtection allows every GET
	return Browser{asked, b.Answer}.SameOrigin()
}

// CSRF returns the double-submit value of the request, or "".
func (b Browser) CSRF() string {
	values := b.Request.Header.Values(api.CSRFHeader)
	if len(values) != 1 {
		return ""
	}
	return values[0]
}

func (b Browser) Has(cookie string) bool { return len(b.Request.CookiesNamed(cookie)) > 0 }

// RefreshToken returns the refresh token of the cookie. Two cookies are an error,
// because nothing says which of them is right.
func (b Browser) RefreshToken() (session.Token, error) {
	found := b.Request.CookiesNamed(api.RefreshCookie)
	if len(found) > 1 {
		return "", SeveralRefreshTokens()
	}
	if len(found) == 0 {
		return "", session.ErrTokenInvalid
	}
	return session.Token(found[0].Value), nil
}

// SeveralRefreshTokens reports a request with more than one refresh token.
func SeveralRefreshTokens() error {
	return refreshTokenRepeated.Refuse()
}

// Keep sets a cookie for the lifetime of its token. Browsers accept it over TLS;
// Chrome and Firefox also from http://localhost.
func (b Browser) Keep(name, value string, life time.Duration) {
	b.set(http.Cookie{Name: name, Value: value, MaxAge: int(endpoint.Seconds(life))})
}

// clearSite makes the browser remove what pages of this origin stored. It does not
// name "cookies": that would sign people out of all hosts of the domain.
const clearSite = `"cache", "storage"`

// Forget removes both cookies and what pages of this origin have stored.
func (b Browser) Forget() {
	b.Answer.Set("Clear-Site-Data", clearSite)
	b.Drop(api.AccessCookie)
	b.Drop(api.RefreshCookie)
}

func (b Browser) Drop(name string) { b.set(http.Cookie{Name: name, MaxAge: -1}) }

func (b Browser) set(c http.Cookie) {
	c.Path, c.Secure, c.HttpOnly, c.SameSite = "/", true, true, http.SameSiteStrictMode
	b.Answer.Add("Set-Cookie", c.String())
}
