package endpoint_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/portaria/portaria/internal/endpoint"
)

type greeting struct {
	Name string `json:"name" maxLength:"5"`
}

// anyone admits everybody as "ana".
type anyone struct{}

func (anyone) Admit(*http.Request) (string, error) { return "ana", nil }
func (anyone) Security() []map[string][]string     { return nil }

func greet(_ context.Context, caller string, in greeting) (greeting, error) {
	return greeting{caller + "+" + in.Name}, nil
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

func TestCall(t *testing.T) {
	h, err := endpoint.At("POST /x", anyone{}, endpoint.Call(greet), "Greet.").Handle(registry())
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]string{
		`{"name":"bob"}`:              `{"name":"ana+bob"}`,
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
