package main

import (
	"log/slog"
	"testing"

	"github.com/portaria/portaria/internal/config"
)

// Browsers are told to use TLS alone when the outside sees https, whoever ends
// it.
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
