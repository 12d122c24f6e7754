package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/portaria/portaria/api"
)

// bearerScheme and cookieScheme name the security schemes of the document.
const (
	bearerScheme = "accessToken"
	cookieScheme = "accessCookie"
)

// clientScheme names the one for registered clients.
const clientScheme = "client"

// openAPI writes the document of the API from the very table that serves it.
func (s *Server) openAPI(registry huma.Registry) ([]byte, error) {
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title:       "Portaria",
			Version:     "1",
			Description: "Authentication service: accounts, sessions, access and refresh tokens. Errors are RFC 9457 problems; decide by code.",
			License:     &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
		},
		Components: &huma.Components{
			Schemas: registry,
			SecuritySchemes: map[string]*huma.SecurityScheme{
				bearerScheme: {Type: "http", Scheme: "bearer", BearerFormat: "JWT"},
				cookieScheme: {Type: "apiKey", In: "cookie", Name: api.AccessCookie,
					Description: "Set by delivery: cookie. Requests other than GET come from a page of the same origin and repeat csrf in the header " + api.CSRFHeader + "."},
				clientScheme: {Type: "http", Scheme: "basic", Description: "A registered client: client_id and client_secret, each form-encoded (RFC 6749 §2.3.1)."},
			},
		},
	}
	for _, rt := range s.routes() {
		method, path, _ := strings.Cut(rt.pattern, " ")
		doc.AddOperation(rt.operation(registry, method, path))
	}
	registry.Map()["Problem"].Properties["code"].Enum = problemCodes()
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("write OpenAPI document: %w", err)
	}
	return text, nil
}

// problemCodes lists every code of a problem, each once.
func problemCodes() (codes []any) {
	for _, r := range problems.Rows() {
		if !slices.Contains(codes, any(r.Code)) {
			codes = append(codes, r.Code)
		}
	}
	slices.SortFunc(codes, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
	return codes
}

func (rt route) operation(registry huma.Registry, method, path string) *huma.Operation {
	op := &huma.Operation{
		Method:      method,
		Path:        path,
		OperationID: operationID(method, path),
		Summary:     rt.summary,
		Responses:   map[string]*huma.Response{"default": problemResponse(registry)},
	}
	op.Security = rt.security()
	if rt.in != nil {
		for _, p := range parameters(rt.in) {
			op.Parameters = append(op.Parameters, p.document())
		}
		if hasBody(rt.in) {
			op.RequestBody = &huma.RequestBody{Required: !rt.bodyOptional, Content: content(rt.bodyType(), registry, rt.in)}
		}
	}
	op.Responses[strconv.Itoa(statusOf(rt.out))] = rt.response(registry)
	if rt.who == aClient {
		op.Responses["4XX"] = &huma.Response{
			Description: "An error as RFC 6749 §5.2 has it; decide by error.",
			Content:     content("application/json", registry, reflect.TypeFor[api.OAuthError]()),
		}
	}
	describeFeed(op)
	return op
}

// security is who may call: each entry is one way. An empty one needs nothing.
func (rt route) security() []map[string][]string {
	switch rt.who {
	case anyone:
		return nil
	case anyoneThrough, aClient:
		// The form is another way to prove a client, which the document has no
		// word for.
		return []map[string][]string{{}, {clientScheme: {}}}
	}
	if rt.who.byClient() {
		return []map[string][]string{{bearerScheme: rt.scopes()}, {clientScheme: {}}}
	}
	return []map[string][]string{{bearerScheme: rt.scopes()}, {cookieScheme: []string{}}}
}

func (rt route) bodyType() string {
	if rt.who == aClient {
		return formType
	}
	return "application/json"
}

func (rt route) scopes() []string {
	if scope := rt.who.scope(); scope != "" {
		return []string{scope}
	}
	return []string{}
}

func (rt route) response(registry huma.Registry) *huma.Response {
	out := &huma.Response{Description: http.StatusText(statusOf(rt.out))}
	if rt.out != nil && rt.out != reflect.TypeFor[none]() {
		out.Content = content("application/json", registry, rt.out)
	}
	return out
}

func problemResponse(registry huma.Registry) *huma.Response {
	return &huma.Response{
		Description: "A problem; decide by its code.",
		Content:     content("application/problem+json", registry, reflect.TypeFor[api.Problem]()),
	}
}

func content(kind string, registry huma.Registry, t reflect.Type) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{kind: {Schema: registry.Schema(t, true, "")}}
}

func (p parameter) document() *huma.Param {
	schema := &huma.Schema{Type: huma.TypeString}
	if p.kind == reflect.Int {
		schema.Type = huma.TypeInteger
	}
	if p.most > 0 {
		schema.MaxLength = &p.most
	}
	return &huma.Param{Name: p.name, In: p.in, Description: p.doc, Required: p.in == "path", Schema: schema}
}

// operationID is the route in one word, for generated clients.
func operationID(method, path string) string {
	words := strings.FieldsFunc(path, func(r rune) bool { return strings.ContainsRune("/.{}", r) })
	return strings.ToLower(method) + "-" + strings.Join(words, "-")
}
