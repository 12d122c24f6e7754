package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"runtime/debug"

	"github.com/portaria/portaria/internal/problem"
)

// secured does the handshakes of TLS connections before net/http receives them. So the
// responses that net/http itself writes to HTTP/1 connections have the base headers and are
// problems, as without TLS.
//
// net/http needs a *tls.Conn to speak HTTP/2. Two of its own responses there stay as net/http
// writes them: 431 for a header over hardMaxHeader, and 400 for a header
// that belongs to one connection only (RFC 9113 §8.2.2).
type secured struct {
	net.Listener
	config *tls.Config
	lines  []byte
	log    *slog.Logger
	ready  chan accepted
	ctx    context.Context // ends with the listener
	end    context.CancelFunc
}

// accepted is what Accept returns.
type accepted struct {
	conn net.Conn
	err  error
}

// secure begins to accept connections; Close ends it.
func secure(l net.Listener, config *tls.Config, headers []field, log *slog.Logger) *secured {
	s := &secured{Listener: l, config: config, lines: headerLines(headers), log: log, ready: make(chan accepted)}
	s.ctx, s.end = context.WithCancel(context.Background())
	go s.run()
	return s
}

func (s *secured) run() {
	for s.ctx.Err() == nil {
		conn, err := s.Listener.Accept()
		if err != nil {
			s.pass(accepted{err: err}) // net/http waits after a temporary error
			continue
		}
		go s.handshake(conn)
	}
}

// pass reports whether Accept took a.
func (s *secured) pass(a accepted) bool {
	select {
	case s.ready <- a:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// Accept implements [net.Listener].
func (s *secured) Accept() (net.Conn, error) {
	select {
	case a := <-s.ready:
		return a.conn, a.err
	case <-s.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener]. It ends handshakes that are not finished.
func (s *secured) Close() error {
	s.end()
	return s.Listener.Close()
}

func (s *secured) handshake(conn net.Conn) {
	defer func() {
		if panicked := recover(); panicked != nil {
			s.log.ErrorContext(s.ctx, "TLS handshake panicked", "panic", panicked, "stack", string(debug.Stack()))
			_ = conn.Close()
		}
	}()
	ctx, cancel := context.WithTimeout(s.ctx, readHeaderTimeout)
	defer cancel()
	shaken := tls.Server(conn, s.config)
	if err := shaken.HandshakeContext(ctx); err != nil {
		s.refuse(err)
		_ = conn.Close()
		return
	}
	ready := net.Conn(shaken)
	if shaken.ConnectionState().NegotiatedProtocol != "h2" {
		ready = &hardenedConn{Conn: shaken, lines: s.lines}
	}
	if !s.pass(accepted{conn: ready}) {
		_ = conn.Close()
	}
}

// refuse sends 400 to a client that speaks plain HTTP, as net/http does.
func (s *secured) refuse(err error) {
	s.log.DebugContext(s.ctx, "TLS handshake failed", "error", err)
	var header tls.RecordHeaderError
	if !errors.As(err, &header) || header.Conn == nil {
		return
	}
	switch string(header.RecordHeader[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "DELET", "PATCH":
		answer := append([]byte("HTTP/1.0 400 Bad Request"), s.lines...)
		answer = append(answer, problemLines(problem.TLSRequired())...)
		_, _ = header.Conn.Write(answer)
	}
}
