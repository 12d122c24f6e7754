// Package oauth has the routes of OAuth 2.0: tokens for registered clients,
// revocation and introspection. Errors are those of RFC 6749.
package oauth

import (
	"context"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/internal/session"
)

// Deps is what the routes need. Every field is required.
type Deps struct {
	Gate     *access.Gate
	Issuing  *issue.Service
	Sessions session.Store
	Tokens   access.Tokens
	Rules    Rules
	Issuer   string
}

// Rules writes the revocation log.
type Rules interface {
	// Write writes a rule, and returns when this process applies it.
	Write(ctx context.Context, e revoke.Entry) (rule.Rule, error)
}

type oauth struct{ Deps }

// The paths of the routes below the issuer.
const (
	TokenPath      = "/oauth2/token"
	RevokePath     = "/oauth2/revoke"
	IntrospectPath = "/oauth2/introspect"
)

// Routes returns the routes.
func Routes(d Deps) []endpoint.Route[access.Caller] {
	o, at := oauth{d}, endpoint.At[access.Caller]
	client := clientAccess{d.Gate}
	return []endpoint.Route[access.Caller]{
		at("POST "+TokenPath, client, endpoint.Form[api.TokenRequest, api.Granted](o.token), "Issue tokens to registered clients (RFC 6749)."),
		at("POST "+RevokePath, client, endpoint.Form[api.RevocationRequest, struct{}](o.revokeToken), "Revoke an access token, or a refresh token with its session (RFC 7009)."),
		at("POST "+IntrospectPath, client, endpoint.Form[api.IntrospectionRequest, api.Introspection](o.introspect), "Report whether a token is active (RFC 7662)."),
	}
}
