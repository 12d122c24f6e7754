package serve

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/portaria/portaria/internal/problem"
)

// Headers that protect browsers. Values are in the order of [baseHeaders].
const (
	contentPolicy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
	// strictTransport is the HSTS policy (RFC 6797) of an issuer that is https.
	strictTransport = "max-age=31536000; includeSubDomains"
)

// field is a header that is shared by all responses; its value is replaced
// as a whole, or copied before something is appended. It is never written to.
type field struct {
	name  string
	value []string
}

// baseHeaders are sent with every response unless its handler replaces them.
// They are the strictest for an API. https means that clients use https, directly or through
// a proxy.
func baseHeaders(https bool) []field {
	headers := []field{
		{"Cache-Control", []string{"no-store"}},
		{"Content-Security-Policy", []string{contentPolicy}},
		{"Cross-Origin-Opener-Policy", []string{"same-origin"}},
		{"Cross-Origin-Resource-Policy", []string{"same-origin"}},
		{"Referrer-Policy", []string{"no-referrer"}},
		{"X-Content-Type-Options", []string{"nosniff"}},
	}
	if https {
		headers = append(headers, field{"Strict-Transport-Security", []string{strictTransport}})
	}
	return headers
}

// Public marks a response as a document that pages of any origin may read:
// a key set, metadata, an API description. It holds nothing about the caller.
func Public(h http.Header) {
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Access-Control-Allow-Origin", "*")
}

// ownAnswer ends the header of a response that net/http itself writes before a request
// reaches the handler: 400, 431, 501, 505.
const ownAnswer = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"

// hardened adds the base headers to the responses that net/http itself writes, and makes
// their bodies problems (RFC 9457). net/http offers no other way.
type hardened struct {
	net.Listener
	lines []byte
}

func harden(l net.Listener, headers []field) net.Listener {
	return &hardened{l, headerLines(headers)}
}

// headerLines returns the headers as they follow a status line.
func headerLines(headers []field) []byte {
	var lines strings.Builder
	for _, h := range headers {
		lines.WriteString("\r\n" + h.name + ": " + h.value[0])
	}
	return []byte(lines.String())
}

// Accept implements [net.Listener].
func (h *hardened) Accept() (net.Conn, error) {
	c, err := h.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &hardenedConn{Conn: c, lines: h.lines}, nil
}

type hardenedConn struct {
	net.Conn
	lines []byte
}

// Write sends p. net/http writes its own responses with one call.
func (c *hardenedConn) Write(p []byte) (int, error) {
	line, own := ownStatusLine(p)
	if !own {
		return c.Conn.Write(p)
	}
	whole := append(append(append([]byte{}, p[:line]...), c.lines...), ownProblem(p, line)...)
	if _, err := c.Conn.Write(whole); err != nil {
		return 0, err
	}
	return len(p), nil
}

// ownStatusLine reports whether p is a response of net/http itself, and the length of its
// status line. Handlers never send 417, and their headers begin with another field.
func ownStatusLine(p []byte) (length int, own bool) {
	if !bytes.HasPrefix(p, []byte("HTTP/1.")) {
		return 0, false
	}
	length = bytes.Index(p[:min(len(p), 256)], []byte("\r\n"))
	if length < 0 {
		return 0, false
	}
	return length, bytes.HasPrefix(p[length:], []byte(ownAnswer)) || bytes.HasPrefix(p[len("HTTP/1.1"):], []byte(" 417 "))
}

// ownProblem returns what follows the status line of such a response, with a problem as its
// body. 417 has no body and stays unchanged.
func ownProblem(p []byte, line int) []byte {
	var status int
	if _, err := fmt.Sscanf(string(p[len("HTTP/1.1"):line]), "%d", &status); err != nil || status == http.StatusExpectationFailed {
		return p[line:]
	}
	if status == http.StatusRequestHeaderFieldsTooLarge {
		return problemLines(problem.HeaderTooLarge())
	}
	return problemLines(problem.HTTPInvalid(status))
}

// problemLines returns what follows the base headers of a problem.
func problemLines(refusal error) []byte {
	var own problem.Table // these errors carry their own problem
	return append([]byte("\r\nContent-Type: application/problem+json\r\nConnection: close\r\n\r\n"), own.Of(refusal).Encode()...)
}

// CloseWrite lets net/http keep the connection open for a moment after an error, so that the
// client can read the response.
func (c *hardenedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
