package httpapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/problem"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/internal/serve"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/verify"
)

// who says who may call a route. The zero value is no one, so a route whose
// line in the table says nothing cannot be mounted.
type who int

const (
	noOne who = iota
	// anyone needs no token.
	anyone
	// anyoneThrough needs no token either, but may name a registered
	// application, which then proves who it is with HTTP Basic unless it is
	// public: see Server.through.
	anyoneThrough
	// aClient needs the proof of a registered client, in the header or in the
	// form that is the body of such requests, and is answered errors as RFC
	// 6749 §5.2 has them. A public client has nothing but its name: what is
	// not for everybody must refuse it.
	aClient
	// signedIn needs an access token of a living session.
	signedIn
	// leaving is signedIn, or somebody who has only a refresh token left, in the
	// body or in a cookie. The handler has the body, and asks Server.leaver.
	leaving
	// admin needs an access token with the scope for administrators.
	admin
	// eventsRead needs a client with that scope; the scope for administrators
	// will do.
	eventsRead
	// revocationRead and revocationWrite need a client with that scope; the
	// scope for administrators will do.
	revocationRead
	revocationWrite
)

// scope is what a token or client must have to be let in; empty where that is
// not what counts.
func (w who) scope() string {
	switch w {
	case admin:
		return api.AdminScope
	case eventsRead:
		return api.EventsReadScope
	case revocationRead:
		return api.RevocationReadScope
	case revocationWrite:
		return api.RevocationWriteScope
	}
	return ""
}

// Caller is who calls, and from where. Handlers get it as a parameter, so
// that none can forget to ask.
type Caller struct {
	// Claims of the access token; zero for routes anyone may call.
	Claims verify.Claims
	// Session the token belongs to; zero for anyone and for the operator's
	// own tokens, which belong to none.
	Session session.Session
	// owner is the account that Session is of.
	owner account.Account
	// Client and Form are set for aClient alone: who calls, and what it sent.
	Client clients.Client
	Form   oauthForm
	// proof is that of Client: handlers spend it before they do what it asks for.
	proof *clients.Proof
	// shown is what an application of anyoneThrough shows of itself.
	shown clients.Shown
	// Use is the time of the request and the device it came from.
	Use session.Use

	browser browser
	// inCookie says that the caller's token came in a cookie.
	inCookie bool
}

// origin is where what the request does comes from, for the audit trail. Whom
// a subject names is told apart by its form: an account's id, a client's, or
// event.Operator.
func (c Caller) origin() event.Origin {
	return event.Origin{Actor: cmp.Or(c.Session.AccountID, c.Claims.Subject(), c.Client.ID), Address: c.Use.Address, UserAgent: c.Use.UserAgent,
		RequestID: serve.RequestID(c.browser.request.Context())}
}

// account and session are those that the caller's token names.
func (c Caller) account() string {
	if c.Session.AccountID == "" && c.Claims.SessionID() != "" {
		return c.Claims.Subject()
	}
	return c.Session.AccountID
}

func (c Caller) session() string { return cmp.Or(c.Session.ID, c.Claims.SessionID()) }

// client is the client that calls: the one that proved itself, or that the
// token was issued to.
func (c Caller) client() string { return cmp.Or(c.Client.ID, c.Claims.ClientID()) }

// maxUserAgent bounds the stored user agent, in bytes.
const maxUserAgent = 256

// caller lets a request in, or says why not.
func (s *Server) caller(r *http.Request, allowed who) (Caller, error) {
	c := s.anybody(r)
	var err error
	switch allowed {
	case anyone, leaving:
		return c, nil
	case anyoneThrough:
		c.shown, err = application(r.Header)
		return c, err
	case aClient:
		if c.Form, err = readForm(r); err != nil {
			return Caller{}, err
		}
		if c.proof, err = s.authenticated(r, c.Form, c.Use.At); err != nil {
			return Caller{}, err
		}
		c.Client = c.proof.Client
		return c, nil
	}
	if allowed.byClient() && basic(r.Header) {
		return s.scopedClient(r, c, allowed)
	}
	return s.tokenHolder(r.Context(), c, allowed)
}

// anybody is the caller of a request of which nothing else is known.
func (s *Server) anybody(r *http.Request) Caller {
	return Caller{browser: browser{request: r}, Use: session.Use{
		At:        s.now(),
		Steady:    s.Steady(),
		Address:   serve.ClientAddress(r.Context()),
		UserAgent: printable(r.UserAgent(), maxUserAgent),
	}}
}

// byClient tells the routes of services, which may send their secret instead of
// an access token.
func (w who) byClient() bool {
	return w == revocationRead || w == revocationWrite || w == eventsRead
}

func basic(h http.Header) bool {
	scheme, _, _ := strings.Cut(h.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "Basic")
}

// scopedClient lets in a client by its secret, if it is registered with the
// scope of the route.
func (s *Server) scopedClient(r *http.Request, c Caller, allowed who) (Caller, error) {
	shown, err := application(r.Header)
	if err != nil {
		return Caller{}, err
	}
	if c.Client, err = s.Prover.Prove(r.Context(), shown, c.Use.At); err != nil {
		return Caller{}, err
	}
	if !slices.Contains(c.Client.Scopes, allowed.scope()) && !slices.Contains(c.Client.Scopes, api.AdminScope) {
		return c, problem.InsufficientScope(allowed.scope())
	}
	return c, nil
}

// tokenHolder lets in by the access token.
func (s *Server) tokenHolder(ctx context.Context, c Caller, allowed who) (Caller, error) {
	claims, place, err := s.verified(c.browser.request, allowed)
	if err != nil {
		c.Claims = claims // zero, unless they are known to be genuine
		if claims != (verify.Claims{}) {
			// A token of an ended session is refused as such, at every route.
			if _, ended := s.held(ctx, &c); ended != nil {
				return c, ended
			}
		}
		return c, err
	}
	c.Claims, c.inCookie = claims, place == verify.Cookie(api.AccessCookie)
	if c.inCookie {
		if err := c.browser.reads(); err != nil {
			return Caller{}, err
		}
	}
	return s.admit(ctx, c, allowed)
}

// verified verifies the token of a request. At a route for a power over Portaria, a
// token that is good but not for the issuer reaches too little: it must not sign
// its holder out, which is what clients do after a 401.
func (s *Server) verified(r *http.Request, allowed who) (verify.Claims, verify.Place, error) {
	if allowed.scope() == "" {
		return s.verifier.Person(r)
	}
	claims, place, err := s.verifier.Power(r)
	if errors.Is(err, verify.ErrInvalid) && !errors.Is(err, verify.ErrKey) {
		if known, where, other := s.verifier.Person(r); other == nil {
			claims, place = known, where // of use to the log alone
			err = problem.InsufficientScope(allowed.scope())
		}
	}
	return claims, place, err
}

// standing applies the rules that no session tells of: about the token itself,
// its client, the consent to it, or everything. seen is the head of the log when
// the caller was looked up: what was taken back before then is refused, however
// soon somebody undid its cause.
func (s *Server) standing(ctx context.Context, c verify.Claims, seen int64) error {
	if seen > s.Revocation.View().Head {
		if err := s.Revocation.Look(ctx); err != nil {
			return err
		}
	}
	mode, refused := s.Revocation.Check(revoke.Claims{
		ID: c.ID(), Session: c.SessionID(), Account: c.Subject(), Client: c.ClientID(),
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

// held checks that the session and the client of a token are still good, and
// that no rule revokes the token. It returns the client.
func (s *Server) held(ctx context.Context, c *Caller) (clients.Client, error) {
	holder, err := s.holder(ctx, c)
	if err == nil {
		err = s.standing(ctx, c.Claims, max(c.Session.Revision, holder.Revision))
	}
	return holder, err
}

// admit checks what the token itself cannot know: whether its session and its
// client still live, and whether it reaches this route.
func (s *Server) admit(ctx context.Context, c Caller, allowed who) (Caller, error) {
	holder, err := s.held(ctx, &c)
	if err != nil {
		return Caller{}, err
	}
	scope := allowed.scope()
	switch {
	case scope != "" && s.reaches(c, holder, scope):
		if c.Session.ID != "" && allowed.changes(c.browser.request.Method) {
			return c, c.proved()
		}
		return c, nil
	case allowed == signedIn && c.Session.ID != "":
		return c, nil
	case scope != "":
		return c, problem.InsufficientScope(scope)
	}
	return c, problem.SessionRequired()
}

// reaches reports whether the token has the scope, and its client is registered
// with it still: what was taken from a client is gone at once.
func (s *Server) reaches(c Caller, holder clients.Client, scope string) bool {
	for _, enough := range []string{scope, api.AdminScope} {
		kept := holder.ID == "" || slices.Contains(holder.Scopes, enough)
		if kept && c.Claims.HasScope(enough) {
			return true
		}
	}
	return false
}

// holder finds the session of the caller's token, if it has one, and its client,
// unless that is one of Portaria's own.
func (s *Server) holder(ctx context.Context, c *Caller) (clients.Client, error) {
	client := c.Claims.ClientID()
	if id := c.Claims.SessionID(); id != "" {
		var err error
		if c.Session, c.owner, err = s.living(ctx, id, c.Use.At); err != nil {
			return clients.Client{}, err
		}
		client = c.Session.ClientID
	}
	return s.enabled(ctx, client)
}

// living reads the token's session on every request: here an ended session is
// refused at once, not when its token expires.
func (s *Server) living(ctx context.Context, id string, now time.Time) (session.Session, account.Account, error) {
	found, owner, err := s.sessions.SessionWithOwner(ctx, id)
	if errors.Is(err, session.ErrNotFound) {
		return session.Session{}, account.Account{}, session.ErrEnded
	}
	if err != nil {
		return session.Session{}, account.Account{}, err
	}
	return found, owner, found.Check(now)
}

// enabled refuses the token of a client that has been disabled or deleted since,
// at once. Portaria's own clients have no registration: the zero Client.
func (s *Server) enabled(ctx context.Context, clientID string) (clients.Client, error) {
	if clientID == issue.OperatorClientID || clientID == issue.ClientID {
		return clients.Client{}, nil
	}
	found, err := s.Prover.Usable(ctx, clientID)
	if errors.Is(err, clients.ErrBarred) {
		return clients.Client{}, verify.ErrInvalid
	}
	return found, err
}

// application reads what an application shows of itself on a route that anyone
// may call.
func application(h http.Header) (clients.Shown, error) {
	if len(h.Values("Authorization")) > 1 {
		return clients.Shown{}, authorizationRepeated()
	}
	shown, err := basicClient(h)
	if err != nil {
		return clients.Shown{}, fmt.Errorf("%w: %w", clients.ErrNotProved, err)
	}
	return shown, nil
}

func authorizationRepeated() error {
	return headerRepeated.Refuse()
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
