package endpoint_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/problem"
)

type greeting struct {
	Name  string           `json:"name" maxLength:"5"`
	Inner inner            `json:"inner,omitempty"`
	List  []inner          `json:"list,omitempty"`
	Map   map[string]inner `json:"map,omitempty"`
}

type inner struct {
	A int `json:"a,omitempty"`
}

// anyone admits everybody as "ana".
type anyone struct{}

func (anyone) Admit(*http.Request) (string, error) { return "ana", nil }
func (anyone) Security() []map[string][]string     { return nil }

func greet(_ context.Context, caller string, in greeting) (greeting, error) {
	return greeting{Name: caller + "+" + in.Name, Inner: in.Inner}, nil
}

func registry() huma.Registry {
	return huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
}

func TestARouteWithoutAccessIsRefused(t *testing.T) {
	if _, err := endpoint.At[string]("GET /x", nil, endpoint.Call(greet), "").Handle(registry()); err == nil {
		t.Error("nobody may call it, and it was mounted")
	}
	var zero endpoint.Route[string]
	if _, err := zero.Handle(registry()); err == nil {
		t.Error("the zero route was mounted")
	}
}

// call sends a body to a route, and returns the answer or the error.
func call(t *testing.T, pattern, body string) string {
	t.Helper()
	h, err := endpoint.At(pattern, anyone{}, endpoint.Call(greet), "Greet.").Handle(registry())
	if err != nil {
		t.Fatal(err)
	}
	method, path, _ := strings.Cut(pattern, " ")
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	if err := h(w, r, "ana"); err != nil {
		var table problem.Table
		return fmt.Sprintf("%v %v", err, table.Of(err).Errors)
	}
	return w.Body.String()
}

// What is refused at the top of a body is refused at every level, and named.
func TestBodiesAreStrictAtEveryLevel(t *testing.T) {
	for body, want := range map[string]string{
		`{"name":"bob","inner":{"a":1}}`:             `"inner":{"a":1}`,
		`{"name":"bob","inner":{"A":1}}`:             "{inner.A unknown field}",
		`{"name":"bob","inner":{"a":1,"b":2}}`:       "{inner.b unknown field}",
		`{"name":"bob","inner":{"a":1,"a":2}}`:       "{inner.a given more than once}",
		`{"name":"bob","list":[{},{"\u0041":1}]}`:    "{list[1].A unknown field}",
		`{"name":"bob","list":[{"a":1,"\u0061":2}]}`: "{list[0].a given more than once}",
		`{"name":"bob","map":{"x":{"a":1}}}`:         `"name":"ana+bob"`,
		`{"name":"bob","map":{"x":{"b":1}}}`:         "{map.x.b unknown field}",
		`{"name":"bob","map":{"x":{"a":1e999}}}`:     "{map.x.a a number is out of range}",
		`{"name":"bob"} {}`:                          "Line 1, column 16: text after the end.",
		"{\n \"name\":\"\xff\"}":                     "Line 2, column 10: invalid UTF-8.",
	} {
		if got := call(t, "POST /x", body); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
}

// A route for PATCH reads its body, and is in the document.
func TestPatch(t *testing.T) {
	const pattern = "PATCH /x/{id}"
	if got := call(t, pattern, `{"name":"bob"}`); !strings.Contains(got, "ana+bob") {
		t.Error(got)
	}
	if got := call(t, pattern, `{"nam":"bob"}`); !strings.Contains(got, "{nam unknown field}") {
		t.Error(got)
	}
	op := endpoint.At(pattern, anyone{}, endpoint.Call(greet), "Greet.").Operation(registry())
	doc := huma.OpenAPI{Components: &huma.Components{}}
	doc.AddOperation(op)
	if patch := doc.Paths["/x/{id}"].Patch; patch == nil || patch.RequestBody == nil || patch.OperationID != "patch-x-id" {
		t.Errorf("%+v", patch)
	}
}

func TestCall(t *testing.T) {
	h, err := endpoint.At("POST /x", anyone{}, endpoint.Call(greet), "Greet.").Handle(registry())
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]string{
		`{"name":"bob"}`:              `{"name":"ana+bob","inner":{}}`,
		`{"name":"robert"}`:           "input_invalid",
		`{"name":"bob","Name":"bob"}`: "input_invalid",
		`{"name":"bob","name":"eve"}`: "input_invalid",
		`{"name":"\ud800"}`:           "json_invalid",
		`{"name":`:                    "json_invalid",
		`{}`:                          "input_invalid",
	} {
		r := httptest.NewRequest("POST", "/x", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		got := h(w, r, "ana")
		if got == nil {
			got = errors.New(w.Body.String())
		}
		if !strings.HasPrefix(got.Error(), want) {
			t.Errorf("%s: %v, want %s", body, got, want)
		}
	}
}
