package cli

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/portaria/portaria/internal/config"
)

func TestPlainHTTPToAnotherMachine(t *testing.T) {
	for base, test := range map[string]struct{ insecure, refused bool }{
		"http://localhost:8400":         {},
		"http://127.0.0.1:8400":         {},
		"http://[::1]:8400":             {},
		"https://login.example.org":     {},
		"http://login.example.org":      {refused: true},
		"http://10.0.0.7:8400":          {refused: true},
		"http://localhost.example.org":  {refused: true},
		"HTTP://login.example.org":      {refused: true},
		"http://127.0.0.1@example.org/": {refused: true},
		"http://10.0.0.7":               {insecure: true},
		"login.example.org":             {refused: true},
		"ftp://localhost":               {insecure: true, refused: true},
	} {
		if err := checkPlain(base, test.insecure); (err != nil) != test.refused {
			t.Errorf("%s: %v", base, err)
		}
	}
}

func TestTokensFollowNoRedirect(t *testing.T) {
	var got atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { got.Add(1) }))
	defer elsewhere.Close()
	service := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer service.Close()
	hc, err := HTTPClient(config.Default(), service.URL, false)
	if err != nil {
		t.Fatal(err)
	}
	if response, err := hc.Get(service.URL); err == nil {
		response.Body.Close()
		t.Error("the redirect was followed")
	}
	if got.Load() != 0 {
		t.Error("another service was called")
	}
}
