// Package access decides who may call a route of the API, and identifies the caller.
package access

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/problem"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/internal/serve"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/verify"
)

// Gate admits callers. Every field is required.
type Gate struct {
	// Verifier verifies the access tokens of requests, at [Places].
	Verifier Verifier
	Sessions Sessions
	// Clients authenticates registered clients.
	Clients *clients.Prover
	// Revocation has the rules of the revocation log.
	Revocation *revoke.Hub
	Clock
	Audit *Audit
}

// Clock has the clocks that a request is checked with.
type Clock struct {
	Now func() time.Time
	// Steady is a clock that all processes on one database share; see
	// session.Use.
	Steady func() time.Time
}

// Verifier finds the access token of a request and verifies it, as
// verify.Verifier.VerifyRequest does.
type Verifier interface {
	// Power accepts only tokens for the issuer itself, which no service receives.
	// The routes with powers over Portaria accept nothing else.
	Power(r *http.Request) (verify.Claims, verify.Place, error)
	// Person accepts the tokens that people may use at the routes of their own
	// account.
	Person(r *http.Request) (verify.Claims, verify.Place, error)
}

// Sessions stores sessions. It reads a session and its owner in one query, because
// each request with a person's token needs both.
type Sessions interface {
	session.Store
	// SessionWithOwner returns a session, ended or not; session.ErrNotFound.
	SessionWithOwner(ctx context.Context, id string) (session.Session, account.Account, error)
}

// maxUserAgent bounds the stored user agent, in bytes.
const maxUserAgent = 256

// caller admits a request, or returns the reason of the refusal.
func (g *Gate) caller(r *http.Request, allowed Who) (Caller, error) {
	c := g.Anybody(r)
	var err error
	switch allowed {
	case Anyone, Leaving:
		return c, nil
	case AnyoneThrough:
		c.shown, err = application(r.Header)
		return c, err
	}
	if allowed.byClient() && basic(r.Header) {
		return g.scopedClient(r, c, allowed)
	}
	return g.tokenHolder(r.Context(), c, allowed)
}

// Anybody returns the caller of a request about which nothing else is known.
func (g *Gate) Anybody(r *http.Request) Caller {
	return Caller{Browser: Browser{Request: r}, Use: session.Use{
		At:        g.Now().UTC(),
		Steady:    g.Steady(),
		Address:   serve.ClientAddress(r.Context()),
		UserAgent: endpoint.Printable(r.UserAgent(), maxUserAgent),
	}}
}

func basic(h http.Header) bool {
	scheme, _, _ := strings.Cut(h.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "Basic")
}

// scopedClient admits a client by its secret, if the client is registered with the
// scope of the route.
func (g *Gate) scopedClient(r *http.Request, c Caller, allowed Who) (Caller, error) {
	shown, err := application(r.Header)
	if err != nil {
		return Caller{}, err
	}
	if c.Client, err = g.Clients.Prove(r.Context(), shown, c.Use.At); err != nil {
		return Caller{}, err
	}
	if !slices.Contains(c.Client.Scopes, allowed.scope()) && !slices.Contains(c.Client.Scopes, api.AdminScope) {
		return c, problem.InsufficientScope(allowed.scope())
	}
	return c, nil
}

// tokenHolder admits the holder of an access token.
func (g *Gate) tokenHolder(ctx context.Context, c Caller, allowed Who) (Caller, error) {
	claims, place, err := g.verified(c.Browser.Request, allowed)
	if err != nil {
		c.Claims = claims // zero unless they are genuine
		if claims != (verify.Claims{}) {
			// Every route refuses the token of an ended session for that reason.
			if _, ended := g.checkHolder(ctx, &c); ended != nil {
				return c, ended
			}
		}
		return c, err
	}
	c.Claims, c.InCookie = claims, place == verify.Cookie(api.AccessCookie)
	if c.InCookie {
		if err := c.Browser.reads(); err != nil {
			return Caller{}, err
		}
	}
	return g.admit(ctx, c, allowed)
}

// verified verifies the token of a request. A route with powers over Portaria answers
// 403 to a good token that is not for the issuer: after a 401, clients would sign
// the person out.
func (g *Gate) verified(r *http.Request, allowed Who) (verify.Claims, verify.Place, error) {
	if allowed.scope() == "" {
		return g.Verifier.Person(r)
	}
	claims, place, err := g.Verifier.Power(r)
	if errors.Is(err, verify.ErrInvalid) && !errors.Is(err, verify.ErrKey) {
		if known, where, other := g.Verifier.Person(r); other == nil {
			claims, place = known, where // for the log
			err = problem.InsufficientScope(allowed.scope())
		}
	}
	return claims, place, err
}

// checkRules applies the revocation rules to a token. seen is the head of the log
// when the session and the client were read: rules up to there apply even if this
// process has not read them yet.
func (g *Gate) checkRules(ctx context.Context, c verify.Claims, seen int64) error {
	if seen > g.Revocation.View().Head {
		if err := g.Revocation.Look(ctx); err != nil {
			return err
		}
	}
	mode, refused := g.Revocation.Check(revoke.Claims{
		ID: c.ID(), Session: c.SessionID(), Root: c.Root(), Account: c.Subject(), Client: c.ClientID(),
		Issuer: c.Issuer(), Revision: c.Revision(),
	})
	switch {
	case !refused:
		return nil
	case mode == rule.Soft:
		return revoke.ErrSuperseded
	}
	return revoke.ErrRevoked
}

// checkHolder checks the session and the client of a token, and that no rule revokes
// the token. It returns the client.
func (g *Gate) checkHolder(ctx context.Context, c *Caller) (clients.Client, error) {
	holder, err := g.holder(ctx, c)
	if err == nil {
		err = g.checkRules(ctx, c.Claims, max(c.Session.Revision, holder.Revision))
	}
	return holder, err
}

// admit checks what the token itself cannot say: that its session and its client
// are still valid. It also checks that the token has the scope of the route.
func (g *Gate) admit(ctx context.Context, c Caller, allowed Who) (Caller, error) {
	holder, err := g.checkHolder(ctx, &c)
	if err != nil {
		return Caller{}, err
	}
	scope := allowed.scope()
	switch {
	case scope != "" && g.hasScope(c, holder, scope):
		if c.Session.ID != "" && allowed.changes(c.Browser.Request.Method) {
			return c, c.Proved()
		}
		return c, nil
	case allowed == SignedIn && c.Session.ID != "":
		return c, nil
	case scope != "":
		return c, problem.InsufficientScope(scope)
	}
	return c, problem.SessionRequired()
}

// hasScope reports whether the token has the scope, and its client is still
// registered with it.
func (g *Gate) hasScope(c Caller, holder clients.Client, scope string) bool {
	for _, enough := range []string{scope, api.AdminScope} {
		kept := holder.ID == "" || slices.Contains(holder.Scopes, enough)
		if kept && c.Claims.HasScope(enough) {
			return true
		}
	}
	return false
}

// holder reads the session of the caller's token, if it has one, and the client,
// unless it is one of Portaria's own.
func (g *Gate) holder(ctx context.Context, c *Caller) (clients.Client, error) {
	client := c.Claims.ClientID()
	if id := c.Claims.SessionID(); id != "" {
		var err error
		if c.Session, c.Owner, err = g.Living(ctx, id, c.Use.At); err != nil {
			return clients.Client{}, err
		}
		client = c.Session.ClientID
	}
	return g.enabled(ctx, client)
}

// SignedIn admits the holder of an access token of a live session.
func (g *Gate) SignedIn(ctx context.Context, c Caller) (Caller, error) {
	return g.tokenHolder(ctx, c, SignedIn)
}

// Living returns a session and its owner. It reads the session on every request, so
// that an ended session is refused at once and not when its token expires.
func (g *Gate) Living(ctx context.Context, id string, now time.Time) (session.Session, account.Account, error) {
	found, owner, err := g.Sessions.SessionWithOwner(ctx, id)
	if errors.Is(err, session.ErrNotFound) {
		return session.Session{}, account.Account{}, session.ErrEnded
	}
	if err != nil {
		return session.Session{}, account.Account{}, err
	}
	return found, owner, found.Check(now)
}

// enabled returns the client of a token, or verify.ErrInvalid when it was disabled or
// deleted. Portaria's own clients are not registered: the zero Client.
func (g *Gate) enabled(ctx context.Context, clientID string) (clients.Client, error) {
	if clientID == issue.OperatorClientID || clientID == issue.ClientID {
		return clients.Client{}, nil
	}
	found, err := g.Clients.Usable(ctx, clientID)
	if errors.Is(err, clients.ErrNotAllowed) {
		return clients.Client{}, verify.ErrInvalid
	}
	return found, err
}

// Current reports that no rule revokes a token. It reads the log from the database.
func (g *Gate) Current(ctx context.Context, c revoke.Claims) (bool, error) {
	if err := g.Revocation.Look(ctx); err != nil {
		return false, err
	}
	_, refused := g.Revocation.Check(c)
	return !refused, nil
}
