package serve_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/portaria/portaria/internal/serve"
)

// answered sends bytes on a new connection and returns the first response.
func answered(t *testing.T, address, text string) *http.Response {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.ReadAll(response.Body); err != nil {
		t.Fatal(err)
	}
	return response
}

// What net/http refuses never reaches the handler. Its answers protect browsers
// all the same.
func TestOwnAnswersOfTheServerHaveTheHeaders(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /a/b", answer(204))
	s := start(t, serve.Config{HTTPS: true}, mux)
	for text, want := range map[string]int{
		"GET / HTTP/1.1\r\n\r\n":                                                       400, // without Host
		"nonsense\r\n\r\n":                                                             400,
		"GET / HTTP/1.1\r\nHost: a b\r\n\r\n":                                          400,
		"GET / HTTP/3.0\r\nHost: a\r\n\r\n":                                            505,
		"GET /a//b HTTP/1.1\r\nHost: a\r\n\r\n":                                        307,
		"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n":                                        400,
		"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n":   431,
		"GET / HTTP/1.1\r\nHost: a\r\nY: " + strings.Repeat("x", 40<<10) + "\r\n\r\n":  431,
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n":                501,
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n": 400,
		"GET / HTTP/1.1\r\nHost: a\r\nExpect: the unexpected\r\n\r\n":                  417,
	} {
		response := answered(t, s.address, text)
		if response.StatusCode != want {
			t.Errorf("%.40q: %d, want %d", text, response.StatusCode, want)
		}
		if own := want != 307 && want != 417 && response.ContentLength < 0; own && response.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%.40q: %s", text, response.Header.Get("Content-Type"))
		}
		for name, value := range map[string]string{
			"Content-Security-Policy":      "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
			"X-Content-Type-Options":       "nosniff",
			"Cache-Control":                "no-store",
			"Strict-Transport-Security":    "max-age=31536000; includeSubDomains",
		} {
			if got := response.Header.Values(name); len(got) != 1 || got[0] != value {
				t.Errorf("%.40q: %s is %q", text, name, got)
			}
		}
	}
}

// A body that looks like an answer of net/http stays as it is.
func TestHardenedConnectionsChangeNoBody(t *testing.T) {
	const body = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nX: y\r\n\r\n"
	s := start(t, serve.Config{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(w).Flush()
		_, _ = io.WriteString(w, body)
	}))
	if got := <-get(s.address); got != body {
		t.Errorf("the body became %q", got)
	}
}
