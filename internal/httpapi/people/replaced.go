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

// maxReplaced bounds how many cookies of one name are read. A browser sends one.
const maxReplaced = 4

// replaced returns the sessions whose cookies this request replaces. Without an end,
// they would stay in the list of the owner although no browser has their tokens.
func (p people) replaced(ctx context.Context, c access.Caller, w issue.Request) ([]string, error) {
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
			return nil, err // the database failed
		}
	}
	for _, cookie := range atMost(c.Browser.Request.CookiesNamed(api.AccessCookie)) {
		// A cookie with an invalid token must not prevent a sign-in.
		if claims, _, err := p.Tokens.Access.Read(ctx, cookie.Value, c.Use.At); err == nil && claims.SessionID != "" {
			found = append(found, claims.SessionID)
		}
	}
	return found, nil
}

func atMost(list []*http.Cookie) []*http.Cookie { return list[:min(len(list), maxReplaced)] }

// endReplaced ends the replaced sessions, except the one that the new tokens belong
// to. After an error the response has no tokens: the browser keeps its cookies and
// can try again.
func (p people) endReplaced(ctx context.Context, c access.Caller, sessions []string, kept string) error {
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
