package main

import (
	"log/slog"
	"testing"

	"github.com/portaria/portaria/internal/config"
)

// Browsers get an HSTS header when clients reach the service over https. It does
// not matter where TLS ends.
func TestHTTPSFollowsTheIssuer(t *testing.T) {
	for issuer, want := range map[string]bool{
		"https://login.example.com": true, "https://example.com/auth": true,
		"http://login.example.com": false, "": false,
	} {
		if got := serveConfig(config.Config{Issuer: issuer}, slog.New(slog.DiscardHandler)).HTTPS; got != want {
			t.Errorf("issuer %q: HTTPS is %v", issuer, got)
		}
	}
}
