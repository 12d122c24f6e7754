package people

import (
	"context"
	"errors"
	"net/http"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/session"
)

// maxLeftBehind bounds how many cookies of one name are looked at. A browser
// sends one.
const maxLeftBehind = 4

// leftBehind returns the sessions whose cookies came with a request that is
// about to replace them. They would live on although no browser holds their
// tokens any more, and their owner believes to have signed in elsewhere.
func (p people) leftBehind(ctx context.Context, c access.Caller, w issue.Wish) ([]string, error) {
	if !w.Cookie {
		return nil, nil
	}
	var found []string
	for _, cookie := range atMost(c.Browser.Request.CookiesNamed(api.RefreshCookie)) {
		held, err := p.Tokens.Refresh.Find(ctx, session.Token(cookie.Value), c.Use.At)
		switch {
		case err == nil:
			found = append(found, held.ID)
		case !errors.Is(err, session.ErrTokenInvalid) && !errors.Is(err, session.ErrEnded) && !errors.Is(err, session.ErrExpired):
			return nil, err // the store failed: not the same as no session
		}
	}
	for _, cookie := range atMost(c.Browser.Request.CookiesNamed(api.AccessCookie)) {
		// A cookie of an unknown key does not keep anybody from signing in.
		if claims, _, err := p.Tokens.Access.Read(ctx, cookie.Value, c.Use.At); err == nil && claims.SessionID != "" {
			found = append(found, claims.SessionID)
		}
	}
	return found, nil
}

func atMost(list []*http.Cookie) []*http.Cookie { return list[:min(len(list), maxLeftBehind)] }

// endLeftBehind ends them, now that there are other tokens to deliver. After an
// error the answer has no tokens: the browser keeps its cookies and tries again.
func (p people) endLeftBehind(ctx context.Context, c access.Caller, sessions []string, kept string) error {
	for _, id := range sessions {
		if id == kept {
			continue
		}
		if _, err := p.Sessions.EndSession(ctx, session.End{ID: id, Reason: session.ReasonReplaced, At: c.Use.At}); err != nil {
			return err
		}
	}
	return nil
}
