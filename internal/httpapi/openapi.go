package httpapi

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/httpapi/feed"
	"github.com/portaria/portaria/internal/httpapi/oauth"
)

// openAPI returns the OpenAPI document, made from the routes that are served.
func (s *Server) openAPI(registry huma.Registry) ([]byte, error) {
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title:       "Portaria",
			Version:     "1",
			Description: "Authentication service: accounts, sessions, access and refresh tokens. Errors are problems (RFC 9457). Programs decide by code.",
			License:     &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
		},
		Components: &huma.Components{
			Schemas: registry,
			SecuritySchemes: map[string]*huma.SecurityScheme{
				access.BearerScheme: {Type: "http", Scheme: "bearer", BearerFormat: "JWT"},
				access.CookieScheme: {Type: "apiKey", In: "cookie", Name: api.AccessCookie,
					Description: "Set by delivery: cookie. Every request except GET must come from a page of the same origin and have the csrf value in the header " + api.CSRFHeader + "."},
				access.ClientScheme: {Type: "http", Scheme: "basic", Description: "A registered client: client_id and client_secret, each form-encoded (RFC 6749 §2.3.1)."},
			},
		},
	}
	for _, rt := range s.routes() {
		op := rt.Operation(registry)
		feed.Describe(op)
		doc.AddOperation(op)
	}
	registry.Map()["Problem"].Properties["code"].Enum = s.problemCodes()
	for _, c := range oauth.Codes() {
		code := registry.Map()["OAuthError"].Properties["error"]
		code.Enum = append(code.Enum, c.Code)
	}
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("write OpenAPI document: %w", err)
	}
	return text, nil
}

// problemCodes lists every code of a problem, each once.
func (s *Server) problemCodes() (codes []any) {
	for _, r := range s.problems.Rows() {
		if !slices.Contains(codes, any(r.Code)) {
			codes = append(codes, r.Code)
		}
	}
	slices.SortFunc(codes, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
	return codes
}
