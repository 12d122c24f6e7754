// Command chi is a service with the router chi whose routes ask for access tokens:
// what fits net/http takes [verify.Verifier.Require] as middleware.
package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/portaria/portaria/verify"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	v, err := verify.New(ctx, verify.Config{
		Issuer:   cmp.Or(os.Getenv("ISSUER"), "http://127.0.0.1:8400"),
		Audience: cmp.Or(os.Getenv("AUDIENCE"), "portaria"),
		// With the credentials of a client that has the scope revocation:read, it
		// hears what is revoked; without them, tokens are good until they expire.
		ClientID:     os.Getenv("CLIENT_ID"),
		ClientSecret: verify.Secret(os.Getenv("CLIENT_SECRET")),
	})
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+cmp.Or(os.Getenv("PORT"), "8500"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())
	server := &http.Server{Handler: routes(v), ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.Serve(listener))
}

// require is Require in the form of chi's middleware.
func require(v *verify.Verifier, needs ...verify.Requirement) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler { return v.Require(next, needs...) }
}

func routes(v *verify.Verifier) http.Handler {
	r := chi.NewRouter()
	r.Get("/readyz", ready(v))
	r.Group(func(r chi.Router) {
		r.Use(require(v))
		r.Get("/orders", orders)
	})
	r.With(require(v, verify.FreshWithin(5*time.Minute))).Post("/transfers", transfer)
	r.With(require(v, verify.Scope("reports:read"))).Get("/reports", reports)
	return r
}

func orders(w http.ResponseWriter, r *http.Request) {
	claims, _ := verify.FromContext(r.Context())
	fmt.Fprintf(w, "orders of %s\n", claims.Subject())
}

func transfer(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) }

func reports(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "reports") }

// ready answers 503 while the service could not tell good tokens from bad ones.
func ready(v *verify.Verifier) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := v.Health(); err != nil {
			log.Print(err)
			http.Error(w, "not ready", http.StatusServiceUnavailable)
		}
	}
}
