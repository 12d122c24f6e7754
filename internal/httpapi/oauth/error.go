package oauth

import (
	"errors"
	"net/http"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/problem"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/token"
)

// invalidClient is the code of all that is wrong with a client's proof.
const invalidClient = "invalid_client"

// oauthRow maps an error to its code in RFC 6749 §5.2 or RFC 8707 §2.
type oauthRow struct {
	err error
	api.OAuthError
}

// oauthRows is what the OAuth routes answer for errors of the domain; the first
// row that matches counts. All others are problems, as everywhere: it is not the
// request that is at fault.
func oauthRows() []oauthRow {
	const grant = "invalid_grant"
	return []oauthRow{
		{clients.ErrNotProved, api.OAuthError{Code: invalidClient, Description: "Client authentication failed: the client is unknown or disabled, or its credentials are wrong."}},
		{issue.ErrGrantRefused, api.OAuthError{Code: "unauthorized_client", Description: "This client may not use this grant."}},
		{issue.ErrPower, api.OAuthError{Code: "invalid_scope", Description: "Scopes over Portaria need a token for Portaria: ask for them alone, or with the issuer's URL as resource."}},
		{issue.ErrScope, api.OAuthError{Code: "invalid_scope", Description: "Ask for scopes that the client is registered with, and for no more than a token holds."}},
		{issue.ErrTarget, api.OAuthError{Code: "invalid_target", Description: "The client is not registered with this resource."}},
		{errResources, api.OAuthError{Code: "invalid_target", Description: "Ask for one resource at a time."}},
		{token.ErrAudience, api.OAuthError{Code: "invalid_target", Description: "No tokens are issued for this resource: it is neither in the settings nor an enabled service."}},
		{session.ErrOtherClient, api.OAuthError{Code: grant, Description: "The refresh token was issued to another client: send the client_id of the application that the person signed in with."}},
		{session.ErrTokenInvalid, api.OAuthError{Code: grant, Description: "The refresh token is not valid, or is another client's."}},
		{session.ErrEnded, api.OAuthError{Code: grant, Description: "The session has ended."}},
		{session.ErrExpired, api.OAuthError{Code: grant, Description: "The session has expired."}},
		{session.ErrReused, api.OAuthError{Code: grant, Description: "The refresh token was used before; the session has been ended."}},
	}
}

// Error returns the answer of RFC 6749 for an error, or nil for an error that is
// not the fault of the request.
func Error(err error) *api.OAuthError {
	var said *api.OAuthError
	if errors.As(err, &said) {
		return said
	}
	for _, row := range oauthRows() {
		if errors.Is(err, row.err) {
			return &row.OAuthError
		}
	}
	return nil
}

// Fail writes an answer that Error returned: 401 with a challenge where the client
// sent its secret in the header, 400 otherwise (RFC 6749 §5.2).
func Fail(w http.ResponseWriter, r *http.Request, answer *api.OAuthError) {
	status := http.StatusBadRequest
	if answer.Code == invalidClient && r.Header.Get("Authorization") != "" {
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", problem.Basic)
	}
	_ = endpoint.Respond(w, status, answer) // two strings always encode
}
