package access

import (
	"net/http"

	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/problem"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/store"
	"github.com/portaria/portaria/internal/token"
	"github.com/portaria/portaria/verify"
)

// The answer to a request from a page of another site.
const (
	crossSite       = "The request does not prove that it comes from this site."
	crossSiteDetail = "Send it from a page of this site, with the csrf value of the session in the header X-CSRF-Token."
)

// The answers to requests with more than one credential.
var (
	refreshTokenRepeated = problem.Row{Status: http.StatusBadRequest, Code: "refresh_token_repeated", Title: "The request has more than one refresh token.", Detail: "Send one refresh token: in the body, or in the cookie."}
	headerRepeated       = problem.Row{Status: http.StatusBadRequest, Code: "authorization_repeated", Title: "The request has more than one Authorization header.", Detail: "Send one Authorization header."}
)

// Problems returns the rows of the errors that a request gets before it is admitted.
func Problems() []problem.Row {
	return []problem.Row{
		refreshTokenRepeated,
		headerRepeated,
		{Err: store.ErrUnavailable, Status: http.StatusServiceUnavailable, Code: "unavailable",
			Title: "The service is unavailable.", Detail: "Try again after the time in Retry-After.", Logged: true},
		{Err: verify.ErrNoToken, Status: http.StatusUnauthorized, Code: "missing_token",
			Title: "An access token is required.", Detail: "Send Authorization: Bearer, followed by an access token.", Challenge: problem.Bearer},
		{Err: verify.ErrRequest, Status: http.StatusBadRequest, Code: "authorization_repeated",
			Title: "The request has more than one access token.", Detail: "Send one access token: in the header Authorization, or in the cookie."},
		{Err: verify.ErrCrossSite, Status: http.StatusForbidden, Code: "cross_site_request", Title: crossSite, Detail: crossSiteDetail},
		problem.TokenExpired(verify.ErrExpired),
		problem.TokenOutdated(verify.ErrOutdated),
		problem.TokenRevoked(verify.ErrRevoked),
		{Err: verify.ErrAudience, Status: http.StatusUnauthorized, Code: "token_invalid",
			Title: "The access token is for another service.", Detail: "Ask for an access token with the issuer's URL as audience. To sign out, the refresh token is enough.", Challenge: problem.InvalidToken},
		{Err: verify.ErrNotYet, Status: http.StatusUnauthorized, Code: "token_not_yet_valid",
			Title: "The access token is not valid yet.", Detail: "Send it again in a few seconds. If it is still refused, ask the operator to compare the clocks of the machines.", Challenge: problem.InvalidToken},
		problem.TokenInvalid(verify.ErrInvalid),
		problem.VerificationUnavailable(verify.ErrStale),
		problem.VerificationUnavailable(verify.ErrUnavailable),
		problem.VerificationUnavailable(token.ErrUndecided),
		{Err: clients.ErrNotAllowed, Status: http.StatusForbidden, Code: "client_not_allowed",
			Title: "This client is not allowed.", Detail: "The client is unknown or disabled, must authenticate, or may not sign people in. Ask the operator."},
		{Err: clients.ErrNotProved, Status: http.StatusUnauthorized, Code: "invalid_client",
			Title: "Client authentication failed.", Detail: "Send the client's id and secret with HTTP Basic, or a new client_assertion.", Challenge: problem.Basic},
		problem.TokenRevoked(revoke.ErrRevoked),
		problem.TokenOutdated(revoke.ErrSuperseded),
		{Err: issue.ErrCrossSite, Status: http.StatusForbidden, Code: "cross_site_request", Title: crossSite, Detail: crossSiteDetail},
		{Err: session.ErrEnded, Status: http.StatusUnauthorized, Code: "session_ended",
			Title: "The session has ended.", Detail: "Sign in again.", Challenge: problem.InvalidToken},
		{Err: session.ErrExpired, Status: http.StatusUnauthorized, Code: "session_expired",
			Title: "The session has expired.", Detail: "Sign in again.", Challenge: problem.InvalidToken},
	}
}
