// Package serve runs an HTTP server on an open network: timeouts and limits on every
// connection, TLS from files that may change, request ids, the client's address from declared
// proxies only, an access log without secrets, and a shutdown that lets requests finish.
package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/portaria/portaria/api"
)

// Limits on every connection. A request that needs longer, such as a feed,
// moves its own deadline with [http.ResponseController].
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 30 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeader         = 32 << 10
	// net/http itself responds to a header over its limit, with a page of HTML over
	// HTTP/2. So its limit is greater, and the wrapper enforces maxHeader.
	hardMaxHeader = 4 * maxHeader

	// DefaultMaxBody is the limit on request bodies in bytes.
	DefaultMaxBody = api.MaxBody
)

// Config says how to serve. Listen and Log are required.
type Config struct {
	// Listen is host:port; port 0 lets the system choose one.
	Listen string
	// CertFile and KeyFile are a certificate chain and its key as PEM. Without
	// them, the server speaks plain HTTP.
	CertFile, KeyFile string
	// HTTPS means that a proxy terminates TLS: clients use https although the service
	// speaks plain HTTP.
	HTTPS bool
	// TrustedProxies are the networks of proxies whose ProxyHeader is trusted. The other
	// header is ignored, because the client controls it.
	TrustedProxies []netip.Prefix
	ProxyHeader    ProxyHeader
	// MaxBody is the limit on request bodies in bytes; 0 means DefaultMaxBody.
	// Reading more fails with *http.MaxBytesError.
	MaxBody int64
	// SlowRequest is the duration from which a request is logged as slow; 0 means never.
	SlowRequest time.Duration
	// ShutdownDelay is how long the server still accepts requests after the end
	// of Run's context. Each response then asks the client to close the
	// connection, so that load balancers open no request on it any more.
	ShutdownDelay time.Duration
	// ShutdownGrace is how long requests may continue after the listener closed.
	ShutdownGrace time.Duration
	// Panicked responds to a request whose handler panicked before its response; nil
	// sends an empty 500. The panic is already logged.
	Panicked http.HandlerFunc
	// HeaderTooLarge responds to a request whose header is over the limit; nil sends an
	// empty 431.
	HeaderTooLarge http.HandlerFunc
	// Log receives the access log and the errors of connections.
	Log *slog.Logger
}

// Server is a server that is bound to its address. Make it with [Listen].
type Server struct {
	config      Config
	listener    net.Listener
	certificate *certificate // nil without TLS
	http        *http.Server
	leaving     atomic.Bool        // responses close their connections
	end         context.CancelFunc // ends the context of all requests
}

// Listen binds the address, so that connections wait from now on, and reads the
// certificate. Call [Server.Run] next, or [Server.Close].
func Listen(c Config, handler http.Handler) (*Server, error) {
	certificate, err := c.certificate()
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", c.Listen, err)
	}
	base, end := context.WithCancel(context.Background())
	stop := stopping{make(chan struct{}), c.ShutdownGrace}
	base = context.WithValue(base, stoppingKey{}, stop)
	s := &Server{config: c, listener: listener, certificate: certificate, end: end}
	s.http = &http.Server{
		Handler:           s.closing(Wrap(c, handler)),
		TLSConfig:         certificate.config(),
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    hardMaxHeader,
		BaseContext:       func(net.Listener) context.Context { return base },
		// "OPTIONS *" is handled like any other request without a route.
		DisableGeneralOptionsHandler: true,
		// Scanners and broken clients cause many of these lines.
		ErrorLog: slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
	}
	s.http.RegisterOnShutdown(func() { close(stop.begun) })
	return s, nil
}

// https reports whether clients reach the service over TLS.
func (c Config) https() bool { return c.HTTPS || c.CertFile != "" }

// closing asks clients to close their connections while the server stops.
func (s *Server) closing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.leaving.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// certificate reads the certificate; nil without TLS.
func (c Config) certificate() (*certificate, error) {
	if c.CertFile == "" && c.KeyFile == "" {
		return nil, nil
	}
	return loadCertificate(c.CertFile, c.KeyFile, c.Log)
}

// config returns the settings of TLS; nil without TLS.
func (c *certificate) config() *tls.Config {
	if c == nil {
		return nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, CipherSuites: authenticated(), GetCertificate: c.get,
		NextProtos: []string{"h2", "http/1.1"}}
}

// ReloadCertificate reads the certificate again and uses it from now on. After
// an error, the old certificate stays in use. Without TLS it does nothing.
func (s *Server) ReloadCertificate() error {
	if s.certificate == nil {
		return nil
	}
	return s.certificate.reloadNow()
}

// authenticated are the suites of TLS 1.2 with forward secrecy and authenticated
// encryption, so none with CBC. Those of TLS 1.3 all have both.
func authenticated() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
}

// Addr returns the address that the server is bound to.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Close gives up the address of a server that never ran.
func (s *Server) Close() error {
	s.end()
	return s.listener.Close()
}

// Run serves until ctx ends. It then accepts requests for ShutdownDelay, closes the listener,
// and waits for the requests under way, at most ShutdownGrace. After it returned nil, no
// handler runs, and the resources of handlers may be closed. [ErrCutOff] reports that some
// requests were cut off.
func (s *Server) Run(ctx context.Context) error {
	defer s.end()
	failed := make(chan error, 1)
	go func() { failed <- s.serve() }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve on %s: %w", s.Addr(), err)
	case <-ctx.Done():
	}
	s.leaving.Store(true)
	delay := time.NewTimer(s.config.ShutdownDelay)
	defer delay.Stop()
	select {
	case err := <-failed:
		return fmt.Errorf("serve on %s: %w", s.Addr(), err)
	case <-delay.C:
	}
	return s.shutdown()
}

// ErrCutOff reports that requests were still running at the end of ShutdownGrace.
var ErrCutOff = errors.New("requests were cut off")

func (s *Server) shutdown() error {
	grace, cancel := context.WithTimeout(context.Background(), s.config.ShutdownGrace)
	defer cancel()
	err := s.http.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		s.end()
		return errors.Join(fmt.Errorf("shut down within %v: %w", s.config.ShutdownGrace, ErrCutOff), s.http.Close())
	}
	return err
}

func (s *Server) serve() error {
	headers := baseHeaders(s.config.https())
	if s.http.TLSConfig != nil {
		return s.http.Serve(secure(s.listener, s.http.TLSConfig, headers, s.config.Log))
	}
	return s.http.Serve(harden(s.listener, headers))
}
