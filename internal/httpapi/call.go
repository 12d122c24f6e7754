package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/portaria/portaria/api"
)

// none is the response of routes that have nothing to say: 204.
type none struct{}

// bodiless reports whether a request has no body.
func bodiless(r *http.Request) bool { return r.ContentLength == 0 }

// endpoint serves one route. Its types are known, so that the document of the
// API is made from the very same thing that serves it.
type endpoint struct {
	in, out reflect.Type
	// prepare is called once, at start-up.
	prepare func(huma.Registry) handler
	// bodyOptional: a request may come without a body.
	bodyOptional bool
}

// handler serves a request of a caller that was let in.
type handler func(w http.ResponseWriter, r *http.Request, c Caller) error

// call makes an endpoint of a function from a request type to a response
// type. Decoding, limits and encoding exist here once.
func call[In, Out any](f func(context.Context, Caller, In) (Out, error)) endpoint {
	return calling(f, false)
}

// callMaybe is call for a request type whose body may be left out.
func callMaybe[In, Out any](f func(context.Context, Caller, In) (Out, error)) endpoint {
	return calling(f, true)
}

func calling[In, Out any](f func(context.Context, Caller, In) (Out, error), bodyOptional bool) endpoint {
	in, out := reflect.TypeFor[In](), reflect.TypeFor[Out]()
	return endpoint{in, out, func(registry huma.Registry) handler {
		params, status := parameters(in), statusOf(out)
		var body *form
		if hasBody(in) {
			body = &form{registry, registry.Schema(in, false, "")}
		}
		return func(w http.ResponseWriter, r *http.Request, c Caller) error {
			var request In
			if err := bind(r, params, reflect.ValueOf(&request).Elem()); err != nil {
				return err
			}
			if body != nil && !(bodyOptional && bodiless(r)) {
				if err := body.read(r, &request); err != nil {
					return err
				}
			}
			response, err := f(r.Context(), c, request)
			if err != nil {
				return err
			}
			return respond(w, status, response)
		}
	}, bodyOptional}
}

// plain makes an endpoint that writes its own response: documents that others
// define, such as the key set.
func plain(h handler) endpoint {
	return endpoint{prepare: func(huma.Registry) handler { return h }}
}

// formed makes an endpoint that writes its own response to a form, whose types
// are for the document: what OAuth defines.
func formed[In, Out any](h handler) endpoint {
	e := plain(h)
	e.in, e.out = reflect.TypeFor[In](), reflect.TypeFor[Out]()
	return e
}

// silent is formed for what answers 200 and nothing else.
func silent[In any](h handler) endpoint {
	e := plain(h)
	e.in = reflect.TypeFor[In]()
	return e
}

// statusOf is the status of a successful response: its type decides.
func statusOf(out reflect.Type) int {
	switch out {
	case reflect.TypeFor[none]():
		return http.StatusNoContent
	case reflect.TypeFor[api.Created](), reflect.TypeFor[api.WebhookMade](), reflect.TypeFor[api.RegisteredClient](),
		reflect.TypeFor[api.ClientSecret](), reflect.TypeFor[api.Revoked]():
		return http.StatusCreated
	}
	return http.StatusOK
}

// respond writes the response as JSON. It is encoded whole before the first
// byte goes out, so that an error can still become a 500.
func respond(w http.ResponseWriter, status int, response any) error {
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
