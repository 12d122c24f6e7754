// Command go-oidc is a service that verifies access tokens with
// github.com/coreos/go-oidc instead of Portaria's own package.
package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

func main() {
	issuer := cmp.Or(os.Getenv("ISSUER"), "http://127.0.0.1:8400")
	audience := cmp.Or(os.Getenv("AUDIENCE"), "portaria")
	v := newVerifier(issuer, audience)
	mux := http.NewServeMux()
	mux.Handle("GET /orders", require(v, orders))

	listener, err := net.Listen("tcp", "127.0.0.1:"+cmp.Or(os.Getenv("PORT"), "8500"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.Serve(listener))
}

func newVerifier(issuer, audience string) *oidc.IDTokenVerifier {
	client := &http.Client{Timeout: 10 * time.Second}
	ctx := oidc.ClientContext(context.Background(), client)
	keys := oidc.NewRemoteKeySet(ctx, issuer+"/.well-known/jwks.json")
	return oidc.NewVerifier(issuer, keys, &oidc.Config{
		ClientID:             audience,
		SupportedSigningAlgs: []string{oidc.ES256}, // it takes RS256 alone otherwise
	})
}

func require(v *oidc.IDTokenVerifier, next func(http.ResponseWriter, *http.Request, *oidc.IDToken)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			raw = ""
		}
		token, err := v.Verify(r.Context(), raw)
		if err != nil {
			log.Printf("refused: %v", err)
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			http.Error(w, "the access token is not valid", http.StatusUnauthorized)
			return
		}
		next(w, r, token)
	})
}

func orders(w http.ResponseWriter, r *http.Request, token *oidc.IDToken) {
	fmt.Fprintf(w, "orders of %s\n", token.Subject)
}
