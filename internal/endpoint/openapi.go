package endpoint

import (
	"cmp"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/portaria/portaria/api"
)

// FormType is the media type of forms.
const FormType = "application/x-www-form-urlencoded"

// Operation returns the part of the OpenAPI document about a route.
func (rt Route[C]) Operation(registry huma.Registry) *huma.Operation {
	method, path, _ := strings.Cut(rt.Pattern, " ")
	op := &huma.Operation{
		Method:      method,
		Path:        path,
		OperationID: operationID(method, path),
		Summary:     rt.Summary,
		Responses:   map[string]*huma.Response{"default": problemResponse(registry)},
	}
	op.Security = rt.Access.Security()
	if rt.in != nil {
		for _, p := range parameters(rt.in) {
			op.Parameters = append(op.Parameters, p.Document())
		}
		if hasBody(rt.in) {
			op.RequestBody = &huma.RequestBody{Required: !rt.bodyOptional, Content: content(rt.bodyType(), registry, rt.in)}
		}
	}
	op.Responses[strconv.Itoa(cmp.Or(rt.status, http.StatusOK))] = rt.response(registry)
	if rt.Form {
		op.Responses["4XX"] = &huma.Response{
			Description: "An error (RFC 6749 §5.2). Programs decide by error.",
			Content:     content("application/json", registry, reflect.TypeFor[api.OAuthError]()),
		}
	}
	return op
}

func (rt Route[C]) bodyType() string {
	if rt.Form {
		return FormType
	}
	return "application/json"
}

func (rt Route[C]) response(registry huma.Registry) *huma.Response {
	out := &huma.Response{Description: http.StatusText(cmp.Or(rt.status, http.StatusOK))}
	if rt.out != nil && rt.out != reflect.TypeFor[None]() {
		out.Content = content("application/json", registry, rt.out)
	}
	return out
}

func problemResponse(registry huma.Registry) *huma.Response {
	return &huma.Response{
		Description: "A problem (RFC 9457). Programs decide by code.",
		Content:     content("application/problem+json", registry, reflect.TypeFor[api.Problem]()),
	}
}

func content(kind string, registry huma.Registry, t reflect.Type) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{kind: {Schema: registry.Schema(t, true, "")}}
}

// Document returns the part of the OpenAPI document about a parameter.
func (p Parameter) Document() *huma.Param {
	schema := &huma.Schema{Type: huma.TypeString}
	if p.kind == reflect.Int {
		least := float64(p.min)
		schema.Type, schema.Minimum = huma.TypeInteger, &least
	}
	if p.uuid {
		schema.Format = "uuid"
	}
	if p.max > 0 {
		greatest := float64(p.max)
		schema.Maximum = &greatest
	}
	if p.most > 0 {
		schema.MaxLength = &p.most
	}
	return &huma.Param{Name: p.Name, In: p.In, Description: p.Doc, Required: p.In == "path", Schema: schema}
}

// operationID returns the id of a route, for generated clients.
func operationID(method, path string) string {
	words := strings.FieldsFunc(path, func(r rune) bool { return strings.ContainsRune("/.{}", r) })
	return strings.ToLower(method) + "-" + strings.Join(words, "-")
}
