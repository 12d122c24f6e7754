package redirect_test

import (
	"strings"
	"testing"

	"github.com/portaria/portaria/internal/clients/redirect"
)

func TestCheck(t *testing.T) {
	for uri, ok := range map[string]bool{
		"https://shop.example.com/callback":    true,
		"https://shop.example.com":             true,
		"https://shop.example.com:8443/a?b=c":  true,
		"http://127.0.0.1/callback":            true,
		"http://127.0.0.1:8080/callback":       true,
		"http://[::1]:8080/callback":           true,
		"com.example.app:/callback":            true,
		"com.example.app:/":                    true,
		"":                                     false,
		"/callback":                            false,
		"http://shop.example.com/callback":     false,
		"http://localhost/callback":            false, // a name can lead elsewhere (RFC 8252, section 8.3)
		"http://127.0.0.1.evil.example.com/":   false,
		"https://":                             false,
		"https:///callback":                    false,
		"https://*.example.com/callback":       false,
		"https://shop.example.com/callback#":   false,
		"https://shop.example.com/callback#x":  false,
		"https://ana:secret@shop.example.com/": false,
		"https://Shop.example.com/":            false,
		"HTTPS://shop.example.com/":            false,
		"https://shop.example.com/a/../b":      false,
		"https://shop.example.com/a\\b":        false,
		"https://shop.example.com/a b":         false,
		"https://shop.example.com/ç":           false,
		"javascript:alert(1)":                  false,
		"data:text/html,x":                     false,
		"file:///etc/passwd":                   false,
		"app:/callback":                        false,
		"com.example.app://host/callback":      false,
		"com.example.app:callback":             false,
		"com..app:/callback":                   false,
		"https://x.example/" + strings.Repeat("a", redirect.MaxLength-18): true,
		"https://x.example/" + strings.Repeat("a", redirect.MaxLength-17): false,
	} {
		if fault := redirect.Check(uri); (fault == "") != ok {
			t.Errorf("%q: %q, want valid %v", uri, fault, ok)
		}
	}
}

// TestMatches: redirect URIs are compared byte by byte, but for the port on a
// loopback address.
func TestMatches(t *testing.T) {
	registered := []string{"https://shop.example.com/cb", "http://127.0.0.1/cb?x=1", "http://[::1]:99/", "com.example.app:/cb"}
	for uri, want := range map[string]bool{
		"https://shop.example.com/cb": true, "https://shop.example.com/cb/": false, "https://shop.example.com/CB": false,
		"https://shop.example.com:443/cb": false, "https://shop.example.com:1/cb": false, "https://shop.example.com/cb?x": false,
		"http://127.0.0.1/cb?x=1": true, "http://127.0.0.1:5000/cb?x=1": true, "http://127.0.0.1:5000/cb": false,
		"http://127.0.0.2:5000/cb?x=1": false, "http://[::1]:5000/": true, "http://[::1]/": true, "http://127.0.0.1:5000@evil.example/cb?x=1": false,
		"http://localhost:5000/cb?x=1": false, "http://127.0.0.1:/cb?x=1": false, "https://127.0.0.1:5000/cb?x=1": false,
		"com.example.app:/cb": true, "com.example.app:/cb2": false, "": false,
	} {
		if got := redirect.Matches(registered, uri); got != want {
			t.Errorf("%q: %v, want %v", uri, got, want)
		}
	}
	if redirect.Matches(nil, "https://shop.example.com/cb") || redirect.Matches(nil, "") {
		t.Error("a client without redirect URIs")
	}
}
