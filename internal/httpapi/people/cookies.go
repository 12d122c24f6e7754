package people

import (
	"context"
	"errors"
	"net/http"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/problem"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/verify"
)

// leaver returns the caller whose session ends: the holder of an access token, of a
// refresh token in the body, or a browser that has only the refresh cookie. Cookies
// that are no longer valid are removed, so that none remain after signing out.
func (p people) leaver(ctx context.Context, c access.Caller, refreshToken string) (access.Caller, error) {
	in, err := p.Gate.SignedIn(ctx, c)
	if refreshToken != "" {
		return p.bodyHolder(ctx, c, in, session.Token(refreshToken))
	}
	if err == nil || !p.unproved(err) || p.byHeader(c.Browser.Request) {
		return in, err
	}
	if c.Browser.Has(api.RefreshCookie) {
		in, _, err = p.cookieHolder(ctx, c)
	}
	holds := c.Browser.Has(api.AccessCookie) || c.Browser.Has(api.RefreshCookie)
	if holds && err != nil && p.unproved(err) && c.Browser.SameOrigin() == nil {
		c.Browser.Forget()
	}
	return in, err
}

// bodyHolder admits the holder of a refresh token in the body. An access token beside
// it must belong to the same session: otherwise one of the two sessions would go
// on although the caller believes that it has ended.
func (p people) bodyHolder(ctx context.Context, c, in access.Caller, t session.Token) (access.Caller, error) {
	if c.Browser.Has(api.RefreshCookie) {
		return access.Caller{}, access.SeveralRefreshTokens()
	}
	found, err := p.Tokens.Refresh.Find(ctx, t, c.Use.At)
	if err != nil {
		return access.Caller{}, err
	}
	if in.Session.ID != "" && in.Session.ID != found.ID {
		return access.Caller{}, problem.Field("refresh_token", "is of another session than the access token")
	}
	c.Session, c.InCookie = found, in.InCookie
	return c, nil
}

// byHeader reports whether the request has a token in the header, valid or not. A
// browser with cookies has none.
func (p people) byHeader(r *http.Request) bool {
	_, place, err := p.Gate.Verifier.Person(r)
	return place == verify.Header() && !errors.Is(err, verify.ErrNoToken)
}

// unproved reports whether the token is missing or no longer valid, and the request
// was not refused for another reason.
func (p people) unproved(err error) bool {
	return p.Gate.Audit.Problems.Of(err).Status == http.StatusUnauthorized
}

// cookieHolder admits a page of this site by its refresh cookie.
func (p people) cookieHolder(ctx context.Context, c access.Caller) (access.Caller, session.Token, error) {
	if err := c.Browser.SameOrigin(); err != nil {
		return access.Caller{}, "", err
	}
	held, err := c.Browser.RefreshToken()
	if err != nil {
		return access.Caller{}, "", err
	}
	found, err := p.Issuing.CookieSession(ctx, held, c.Browser.CSRF(), c.Use.At)
	if err != nil {
		return access.Caller{}, "", err
	}
	c.Session, c.InCookie = found, true
	return c, held, nil
}

// spender returns the caller of a refresh, and the refresh token of the body or of
// the cookie.
func (p people) spender(ctx context.Context, c access.Caller, inBody string) (access.Caller, session.Token, error) {
	switch {
	case inBody != "" && c.Browser.Has(api.RefreshCookie):
		return access.Caller{}, "", access.SeveralRefreshTokens()
	case inBody != "":
		return c, session.Token(inBody), nil
	case !c.Browser.Has(api.RefreshCookie):
		return access.Caller{}, "", problem.Field("refresh_token", "required")
	}
	return p.cookieHolder(ctx, c)
}

// requestOf returns which tokens the caller asks for. A token that came in a cookie is
// not answered in a body, where a malicious script could read it.
func requestOf(c access.Caller, audience, delivery string) (issue.Request, error) {
	w := issue.Request{Audience: audience, Cookie: c.InCookie || delivery == api.DeliverCookie}
	if c.InCookie && delivery == api.DeliverBody {
		return w, problem.Field("delivery", "a token that came in a cookie is answered in a cookie")
	}
	if w.Cookie {
		// Another site must not sign its visitors in as somebody else.
		return w, c.Browser.SameOrigin()
	}
	return w, nil
}

// deliver returns the tokens for the body, or sets them as cookies and leaves them
// out of the body.
func deliver(c access.Caller, t issue.Tokens, w issue.Request) api.Tokens {
	out := tokens(t)
	if !w.Cookie {
		return out
	}
	c.Browser.Keep(api.AccessCookie, out.AccessToken, t.ExpiresIn)
	if out.RefreshToken != "" {
		c.Browser.Keep(api.RefreshCookie, out.RefreshToken, t.RefreshExpiresIn)
	} else if !stepsUp(c, t) {
		// The session has no refresh token: one in the browser is of another session.
		c.Browser.Drop(api.RefreshCookie)
	}
	out.AccessToken, out.RefreshToken = "", ""
	return out
}

// stepsUp reports a step-up, after which the refresh token of the session stays valid.
func stepsUp(c access.Caller, t issue.Tokens) bool { return t.Fresh && c.Session.ID != "" }

// left removes the cookies of a caller whose own session has ended.
func left(c access.Caller) {
	if c.InCookie {
		c.Browser.Forget()
	}
}
