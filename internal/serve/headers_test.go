package serve_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/serve"
)

// answered sends bytes on a new connection and returns the first response.
func answered(t *testing.T, address, text string) *http.Response {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return answeredOn(t, c, text)
}

func answeredOn(t *testing.T, c net.Conn, text string) *http.Response {
	t.Helper()
	defer c.Close()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response
}

// What net/http refuses never reaches the handler. Its answers protect browsers
// all the same, with TLS and without.
func TestOwnAnswersOfTheServerHaveTheHeaders(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /a/b", answer(204))
	plain := start(t, serve.Config{HTTPS: true}, mux)
	secure, _, dial := startTLS(t, mux)
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
		own := want != 307 && want != 417
		protected(t, text, answered(t, plain.address, text), want, own)
		protected(t, "TLS: "+text, answeredOn(t, dial("http/1.1"), text), want, own)
	}
	const spoken = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	protected(t, "plain HTTP where TLS is spoken", answered(t, secure.address, spoken), 400, true)
}

// The server's own problems have a code of the reference, and their own status.
func TestOwnAnswersOfTheServerAreProblems(t *testing.T) {
	plain := start(t, serve.Config{}, answer(204))
	secure, _, _ := startTLS(t, answer(204))
	const good = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	for _, want := range []struct {
		address, text, code string
		status              int
	}{
		{plain.address, "nonsense\r\n\r\n", "http_invalid", 400},
		{plain.address, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", "http_invalid", 501},
		{plain.address, "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n", "header_too_large", 431},
		{secure.address, good, "tls_required", 400},
	} {
		var got api.Problem
		response := answered(t, want.address, want.text)
		if err := json.NewDecoder(response.Body).Decode(&got); err != nil || got.Code != want.code || got.Status != want.status || response.StatusCode != want.status {
			t.Errorf("%.40q: %d %+v %v, want %s", want.text, response.StatusCode, got, err, want.code)
		}
	}
}

// protected checks an answer; own says that net/http wrote it by itself.
func protected(t *testing.T, text string, response *http.Response, want int, own bool) {
	t.Helper()
	if response.StatusCode != want {
		t.Errorf("%.40q: %d, want %d", text, response.StatusCode, want)
	}
	if own && response.ContentLength < 0 && response.Header.Get("Content-Type") != "application/problem+json" {
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

// startTLS starts a server with a certificate. dial offers one protocol.
func startTLS(t *testing.T, handler http.Handler) (s server, roots *x509.CertPool, dial func(protocol string) net.Conn) {
	t.Helper()
	p := newPair(t)
	leaf := p.write(t, "portaria", time.Now())
	s = start(t, serve.Config{CertFile: p.cert, KeyFile: p.key}, handler)
	roots = x509.NewCertPool()
	roots.AddCert(leaf)
	return s, roots, func(protocol string) net.Conn {
		t.Helper()
		c, err := tls.Dial("tcp", s.address, &tls.Config{RootCAs: roots, NextProtos: []string{protocol}})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.ConnectionState().NegotiatedProtocol; got != protocol {
			t.Fatalf("negotiated %q, want %q", got, protocol)
		}
		return c
	}
}

// Over HTTP/2 the wrapper answers up to the limit of net/http.
func TestHTTP2AnswersHaveTheHeaders(t *testing.T) {
	s, roots, _ := startTLS(t, http.HandlerFunc(answer(204)))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	for size, want := range map[int]int{1: 204, 40 << 10: 431, 100 << 10: 431} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+s.address, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X", strings.Repeat("x", size))
		response, err := transport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.ProtoMajor != 2 {
			t.Errorf("spoke %s", response.Proto)
		}
		protected(t, fmt.Sprint("HTTP/2, a header of ", size), response, want, false)
	}
}

// A client that begins a handshake and stops does not keep the server from ending.
func TestHandshakesEndWithTheServer(t *testing.T) {
	s, _, dial := startTLS(t, http.HandlerFunc(answer(204)))
	silent, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	dial("http/1.1").Close() // others are served meanwhile
	s.stop()
	if err := <-s.ended; err != nil {
		t.Error(err)
	}
	if _, err := silent.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is open")
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
