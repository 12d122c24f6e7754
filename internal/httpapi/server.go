// Package httpapi is the JSON API. The routes are in the packages people, oauth, feed
// and admin. This package mounts them, and answers requests without a route.
package httpapi

//go:generate go test . -run ^TestGenerated -update

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/httpapi/admin"
	"github.com/portaria/portaria/internal/httpapi/feed"
	"github.com/portaria/portaria/internal/httpapi/oauth"
	"github.com/portaria/portaria/internal/httpapi/people"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/problem"
	"github.com/portaria/portaria/internal/serve"
)

// Config is what the API needs. Every field is required.
type Config struct {
	// Gate admits the callers of all routes.
	Gate   *access.Gate
	People people.Deps
	OAuth  oauth.Deps
	Admin  admin.Deps
	Feed   feed.Deps
	Public Public
	Health Health
	Log    *slog.Logger
}

// Public is the content of the public documents.
type Public struct {
	Issuer string
	// KeySet returns the keys published at a moment.
	KeySet func(now time.Time) keyring.KeySet
	// KeySetMaxAge is how long others may keep the key set.
	KeySetMaxAge time.Duration
	// Contact is where people report weaknesses. Without it there is no security.txt.
	Contact string
}

// Health has the health checks.
type Health struct {
	// Ready has, by name, a check of everything that must work before the service
	// can serve requests.
	Ready map[string]func(context.Context) error
	// Panics returns how many background tasks have panicked since the start.
	Panics func() int64
}

// Server serves the API. New returns one.
type Server struct {
	Config
	problems problem.Table
	mux      *http.ServeMux
	site     site
	document []byte
	metadata document
}

// New mounts all routes. It returns an error when a route does not say who may call it.
func New(c Config) (*Server, error) {
	s := &Server{Config: c, problems: c.Gate.Audit.Problems, mux: http.NewServeMux(), site: siteOf(c.Public.Issuer)}
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

// everything is the pattern of requests that no route matches.
const everything = "/"

// ServeHTTP implements [http.Handler]. It also answers requests without a route.
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

// handler admits the caller, runs the route and answers its error.
func (s *Server) handler(rt endpoint.Route[access.Caller], h endpoint.Handler[access.Caller]) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := rt.Access.Admit(r)
		if c.Browser.Request == nil { // refused, and only the request is known
			c = s.Gate.Anybody(r)
		}
		c.Browser.Answer = w.Header()
		serve.Identify(r.Context(), c.AccountID(), c.ClientID())
		ctx := event.From(r.Context(), c.Origin())
		if err == nil {
			err = h(w, r.WithContext(ctx), c)
		}
		if err = s.settle(r.Context(), c, err); err != nil {
			s.Gate.Audit.Refused(ctx, c, err)
		}
		s.answer(w, r, rt.Form, err)
	})
}

// answer writes the response of an error, if there is one. The OAuth routes answer as
// RFC 6749 says, except errors that the request did not cause.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, isOAuth bool, err error) {
	if err == nil {
		return
	}
	if answer := oauth.Error(err); isOAuth && answer != nil {
		s.Gate.Audit.ClientRefused(r.Context(), err)
		oauth.Fail(w, r, answer)
		return
	}
	s.fail(w, r, err)
}

// settle marks the client assertion of a refused request as used, so that it cannot be
// used for another request. After an error with status 5xx it stays usable, because the
// client repeats the request. After success the handler has done it already.
func (s *Server) settle(ctx context.Context, c access.Caller, err error) error {
	if err == nil || oauth.Error(err) == nil && s.problems.Of(err).Status >= http.StatusInternalServerError {
		return err
	}
	return cmp.Or(c.Proof.Spend(ctx), err)
}

// fail answers an error with a problem. The text of an unexpected error is written only
// to the log.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	answer := s.problems.Of(err)
	s.Gate.Audit.ClientRefused(r.Context(), err)
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

// Panicked answers a request whose handler panicked. The panic is logged already.
func (s *Server) Panicked(w http.ResponseWriter, r *http.Request) {
	write(w, r, s.problems.Of(errPanicked))
}

// errPanicked has no row, so it is answered with a plain 500.
var errPanicked = errors.New("handler panicked")

// unrouted returns the error of a request that no route matches: the method is wrong, or
// the path.
func (s *Server) unrouted(w http.ResponseWriter, r *http.Request) error {
	allowed := s.allowed(r)
	if len(allowed) == 0 {
		return problem.NotFound()
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	return problem.MethodNotAllowed()
}

// allowed returns the methods that have a route with the path of the request.
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
