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

// leaver lets in who may end his session: whoever is signed in, and a browser
// that has only the refresh cookie left. What proves nothing any more is
// dropped, so that signing out leaves no cookies behind in any case.
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

// bodyHolder lets in by a refresh token in the body, whether or not there is a
// good access token beside it. Both must be of one session: another one would go
// on although its holder believes that it has ended.
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

// byHeader tells a caller who sent a token himself, good or not, from a browser
// with nothing but its cookies.
func (p people) byHeader(r *http.Request) bool {
	_, place, err := p.Gate.Verifier.Person(r)
	return place == verify.Header() && !errors.Is(err, verify.ErrNoToken)
}

// unproved tells a caller whose token is missing or no longer good from one who
// is refused for another reason.
func (p people) unproved(err error) bool {
	return p.Gate.Audit.Problems.Of(err).Status == http.StatusUnauthorized
}

// cookieHolder lets in a page of this site by its refresh cookie.
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

// spender is the caller of a refresh and the token to spend: that of the body,
// or that of the cookie.
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

// wishOf says what tokens the caller wants. A token that came in a cookie is not
// answered in a body: a script that got into a page could carry it away.
func wishOf(c access.Caller, audience, delivery string) (issue.Wish, error) {
	w := issue.Wish{Audience: audience, Cookie: c.InCookie || delivery == api.DeliverCookie}
	if c.InCookie && delivery == api.DeliverBody {
		return w, problem.Field("delivery", "a token that came in a cookie is answered in a cookie")
	}
	if w.Cookie {
		// Another site must not sign its visitors in as somebody else.
		return w, c.Browser.SameOrigin()
	}
	return w, nil
}

// deliver answers tokens, or sets them as cookies and leaves them out.
func deliver(c access.Caller, t issue.Tokens, w issue.Wish) api.Tokens {
	out := tokens(t)
	if !w.Cookie {
		return out
	}
	c.Browser.Keep(api.AccessCookie, out.AccessToken, t.ExpiresIn)
	if out.RefreshToken != "" {
		c.Browser.Keep(api.RefreshCookie, out.RefreshToken, t.RefreshExpiresIn)
	} else if !stepsUp(c, t) {
		// The session has none: what is there is another session's, or spent.
		c.Browser.Drop(api.RefreshCookie)
	}
	out.AccessToken, out.RefreshToken = "", ""
	return out
}

// stepsUp tells a step-up, which leaves the session its refresh token.
func stepsUp(c access.Caller, t issue.Tokens) bool { return t.Fresh && c.Session.ID != "" }

// left drops the cookies of a caller whose own session has ended.
func left(c access.Caller) {
	if c.InCookie {
		c.Browser.Forget()
	}
}
