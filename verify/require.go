package verify

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/portaria/portaria/verify/internal/payload"
)

// Requirement is what a route asks for beyond a good token.
type Requirement struct {
	scopes   []string
	within   time.Duration
	where    func(Claims) bool
	open     bool
	optional bool
}

// Scope asks for every one of these names in the token's scope. A token without
// one is answered with 403 and insufficient_scope (RFC 6750). It panics without
// a name, which would let everybody in, and with one that no scope can have (RFC
// 6749, section 3.3).
func Scope(names ...string) Requirement {
	if len(names) == 0 {
		panic("verify: Scope without a name lets everybody in")
	}
	for _, name := range names {
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' || r == '\\' }) {
			panic("verify: Scope of what is no name of a scope")
		}
	}
	return Requirement{scopes: slices.Clone(names)}
}

// FreshWithin asks for a token whose account proved a credential, such as its
// password, no longer ago than this. Others are answered with 401 and
// insufficient_user_authentication (RFC 9470): the client then lets the account
// step up and comes back with a new token. It must be a second at least.
func FreshWithin(d time.Duration) Requirement {
	if d < time.Second {
		panic("verify: FreshWithin of less than a second accepts no token")
	}
	return Requirement{within: d}
}

// Open accepts good tokens even while the verifier is stale, that is, when they may
// have been revoked since. Use it for routes whose availability matters more. Tokens
// that are known to be revoked are still rejected. [Stats] counts the tokens that Open
// accepts, and the issuer lists the verifier in its receipts.
func Open() Requirement { return Requirement{open: true} }

// Where asks for claims of which holds returns true, such as a role or a tenant.
// Others are answered with 403. It panics without a function.
func Where(holds func(Claims) bool) Requirement {
	if holds == nil {
		panic("verify: Where without a function lets everybody in")
	}
	return Requirement{where: holds}
}

// Optional lets requests without a token through as well: the handler finds no
// claims with [FromContext]. A token that is there must be good. Requirements
// for the token would hold for those alone who have one: ask for them with
// [Verifier.Check] in the handler. [Verifier.Require] panics with both.
func Optional() Requirement { return Requirement{optional: true} }

func opens(q Requirement) bool    { return q.open }
func optional(q Requirement) bool { return q.optional }

// asks tells whether a requirement asks for something in the token.
func asks(q Requirement) bool { return len(q.scopes) > 0 || q.within > 0 || q.where != nil }

func nothing(q Requirement) bool { return !asks(q) && !q.open && !q.optional }

// Require lets a request through to next only with a token that is good and
// meets every requirement. The handler finds the claims with [FromContext].
// Everybody else gets an answer with a problem (RFC 9457) that says no more
// than RFC 6750 allows:
//
//   - 400 for a request with several tokens, or one that cannot be read;
//   - 401 for no token, one that is refused, or one that is not fresh enough;
//   - 403 for a scope that is missing, for claims that [Where] does not like, and
//     for a cookie that another site sent;
//   - 503 when the verifier cannot know, because it has no keys or does not
//     hear what is revoked.
//
// [Config.OnRefused] answers in another way. A preflight request of CORS has no
// token: put what answers CORS outside Require, so that it answers preflights,
// and adds its headers to refusals, too.
//
// It panics without a handler, and for a Requirement that is none: both are
// mistakes that a service should not start with.
func (v *Verifier) Require(next http.Handler, requirements ...Requirement) http.Handler {
	if next == nil {
		panic("verify: Require of no handler")
	}
	if slices.ContainsFunc(requirements, nothing) {
		panic("verify: a Requirement of nothing lets everybody in")
	}
	if slices.ContainsFunc(requirements, optional) && slices.ContainsFunc(requirements, asks) {
		panic("verify: Optional beside other requirements lets in who has no token: call Check in the handler")
	}
	requirements = slices.Clone(requirements)
	if v.follower != nil && slices.ContainsFunc(requirements, opens) {
		v.follower.HasOpenRoute()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, err := v.authenticate(r, requirements)
		if errors.Is(err, ErrNoToken) && slices.ContainsFunc(requirements, optional) {
			next.ServeHTTP(w, r)
			return
		}
		if err != nil {
			v.refused(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(NewContext(r.Context(), claims)))
	})
}

// RequireFunc is [Verifier.Require] for a function.
func (v *Verifier) RequireFunc(next func(http.ResponseWriter, *http.Request), requirements ...Requirement) http.Handler {
	if next == nil {
		panic("verify: RequireFunc of no function")
	}
	return v.Require(http.HandlerFunc(next), requirements...)
}

// VerifyRequest finds the token of a request in the places that the verifier
// allows, and checks it as [Verifier.Require] does: for a service that answers
// errors in its own way. It returns where the token was, also when it is
// refused. Errors wrap [ErrNoToken], [ErrRequest], [ErrCrossSite], [ErrInvalid]
// or [ErrUnavailable].
func (v *Verifier) VerifyRequest(r *http.Request) (Claims, Place, error) {
	return v.verifyRequest(r, false)
}

func (v *Verifier) verifyRequest(r *http.Request, open bool) (Claims, Place, error) {
	token, place, err := v.findToken(r)
	if err != nil {
		return Claims{}, Place{}, err
	}
	claims, err := v.decide(r.Context(), token, open)
	if err != nil {
		return Claims{}, place, err
	}
	if place.kind == inCookie && !cookieMeant(r, claims) {
		return Claims{}, place, ErrCrossSite
	}
	return claims, place, nil
}

// authenticate checks the token of a request, and what the route asks for.
func (v *Verifier) authenticate(r *http.Request, requirements []Requirement) (Claims, error) {
	claims, _, err := v.verifyRequest(r, slices.ContainsFunc(requirements, opens))
	if err != nil {
		return Claims{}, err
	}
	if err := v.Check(claims, requirements...); err != nil {
		return Claims{}, err
	}
	return claims, nil
}

// Check returns nil if verified claims meet every requirement, and otherwise an
// error that wraps [ErrScope], [ErrNotFresh] or [ErrForbidden], or
// [ErrInvalid] for claims that were never verified. Use it with
// [Verifier.VerifyRequest] and [Verifier.Verify]; [WriteError] knows the answer.
// It panics for a Requirement that is none.
func (v *Verifier) Check(c Claims, requirements ...Requirement) error {
	if c.r == nil {
		return ErrInvalid
	}
	for _, q := range requirements {
		switch {
		case nothing(q):
			panic("verify: a Requirement of nothing lets everybody in")
		case slices.ContainsFunc(q.scopes, func(name string) bool { return !c.HasScope(name) }):
			return &scopeError{strings.Join(q.scopes, " ")}
		case q.within > 0 && !v.freshWithin(c, q.within):
			return &freshError{q.within}
		case q.where != nil && !q.where(c):
			return ErrForbidden
		}
	}
	return nil
}

// freshWithin compares the time of the last proof with the clock. A proof in
// the future is none: the leeway was for clocks that are apart a little.
func (v *Verifier) freshWithin(c Claims, d time.Duration) bool {
	now, at := v.now().UnixMilli(), c.r.dates[payload.AuthTime]
	return at != payload.NoDate && !v.policy.early(at, now) && now-at <= d.Milliseconds()
}

type contextKey struct{}

// NewContext returns a context with the claims, for what is not HTTP: an
// interceptor that calls [Verifier.Verify] hands them on with it.
func NewContext(ctx context.Context, c Claims) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

// FromContext returns the claims that [Verifier.Require] has found, and whether
// there are any. Without claims the request is not authenticated.
func FromContext(ctx context.Context) (Claims, bool) {
	c, ok := ctx.Value(contextKey{}).(Claims)
	return c, ok && c.r != nil
}
