package main

import (
	"net"
	"testing"

	"github.com/portaria/portaria/internal/config"
)

func TestOnThisMachine(t *testing.T) {
	for base, want := range map[string]bool{
		"http://localhost:8400":              true,
		"http://127.0.0.1:8400":              true,
		"https://127.9.9.9":                  true,
		"http://[::1]:8400":                  true,
		"http://[::ffff:127.0.0.1]:8400":     true,
		"https://login.example.org":          false,
		"http://localhost.example.org":       false,
		"http://127.0.0.1.example.org":       false,
		"http://127.0.0.1@login.example.org": false,
		"http://192.0.2.1":                   false,
		"http://0.0.0.0:8400":                false,
		"http://[::]:8400":                   false,
		"":                                   false,
		"://":                                false,
	} {
		if got := onThisMachine(base); got != want {
			t.Errorf("onThisMachine(%q) = %t", base, got)
		}
	}
}

func TestBaseURL(t *testing.T) {
	for _, test := range []struct {
		given, listen string
		tls           bool
		want          string
	}{
		{"", "127.0.0.1:8400", false, "http://127.0.0.1:8400"},
		{"", "127.0.0.1:8400", true, "https://127.0.0.1:8400"},
		{"", "localhost:80", false, "http://localhost:80"},
		{"", ":8400", true, "https://localhost:8400"},
		{"", "0.0.0.0:8400", true, "https://localhost:8400"},
		{"", "[::]:8400", true, "https://localhost:8400"},
		{"", "[::1]:8400", false, "http://[::1]:8400"},
		{"", "192.0.2.1:443", true, "https://192.0.2.1:443"},
		{"https://login.example.org", "127.0.0.1:8400", false, "https://login.example.org"},
	} {
		c := config.Config{Listen: test.listen}
		if test.tls {
			c.TLSCertFile = "cert.pem"
		}
		if got := baseURL(test.given, c); got != test.want {
			t.Errorf("%+v: got %s", test, got)
		}
	}
}

func TestReachableKnowsThePortThatTheSystemChose(t *testing.T) {
	bound := &net.TCPAddr{IP: net.IPv6unspecified, Port: 43210}
	for listen, want := range map[string]string{
		"127.0.0.1:0":    "http://127.0.0.1:43210",
		"0.0.0.0:0":      "http://localhost:43210",
		"127.0.0.1:8400": "http://127.0.0.1:8400",
	} {
		if got := reachable(config.Config{Listen: listen}, bound); got != want {
			t.Errorf("%s: got %s, want %s", listen, got, want)
		}
	}
}

func TestIssuerIsNotAskedOfStrangers(t *testing.T) {
	c := &call{Context: t.Context(), commands: &commands{URL: "https://login.example.org"}}
	if issuer, err := c.issuer(config.Config{}, nil); err == nil {
		t.Errorf("believed %s", issuer)
	}
	issuer, err := c.issuer(config.Config{Issuer: "https://login.example.org"}, nil)
	if err != nil || issuer != "https://login.example.org" {
		t.Errorf("got %q, %v", issuer, err)
	}
}
