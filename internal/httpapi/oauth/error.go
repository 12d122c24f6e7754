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

// invalidClient is the code of every failed client authentication.
const invalidClient = "invalid_client"

// Code is an error code of the OAuth routes, with the reasons for it.
type Code struct{ Code, Reason, Advice string }

// Codes returns every error code of the OAuth routes, for the documents. The response
// has the description of the exact reason.
func Codes() []Code {
	return []Code{
		{"invalid_request", "The request is not a valid form, a parameter is missing, repeated or not supported, or the client authenticates in two ways.", "Correct what error_description names."},
		{invalidClient, "Client authentication failed.", "Send client_id, and the secret or a new client_assertion."},
		{"invalid_grant", "The refresh token is not valid, was used before or belongs to another client, or its session has ended.", "Let the person sign in again."},
		{"unauthorized_client", "The client may not use this grant, or may not revoke the token of another client.", "Ask an administrator to change the client."},
		{"unsupported_grant_type", "The token endpoint does not have this grant.", "Use a grant type of grant_types_supported in the metadata."},
		{"invalid_scope", "The client is not registered with a scope, or the scopes cannot be in one token.", "Ask for other scopes."},
		{"invalid_target", "The client may not get tokens for this resource, no tokens are issued for it, or there is more than one.", "Ask for one of the client's audiences."},
		{"unsupported_token_type", "The token is encrypted, and only its service can read it (RFC 7009 §2.2.1).", "Send the refresh token, or the signed token inside."},
	}
}

// oauthRow maps an error to its code in RFC 6749 §5.2 or RFC 8707 §2.
type oauthRow struct {
	err error
	api.OAuthError
}

// oauthRows are the errors of the domain that the request caused. The first row that
// matches counts. Errors without a row are answered as problems, as on other routes.
func oauthRows() []oauthRow {
	const grant = "invalid_grant"
	return []oauthRow{
		{clients.ErrNotProved, api.OAuthError{Code: invalidClient, Description: "Client authentication failed. The client is unknown or disabled, or its credentials are wrong."}},
		{issue.ErrGrantRefused, api.OAuthError{Code: "unauthorized_client", Description: "This client may not use this grant."}},
		{issue.ErrPower, api.OAuthError{Code: "invalid_scope", Description: "Scopes of Portaria need a token for Portaria. Ask only for those scopes, or send the issuer's URL as resource."}},
		{issue.ErrScope, api.OAuthError{Code: "invalid_scope", Description: "A scope is unknown or too long. Ask only for scopes that the client is registered with."}},
		{issue.ErrTarget, api.OAuthError{Code: "invalid_target", Description: "The client is not registered with this resource."}},
		{errResources, api.OAuthError{Code: "invalid_target", Description: "Ask for one resource at a time."}},
		{token.ErrAudience, api.OAuthError{Code: "invalid_target", Description: "No tokens are issued for this resource, because neither the settings nor an enabled service have this name."}},
		{session.ErrOtherClient, api.OAuthError{Code: grant, Description: "The refresh token was issued to another client. Send the client_id of the application that the person signed in with."}},
		{session.ErrTokenInvalid, api.OAuthError{Code: grant, Description: "The refresh token is not valid. The person must sign in again."}},
		{session.ErrEnded, api.OAuthError{Code: grant, Description: "The session has ended. The person must sign in again."}},
		{session.ErrExpired, api.OAuthError{Code: grant, Description: "The session has expired. The person must sign in again."}},
		{session.ErrReused, api.OAuthError{Code: grant, Description: "The refresh token was used before, so the session has ended. The person must sign in again."}},
	}
}

// Error returns the response of RFC 6749 for an error, or nil for an error that the
// request did not cause.
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

// Fail writes a response that Error returned. The status is 401 with a challenge if
// the client authenticated in the header, and 400 otherwise (RFC 6749 §5.2).
func Fail(w http.ResponseWriter, r *http.Request, answer *api.OAuthError) {
	status := http.StatusBadRequest
	if answer.Code == invalidClient && r.Header.Get("Authorization") != "" {
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", problem.Basic)
	}
	_ = endpoint.Respond(w, status, answer) // two strings always encode
}
