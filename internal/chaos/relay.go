package main

import (
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"

	"github.com/portaria/portaria/verify"
)

// serveRelay serves what a verifier knows on to others, as a gateway does for
// the services behind it; everything else comes from the issuer.
func serveRelay(r role, v *verify.Verifier) (net.Listener, error) {
	l, err := net.Listen("tcp", r.Relay)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/rev/v1/", v.Feed())
	mux.Handle("/", httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: r.Behind}))
	go func() { _ = http.Serve(l, mux) }()
	return l, nil
}
