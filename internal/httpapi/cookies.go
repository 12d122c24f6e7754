package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/problem"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/verify"
)

// Places are where an access token may stand: the header, or the cookie that a
// sign-in has set.
func Places() []verify.Place {
	return []verify.Place{verify.Header(), verify.Cookie(api.AccessCookie)}
}

// browser is a request as far as it may come from a browser, and the header of
// its answer, in which cookies go back.
type browser struct {
	request *http.Request
	answer  http.Header
}

// sameOrigin refuses what a page of another origin makes the browser send: that
// of another site, and that of another host of this domain, which SameSite does
// not keep out.
func (b browser) sameOrigin() error {
	if new(http.CrossOriginProtection).Check(b.request) != nil {
		return issue.ErrCrossSite
	}
	return nil
}

// reads refuses a request that only reads but comes from a page of another
// origin: other hosts of the domain send the cookies along. An address that a
// person typed has no origin, and is let in.
func (b browser) reads() error {
	if b.request.Method != http.MethodGet && b.request.Method != http.MethodHead {
		return nil // verify.Cookie asks for more
	}
	asked := b.request.WithContext(b.request.Context())
	asked.Method = http.MethodPost // http.CrossOriginProtection lets all reads in
	return browser{asked, b.answer}.sameOrigin()
}

// csrf is the double-submit value that the request repeats.
func (b browser) csrf() string {
	values := b.request.Header.Values(api.CSRFHeader)
	if len(values) != 1 {
		return ""
	}
	return values[0]
}

func (b browser) has(cookie string) bool { return len(b.request.CookiesNamed(cookie)) > 0 }

// held is the refresh token of the cookie. Two of them are an error, as two access
// tokens are: which of both is the right one would be a guess.
func (b browser) held() (session.Token, error) {
	found := b.request.CookiesNamed(api.RefreshCookie)
	if len(found) > 1 {
		return "", severalRefreshTokens()
	}
	if len(found) == 0 {
		return "", session.ErrTokenInvalid
	}
	return session.Token(found[0].Value), nil
}

func severalRefreshTokens() error {
	return refreshTokenRepeated.Refuse()
}

// keep sets a cookie for as long as its token lives. Browsers take it over TLS
// and, Chrome and Firefox, from http://localhost.
func (b browser) keep(name, value string, life time.Duration) {
	b.set(http.Cookie{Name: name, Value: value, MaxAge: int(seconds(life))})
}

// clearSite has the browser remove what pages of this origin stored. "cookies"
// is not among it: that would sign people out of all hosts of the domain.
const clearSite = `"cache", "storage"`

// forget drops both cookies, and what pages of this origin have stored.
func (b browser) forget() {
	b.answer.Set("Clear-Site-Data", clearSite)
	b.drop(api.AccessCookie)
	b.drop(api.RefreshCookie)
}

func (b browser) drop(name string) { b.set(http.Cookie{Name: name, MaxAge: -1}) }

func (b browser) set(c http.Cookie) {
	c.Path, c.Secure, c.HttpOnly, c.SameSite = "/", true, true, http.SameSiteStrictMode
	b.answer.Add("Set-Cookie", c.String())
}

// leaver lets in who may end his session: whoever is signed in, and a browser
// that has only the refresh cookie left. What proves nothing any more is
// dropped, so that signing out leaves no cookies behind in any case.
func (s *Server) leaver(ctx context.Context, c Caller, refreshToken string) (Caller, error) {
	in, err := s.tokenHolder(ctx, c, signedIn)
	if refreshToken != "" {
		return s.bodyHolder(ctx, c, in, session.Token(refreshToken))
	}
	if err == nil || !unproved(err) || s.byHeader(c.browser.request) {
		return in, err
	}
	if c.browser.has(api.RefreshCookie) {
		in, _, err = s.cookieHolder(ctx, c)
	}
	holds := c.browser.has(api.AccessCookie) || c.browser.has(api.RefreshCookie)
	if holds && err != nil && unproved(err) && c.browser.sameOrigin() == nil {
		c.browser.forget()
	}
	return in, err
}

// bodyHolder lets in by a refresh token in the body, whether or not there is a
// good access token beside it. Both must be of one session: another one would go
// on although its holder believes that it has ended.
func (s *Server) bodyHolder(ctx context.Context, c, in Caller, t session.Token) (Caller, error) {
	if c.browser.has(api.RefreshCookie) {
		return Caller{}, severalRefreshTokens()
	}
	found, err := s.Chain.Find(ctx, t, c.Use.At)
	if err != nil {
		return Caller{}, err
	}
	if in.Session.ID != "" && in.Session.ID != found.ID {
		return Caller{}, problem.Field("refresh_token", "is of another session than the access token")
	}
	c.Session, c.inCookie = found, in.inCookie
	return c, nil
}

// byHeader tells a caller who sent a token himself, good or not, from a browser
// with nothing but its cookies.
func (s *Server) byHeader(r *http.Request) bool {
	_, place, err := s.verifier.Person(r)
	return place == verify.Header() && !errors.Is(err, verify.ErrNoToken)
}

// unproved tells a caller whose token is missing or no longer good from one who
// is refused for another reason.
func unproved(err error) bool { return problems.Of(err).Status == http.StatusUnauthorized }

// cookieHolder lets in a page of this site by its refresh cookie.
func (s *Server) cookieHolder(ctx context.Context, c Caller) (Caller, session.Token, error) {
	if err := c.browser.sameOrigin(); err != nil {
		return Caller{}, "", err
	}
	held, err := c.browser.held()
	if err != nil {
		return Caller{}, "", err
	}
	found, err := s.issuer.CookieSession(ctx, held, c.browser.csrf(), c.Use.At)
	if err != nil {
		return Caller{}, "", err
	}
	c.Session, c.inCookie = found, true
	return c, held, nil
}

// spender is the caller of a refresh and the token to spend: that of the body,
// or that of the cookie.
func (s *Server) spender(ctx context.Context, c Caller, inBody string) (Caller, session.Token, error) {
	switch {
	case inBody != "" && c.browser.has(api.RefreshCookie):
		return Caller{}, "", severalRefreshTokens()
	case inBody != "":
		return c, session.Token(inBody), nil
	case !c.browser.has(api.RefreshCookie):
		return Caller{}, "", problem.Field("refresh_token", "required")
	}
	return s.cookieHolder(ctx, c)
}

// wish says what tokens the caller wants. A token that came in a cookie is not
// answered in a body: a script that got into a page could carry it away.
func (c Caller) wish(audience, delivery string) (issue.Wish, error) {
	w := issue.Wish{Audience: audience, Cookie: c.inCookie || delivery == api.DeliverCookie}
	if c.inCookie && delivery == api.DeliverBody {
		return w, problem.Field("delivery", "a token that came in a cookie is answered in a cookie")
	}
	if w.Cookie {
		// Another site must not sign its visitors in as somebody else.
		return w, c.browser.sameOrigin()
	}
	return w, nil
}

// deliver answers tokens, or sets them as cookies and leaves them out.
func (c Caller) deliver(t issue.Tokens, w issue.Wish) api.Tokens {
	out := tokens(t)
	if !w.Cookie {
		return out
	}
	c.browser.keep(api.AccessCookie, out.AccessToken, t.ExpiresIn)
	if out.RefreshToken != "" {
		c.browser.keep(api.RefreshCookie, out.RefreshToken, t.RefreshExpiresIn)
	} else if !c.stepsUp(t) {
		// The session has none: what is there is another session's, or spent.
		c.browser.drop(api.RefreshCookie)
	}
	out.AccessToken, out.RefreshToken = "", ""
	return out
}

// stepsUp tells a step-up, which leaves the session its refresh token.
func (c Caller) stepsUp(t issue.Tokens) bool { return t.Fresh && c.Session.ID != "" }

// left drops the cookies of a caller whose own session has ended.
func (c Caller) left() {
	if c.inCookie {
		c.browser.forget()
	}
}
