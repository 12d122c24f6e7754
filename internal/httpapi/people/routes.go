// Package people has the routes that people use: sign-up, sign-in, refresh, and
// their own account and sessions.
package people

import (
	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/signin"
)

// Deps is what the routes need. Every field is required.
type Deps struct {
	Gate     *access.Gate
	SignIn   *signin.Service
	Issuing  *issue.Service
	Accounts *account.Directory
	Sessions session.Store
	Tokens   access.Tokens
}

type people struct{ Deps }

// Routes returns the routes.
func Routes(d Deps) []endpoint.Route[access.Caller] {
	p, may, at := people{d}, d.Gate.May, endpoint.At[access.Caller]
	return []endpoint.Route[access.Caller]{
		at("POST /v1/accounts", may(access.Anyone), endpoint.Create(p.signUp), "Sign up."),
		at("POST /v1/login", may(access.AnyoneThrough), endpoint.Call(p.signIn), "Sign in."),
		// The refresh token is the proof, with the csrf value if it is in a cookie.
		at("POST /v1/refresh", may(access.AnyoneThrough), endpoint.Call(p.refresh), "Exchange a refresh token for an access token and the next refresh token."),
		at("POST /v1/step-up", may(access.SignedIn), endpoint.Call(p.stepUp), "Prove the password again; returns a fresh access token."),
		at("POST /v1/logout", may(access.Leaving), endpoint.CallMaybe(p.signOut), "End the session of the access token, or of a refresh token."),
		at("GET /v1/me", may(access.SignedIn), endpoint.Call(p.me), "Show the account and session of the access token."),
		at("PUT /v1/password", may(access.SignedIn), endpoint.Call(p.changePassword), "Change the password; ends all other sessions."),
		at("GET /v1/password-policy", may(access.Anyone), endpoint.Call(p.passwordPolicy), "Show which new passwords are accepted."),
		at("GET /v1/sessions", may(access.SignedIn), endpoint.Call(p.ownSessions), "List the sessions of the account."),
		at("DELETE /v1/sessions/{id}", may(access.SignedIn), endpoint.Call(p.endOwnSession), "End a session of the account; a session other than the caller's own needs a fresh token."),
		at("POST /v1/sessions/end", may(access.SignedIn), endpoint.Call(p.endOwnSessions), "End all other sessions, or all sessions; needs a fresh token."),
	}
}
