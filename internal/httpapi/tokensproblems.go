package httpapi

import (
	"net/http"

	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/problem"
	"github.com/portaria/portaria/internal/store"
	"github.com/portaria/portaria/internal/token"
	"github.com/portaria/portaria/verify"
)

// tokensProblems are the errors of access tokens, signing keys and the database.
func tokensProblems() []problem.Row {
	return []problem.Row{
		{Err: store.ErrUnavailable, Status: http.StatusServiceUnavailable, Code: "unavailable",
			Title: "The service is unavailable.", Detail: "Try again after the time in Retry-After.", Logged: true},
		{Err: verify.ErrNoToken, Status: http.StatusUnauthorized, Code: "missing_token",
			Title: "An access token is required.", Detail: "Send Authorization: Bearer, followed by an access token.", Challenge: problem.Bearer},
		{Err: verify.ErrRequest, Status: http.StatusBadRequest, Code: "authorization_repeated",
			Title: "The request has more than one access token.", Detail: "Send one access token, in one place."},
		{Err: verify.ErrCrossSite, Status: http.StatusForbidden, Code: "cross_site_request", Title: crossSite, Detail: crossSiteDetail},
		{Err: verify.ErrExpired, Status: http.StatusUnauthorized, Code: "token_expired",
			Title: "The access token has expired.", Detail: "Refresh it, or sign in again.", Challenge: problem.InvalidToken},
		{Err: verify.ErrOutdated, Status: http.StatusUnauthorized, Code: "token_revoked",
			Title: "The access token has been revoked.", Detail: "Refresh it.", Challenge: problem.InvalidToken},
		{Err: verify.ErrRevoked, Status: http.StatusUnauthorized, Code: "token_revoked",
			Title: "The access token has been revoked.", Detail: "Sign in again.", Challenge: problem.InvalidToken},
		{Err: verify.ErrAudience, Status: http.StatusUnauthorized, Code: "token_invalid",
			Title: "The access token is not valid here.", Detail: "It is for another service. Ask for one with the issuer's URL as audience. To sign out, the refresh token is enough.", Challenge: problem.InvalidToken},
		{Err: verify.ErrNotYet, Status: http.StatusUnauthorized, Code: "token_not_yet_valid",
			Title: "The access token is not valid yet.", Detail: "Send it again in a few seconds. If the problem stays, the clocks of two machines differ: tell the operator.", Challenge: problem.InvalidToken},
		{Err: verify.ErrInvalid, Status: http.StatusUnauthorized, Code: "token_invalid",
			Title: "The access token is not valid.", Detail: "Sign in again.", Challenge: problem.InvalidToken},
		{Err: verify.ErrStale, Status: http.StatusServiceUnavailable, Code: "verification_unavailable",
			Title: "Access tokens cannot be verified now.", Detail: "Try again after the time in Retry-After."},
		{Err: verify.ErrUnavailable, Status: http.StatusServiceUnavailable, Code: "verification_unavailable",
			Title: "Access tokens cannot be verified now.", Detail: "Try again after the time in Retry-After."},
		{Err: token.ErrUndecided, Status: http.StatusServiceUnavailable, Code: "verification_unavailable",
			Title: "Access tokens cannot be verified now.", Detail: "Try again after the time in Retry-After."},
		{Err: keyring.ErrNoActiveKey, Status: http.StatusServiceUnavailable, Code: "signing_key_unavailable",
			Title: "No signing key is active at this moment.", Detail: "Try again after the time in Retry-After."},
		{Err: keyring.ErrStale, Status: http.StatusServiceUnavailable, Code: "signing_key_unavailable",
			Title: "No signing key is active at this moment.", Detail: "Try again after the time in Retry-After."},
		{Err: token.ErrNoEncryptionKey, Status: http.StatusServiceUnavailable, Code: "encryption_key_unknown",
			Title: "The encryption key of this audience could not be fetched yet.", Detail: "Try again after the time in Retry-After. The log of the operator says what is wrong."},
	}
}
