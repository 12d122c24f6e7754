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

// Places are where an access token may stand: the header, or the cookie that a
// sign-in has set.
func Places() []verify.Place {
	return []verify.Place{verify.Header(), verify.Cookie(api.AccessCookie)}
}

// Browser is a request as far as it may come from a browser, and the header of
// its answer, in which cookies go back.
type Browser struct {
	Request *http.Request
	Answer  http.Header
}

// SameOrigin refuses what a page of another origin makes the browser send: that
// of another site, and that of another host of this domain, which SameSite does
// not keep out.
func (b Browser) SameOrigin() error {
	if new(http.CrossOriginProtection).Check(b.Request) != nil {
		return issue.ErrCrossSite
	}
	return nil
}

// reads refuses a request that only reads but comes from a page of another
// origin: other hosts of the domain send the cookies along. An address that a
// person typed has no origin, and is let in.
func (b Browser) reads() error {
	if b.Request.Method != http.MethodGet && b.Request.Method != http.MethodHead {
		return nil // verify.Cookie asks for more
	}
	asked := b.Request.WithContext(b.Request.Context())
	asked.Method = http.MethodPost // http.CrossOriginProtection lets all reads in
	return Browser{asked, b.Answer}.SameOrigin()
}

// CSRF is the double-submit value that the request repeats.
func (b Browser) CSRF() string {
	values := b.Request.Header.Values(api.CSRFHeader)
	if len(values) != 1 {
		return ""
	}
	return values[0]
}

func (b Browser) Has(cookie string) bool { return len(b.Request.CookiesNamed(cookie)) > 0 }

// RefreshToken is the refresh token of the cookie. Two of them are an error, as two access
// tokens are: which of both is the right one would be a guess.
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

// Keep sets a cookie for as long as its token lives. Browsers take it over TLS
// and, Chrome and Firefox, from http://localhost.
func (b Browser) Keep(name, value string, life time.Duration) {
	b.set(http.Cookie{Name: name, Value: value, MaxAge: int(endpoint.Seconds(life))})
}

// clearSite has the browser remove what pages of this origin stored. "cookies"
// is not among it: that would sign people out of all hosts of the domain.
const clearSite = `"cache", "storage"`

// Forget drops both cookies, and what pages of this origin have stored.
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
