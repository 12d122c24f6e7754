// Package httpapi is the JSON API: it turns requests into calls of the
// domain, and what comes back into responses. routes.go is the whole of it at
// a glance.
package httpapi

//go:generate go test . -run ^TestGenerated -update

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/problem"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/fleet"
	"github.com/portaria/portaria/internal/serve"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/signin"
	"github.com/portaria/portaria/internal/token"
	"github.com/portaria/portaria/internal/webhook"
	"github.com/portaria/portaria/verify"
)

// Config is what the API stands on. Every field is required.
type Config struct {
	SignIn   *signin.Service
	Issuing  *issue.Service
	People   *account.Directory
	Accounts account.Store
	Sessions Sessions
	Clients  *clients.Directory
	// Verifier of the access tokens that come to the routes, in the Places of this
	// package.
	Verifier Verifier
	Prover   *clients.Prover
	// KeySet answers the keys published at a moment.
	KeySet func(now time.Time) keyring.KeySet
	// KnownKey reports whether there is a signing key of this kid, in whatever
	// state.
	KnownKey func(ctx context.Context, kid string) (bool, error)
	// KeysChanged rings when they are others.
	KeysChanged *Bell
	// KeySetMaxAge is how long others may keep the key set.
	KeySetMaxAge time.Duration
	Issuer       string
	// Contact is where people report weaknesses; empty has no security.txt.
	Contact  string
	Webhooks *webhook.Service
	// Revocation follows the rule log, Rules writes it, and Fleet knows who
	// else follows.
	Revocation *revoke.Hub
	Rules      revoke.Store
	Fleet      *fleet.Fleet
	// Proofs are what followers show when they come back.
	Proofs revoke.Proofs
	// IssuedBy is an upper bound of the "iat" that any process on this
	// database wrote up to a moment. Nil proves none to followers.
	IssuedBy func(asOf time.Time) time.Time
	// Events is the audit trail.
	Events event.Store
	// Reader and Chain read access and refresh tokens for those who ask about
	// them.
	Reader *token.Reader
	Chain  *session.Chain
	// Ready checks by name whatever must work before requests are sent here.
	Ready map[string]func(context.Context) error
	// Panics counts those beside requests, since the start.
	Panics func() int64
	Log    *slog.Logger
	Now    func() time.Time
	// Steady is a clock that all processes on one database share; see
	// session.Use.
	Steady func() time.Time
}

// Verifier finds the access token of a request and verifies it, as
// verify.Verifier.VerifyRequest does.
type Verifier interface {
	// Power accepts tokens for the issuer itself alone, which no service has:
	// the routes for powers over Portaria take nothing else.
	Power(r *http.Request) (verify.Claims, verify.Place, error)
	// Person accepts the tokens that people may use at the routes of their own
	// account.
	Person(r *http.Request) (verify.Claims, verify.Place, error)
}

// Sessions keeps sessions, and finds one together with its owner in one query:
// each request with a person's token reads both.
type Sessions interface {
	session.Store
	// SessionWithOwner returns a session, ended or not; session.ErrNotFound.
	SessionWithOwner(ctx context.Context, id string) (session.Session, account.Account, error)
}

// Server serves the API. Make it with New.
type Server struct {
	Config
	login    *signin.Service
	issuer   *issue.Service
	people   *account.Directory
	accounts account.Store
	sessions Sessions
	verifier Verifier
	mux      *http.ServeMux
	site     site
	document []byte
	metadata document

	frames frames
	feeds  places
	keys   atomic.Pointer[keySetFrame]
	// refusals bounds the events about refused requests.
	refusals event.Bound
}

// New mounts all routes. It fails when a route does not say who may call it.
func New(c Config) (*Server, error) {
	s := &Server{
		Config:   c,
		login:    c.SignIn,
		issuer:   c.Issuing,
		people:   c.People,
		accounts: c.Accounts,
		sessions: c.Sessions,
		verifier: c.Verifier,
		mux:      http.NewServeMux(),
		site:     siteOf(c.Issuer),
		frames:   frames{c.Issuer, c.Revocation.View().Salt, c.Proofs},
	}
	registry := newRegistry()
	for _, rt := range s.routes() {
		serveRoute, err := rt.Handle(registry)
		if err != nil {
			return nil, err
		}
		s.mux.Handle(rt.Pattern, s.handler(rt, serveRoute))
	}
	s.mux.HandleFunc(everything, func(w http.ResponseWriter, r *http.Request) { s.fail(w, r, s.unrouted(w, r)) })
	var err error
	if s.metadata, err = newDocument(s.describe()); err != nil {
		return nil, err
	}
	s.document, err = s.openAPI(registry)
	return s, err
}

// everything is the pattern of what no route matches.
const everything = "/"

// now is the moment a request is judged at.
func (s *Server) now() time.Time { return s.Now().UTC() }

// ServeHTTP answers every request, those without a route included.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.RequestURI == "*" { // OPTIONS *: ServeMux would answer without a problem
		s.fail(w, r, problem.NotFound())
		return
	}
	s.adopt(r)
	if s.unclean(w, r) {
		return
	}
	s.mux.ServeHTTP(w, r)
}

// handler lets callers in, runs the route and answers its error.
func (s *Server) handler(rt endpoint.Route[Caller], h endpoint.Handler[Caller]) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := rt.Access.Admit(r)
		if c.browser.request == nil { // refused: of the caller there is only the request
			c = s.anybody(r)
		}
		c.browser.answer = w.Header()
		serve.Identify(r.Context(), c.account(), c.client())
		ctx := event.From(r.Context(), c.origin())
		if err == nil {
			err = h(w, r.WithContext(ctx), c)
		}
		if err = s.settle(r.Context(), c, err); err != nil {
			s.recordRefusal(ctx, c, err)
		}
		switch {
		case err == nil:
		case rt.Form:
			s.failOAuth(w, r, err)
		default:
			s.fail(w, r, err)
		}
	})
}

// settle spends the client assertion of a request that was refused for good, so
// that nobody can use it for another one. A request that may be repeated, because
// the fault was here, keeps its assertion. After an answer nothing is left to
// spend: handlers do it before they answer.
func (s *Server) settle(ctx context.Context, c Caller, err error) error {
	if err == nil || oauthError(err) == nil && problems.Of(err).Status >= http.StatusInternalServerError {
		return err
	}
	return cmp.Or(c.proof.Spend(ctx), err)
}

// fail answers an error as a problem. What nobody expected goes to the log,
// and only there.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	answer := problems.Of(err)
	s.tellRefusedClient(r, err)
	if answer.Unexpected {
		s.Log.ErrorContext(r.Context(), "request failed", "error", err, "request_id", serve.RequestID(r.Context()))
	}
	write(w, r, answer)
}

func write(w http.ResponseWriter, r *http.Request, answer problem.Answer) {
	answer.RequestID = serve.RequestID(r.Context())
	answer.WriteHeaders(w.Header())
	body := answer.Encode()
	w.WriteHeader(answer.Status)
	_, _ = w.Write(body)
}

// Panicked answers a request whose handler panicked, which is logged already.
func (s *Server) Panicked(w http.ResponseWriter, r *http.Request) {
	write(w, r, problems.Of(errPanicked))
}

// errPanicked has no row in the table of problems: a plain 500.
var errPanicked = errors.New("handler panicked")

// unrouted tells a wrong method from a wrong path.
func (s *Server) unrouted(w http.ResponseWriter, r *http.Request) error {
	allowed := s.allowed(r)
	if len(allowed) == 0 {
		return problem.NotFound()
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	return problem.MethodNotAllowed()
}

// allowed lists the methods that the request's path has.
func (s *Server) allowed(r *http.Request) []string {
	var methods []string
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := s.mux.Handler(other); pattern != everything {
			methods = append(methods, method)
		}
	}
	return methods
}

func newRegistry() huma.Registry {
	return huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
}
