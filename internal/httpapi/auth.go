package httpapi

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/problem"
	"github.com/portaria/portaria/internal/serve"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/token"
)

// who says who may call a route. The zero value is no one, so a route whose
// line in the table says nothing cannot be mounted.
type who int

const (
	noOne who = iota
	// anyone needs no token.
	anyone
	// signedIn needs an access token of a living session.
	signedIn
	// leaving is signedIn, or a browser that has only its refresh cookie left.
	leaving
	// admin needs an access token with the scope for administrators.
	admin
)

// Caller is who calls, and from where. Handlers get it as a parameter, so
// that none can forget to ask.
type Caller struct {
	// Claims of the access token; zero for routes anyone may call.
	Claims token.Claims
	// Session the token belongs to; zero for anyone and for the operator's
	// own tokens, which belong to none.
	Session session.Session
	// Use is the time of the request and the device it came from.
	Use session.Use

	browser browser
	// inCookie says that the caller's token came in a cookie.
	inCookie bool
}

// maxUserAgent bounds the stored user agent, in bytes.
const maxUserAgent = 256

// caller lets a request in, or says why not.
func (s *Server) caller(w http.ResponseWriter, r *http.Request, allowed who) (Caller, error) {
	c := Caller{browser: browser{r, w.Header()}, Use: session.Use{
		At:        s.now(),
		Address:   serve.ClientAddress(r.Context()),
		UserAgent: printable(r.UserAgent(), maxUserAgent),
	}}
	switch allowed {
	case anyone:
		return c, nil
	case leaving:
		return s.leaver(r.Context(), c)
	}
	return s.tokenHolder(r.Context(), c, allowed)
}

// tokenHolder lets in by the access token.
func (s *Server) tokenHolder(ctx context.Context, c Caller, allowed who) (Caller, error) {
	raw, inCookie, err := c.browser.accessToken()
	if err != nil {
		return Caller{}, err
	}
	c.inCookie = inCookie
	if c.Claims, err = s.verifier.Verify(raw, c.Use.At); err != nil {
		return Caller{}, err
	}
	if inCookie && c.browser.changes() {
		if err := c.browser.proves(c.Claims.CSRF); err != nil {
			return Caller{}, err
		}
	}
	return s.admit(ctx, c, allowed)
}

// admit checks what the token itself cannot know: whether its session still
// lives, and whether it reaches this route.
func (s *Server) admit(ctx context.Context, c Caller, allowed who) (Caller, error) {
	if c.Claims.SessionID != "" {
		var err error
		if c.Session, err = s.living(ctx, c.Claims.SessionID, c.Use.At); err != nil {
			return Caller{}, err
		}
	}
	isAdmin := slices.Contains(strings.Fields(c.Claims.Scope), api.AdminScope)
	switch {
	case allowed == admin && isAdmin:
		return c, nil
	case allowed == signedIn && c.Session.ID != "":
		return c, nil
	case allowed == admin:
		return Caller{}, problem.InsufficientScope(api.AdminScope)
	}
	return Caller{}, problem.SessionRequired()
}

// living reads the token's session on every request: here an ended session is
// refused at once, not when its token expires.
func (s *Server) living(ctx context.Context, id string, now time.Time) (session.Session, error) {
	found, err := s.sessions.Session(ctx, id)
	if errors.Is(err, session.ErrNotFound) {
		return session.Session{}, session.ErrEnded
	}
	if err != nil {
		return session.Session{}, err
	}
	return found, found.Check(now)
}

// bearerToken takes the access token out of the Authorization header
// (RFC 6750 §2.1). Two headers are an error: proxies and services disagree on
// which of them counts.
func bearerToken(h http.Header) (raw string, found bool, err error) {
	values := h.Values("Authorization")
	if len(values) > 1 {
		return "", false, problem.BadRequest("authorization_repeated", "Send one Authorization header.")
	}
	if len(values) == 0 {
		return "", false, nil
	}
	scheme, raw, _ := strings.Cut(values[0], " ")
	return strings.TrimLeft(raw, " "), strings.EqualFold(scheme, "Bearer"), nil
}

// printable makes a header safe to keep and to show: valid text without
// control characters, of bounded length.
func printable(s string, limit int) string {
	s = strings.ToValidUTF8(s[:min(len(s), limit)], "")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return -1
		}
		return r
	}, s)
}
