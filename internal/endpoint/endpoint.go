// Package endpoint is the HTTP kit of the JSON APIs. A [Route] names its pattern, who
// may call it and the function that serves it. This package decodes requests, checks
// limits, encodes responses and makes the OpenAPI document. The type parameter C is the
// caller, which each API defines for itself.
package endpoint

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// Route is one route of an API: its pattern, who may call it, the endpoint that serves
// it, and a sentence for the OpenAPI document.
type Route[C any] struct {
	Pattern string
	Access  Access[C]
	Endpoint[C]
	Summary string
}

// At returns a route. With a nil access nobody may call it, and [Route.Handle] returns
// an error.
func At[C any](pattern string, access Access[C], e Endpoint[C], summary string) Route[C] {
	return Route[C]{pattern, access, e, summary}
}

// Handle returns the handler of a route for callers that its access admitted. It
// fails when the route does not state who may call it.
func (rt Route[C]) Handle(registry huma.Registry) (Handler[C], error) {
	if rt.Access == nil {
		return nil, fmt.Errorf("route %s: nobody may call it", rt.Pattern)
	}
	return rt.prepare(registry), nil
}

// Access decides who may call a route. Nil admits nobody.
type Access[C any] interface {
	// Admit returns the caller of a request, or the reason of a refusal. With an
	// error the caller holds what is known, for the log and the audit trail.
	Admit(r *http.Request) (C, error)
	// Security lists the ways to be admitted, for the OpenAPI document. An empty
	// way needs no credentials.
	Security() []map[string][]string
}

// Handler serves a request of a caller that was admitted.
type Handler[C any] func(w http.ResponseWriter, r *http.Request, c C) error

// Endpoint serves one route. The OpenAPI document is made from the same types
// that serve requests.
type Endpoint[C any] struct {
	// Form reports that the body is a form, and that errors are those of RFC 6749.
	Form    bool
	in, out reflect.Type
	// prepare is called once, at start-up.
	prepare func(huma.Registry) Handler[C]
	// bodyOptional: a request may come without a body.
	bodyOptional bool
	// status of a response without an error; 0 for 200.
	status int
}

// None is the response of routes that return nothing: 204.
type None struct{}

// withoutBody reports whether a request has no body.
func withoutBody(r *http.Request) bool { return r.ContentLength == 0 }

// Call returns an endpoint that decodes a request of type In, calls f and encodes its
// response. The tags of In name the fields of the path, the query, headers and the body.
func Call[C, In, Out any](f func(context.Context, C, In) (Out, error)) Endpoint[C] {
	return calling(f, statusOf[Out](), false)
}

// Create is [Call] for a route that makes something: the status is 201.
func Create[C, In, Out any](f func(context.Context, C, In) (Out, error)) Endpoint[C] {
	return calling(f, http.StatusCreated, false)
}

// CallMaybe is [Call] for requests whose body may be absent.
func CallMaybe[C, In, Out any](f func(context.Context, C, In) (Out, error)) Endpoint[C] {
	return calling(f, statusOf[Out](), true)
}

func calling[C, In, Out any](f func(context.Context, C, In) (Out, error), status int, bodyOptional bool) Endpoint[C] {
	in, out := reflect.TypeFor[In](), reflect.TypeFor[Out]()
	return Endpoint[C]{in: in, out: out, status: status, bodyOptional: bodyOptional, prepare: func(registry huma.Registry) Handler[C] {
		params := parameters(in)
		var body *form
		if hasBody(in) {
			body = &form{registry, registry.Schema(in, false, "")}
		}
		return func(w http.ResponseWriter, r *http.Request, c C) error {
			var request In
			if err := bind(r, params, reflect.ValueOf(&request).Elem()); err != nil {
				return err
			}
			if body != nil && !(bodyOptional && withoutBody(r)) {
				if err := body.read(r, &request); err != nil {
					return err
				}
			}
			response, err := f(r.Context(), c, request)
			if err != nil {
				return err
			}
			return Respond(w, status, response)
		}
	}}
}

// Plain returns an endpoint that writes its own response, such as the key set.
func Plain[C any](h Handler[C]) Endpoint[C] {
	return Endpoint[C]{prepare: func(huma.Registry) Handler[C] { return h }}
}

// Documented is [Plain] with a response type for the OpenAPI document.
func Documented[Out, C any](h Handler[C]) Endpoint[C] {
	e := Plain(h)
	e.in, e.out = reflect.TypeFor[None](), reflect.TypeFor[Out]()
	return e
}

// Form is [Plain] for requests whose body is a form. The types are only for the OpenAPI
// document. Out is struct{} for an empty response with status 200.
func Form[In, Out, C any](h Handler[C]) Endpoint[C] {
	e := Plain(h)
	e.Form, e.in = true, reflect.TypeFor[In]()
	if out := reflect.TypeFor[Out](); out != reflect.TypeFor[struct{}]() {
		e.out = out
	}
	return e
}

// statusOf returns the status of a response type: 204 for None.
func statusOf[Out any]() int {
	if reflect.TypeFor[Out]() == reflect.TypeFor[None]() {
		return http.StatusNoContent
	}
	return http.StatusOK
}

// Respond writes a response as JSON. It encodes the whole response before it writes the
// first byte, so that an error of the encoder is still answered with 500.
func Respond(w http.ResponseWriter, status int, response any) error {
	w.Header().Set("Cache-Control", "no-store")
	if status == http.StatusNoContent {
		w.WriteHeader(status)
		return nil
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(response); err != nil {
		return fmt.Errorf("encode response: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes()) // an error here means that the caller has gone
	return nil
}
