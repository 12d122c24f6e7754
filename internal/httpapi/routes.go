package httpapi

import (
	"slices"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/httpapi/admin"
	"github.com/portaria/portaria/internal/httpapi/feed"
	"github.com/portaria/portaria/internal/httpapi/oauth"
	"github.com/portaria/portaria/internal/httpapi/people"
)

// routes returns the routes of the whole API.
func (s *Server) routes() []endpoint.Route[access.Caller] {
	return slices.Concat(
		people.Routes(s.People),
		oauth.Routes(s.OAuth),
		admin.Routes(s.Admin),
		feed.Routes(s.Feed),
		s.ownRoutes(),
	)
}

// ownRoutes are the health checks and the public documents.
func (s *Server) ownRoutes() []endpoint.Route[access.Caller] {
	may, at := s.Gate.May, endpoint.At[access.Caller]
	return []endpoint.Route[access.Caller]{
		at("GET /healthz", may(access.Anyone), endpoint.Call(s.health), "Report whether the process runs."),
		at("GET /readyz", may(access.Anyone), endpoint.Plain(s.ready), "Report whether the service is ready: database, revocation log and signing key."),
		at("GET /openapi.json", may(access.Anyone), endpoint.Plain(s.serveDocument), "Return this document."),
		at("GET /.well-known/security.txt", may(access.Anyone), endpoint.Plain(s.securityText), "Return the contact for reports of weaknesses (RFC 9116)."),
		at("GET /.well-known/jwks.json", may(access.Anyone), endpoint.Plain(s.keySet), "Return the keys that access tokens are verified with (RFC 7517)."),
		at("GET "+metadataPath, may(access.Anyone), endpoint.Documented[api.Metadata](s.serveMetadata), "Return the metadata of this authorization server (RFC 8414)."),
	}
}
