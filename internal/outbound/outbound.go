// Package outbound is the HTTP client for requests to addresses that others
// choose: webhooks, key sets, identity providers. It limits time, size, content
// type and redirects, and connects only to addresses that [Reach] allows. A name
// is checked when it is dialled, after it was resolved, so that a name with
// changing addresses gains nothing.
package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"slices"
	"time"
)

// Errors of this package.
var (
	// ErrAddress reports an address outside of the reach.
	ErrAddress = errors.New("address is not permitted")
	// ErrRedirect reports a redirect to another host, or too many redirects.
	ErrRedirect = errors.New("redirect refused")
	// ErrTooLarge reports a response that is longer than MaxBody.
	ErrTooLarge = errors.New("response is too large")
	// ErrResponse reports a status or a content type that is not accepted.
	ErrResponse = errors.New("unexpected response")
)

// Limits of every connection.
const (
	dialTimeout   = 5 * time.Second
	headerTimeout = 10 * time.Second
	maxHeader     = 16 << 10
	idleTimeout   = 30 * time.Second
)

// Config says what a [Client] may do. Timeout and MaxBody are required.
type Config struct {
	// Reach says which addresses the client connects to. The zero value allows
	// public addresses only.
	Reach Reach
	// Roots are the trusted certificate authorities; nil means those of the
	// system. See [Roots].
	Roots *x509.CertPool
	// Timeout limits a whole exchange, with redirects and body.
	Timeout time.Duration
	// MaxBody is the greatest length of a response's body in bytes.
	MaxBody int64
	// Types are the media types that [Client.Get] accepts; none means any.
	Types []string
	// Redirects is how many redirects are followed, within the same scheme and
	// host. With 0 the caller gets the redirect as a response.
	Redirects int
	// EnvironmentProxy uses the proxy that the environment names. A proxy resolves
	// names itself and reaches what it likes. Set it only when the operator chose
	// the address.
	EnvironmentProxy bool
	// KeepAlive keeps connections for later requests.
	KeepAlive bool
	// Resolver resolves names; nil means that of the system.
	Resolver *net.Resolver
}

// Client sends requests within the limits of its Config. Make it with [New].
type Client struct {
	config Config
	http   *http.Client
}

// New returns a client.
func New(c Config) (*Client, error) {
	if c.Timeout <= 0 || c.MaxBody <= 0 {
		return nil, errors.New("set up an HTTP client: it needs a timeout and a limit of the body")
	}
	dialer := &net.Dialer{Timeout: dialTimeout, Resolver: c.Resolver, Control: c.Reach.control}
	transport := &http.Transport{
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    dialTimeout,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.Roots},
		ResponseHeaderTimeout:  headerTimeout,
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true, // a small response must not become a large one
		DisableKeepAlives:      !c.KeepAlive,
		MaxIdleConnsPerHost:    1,
		IdleConnTimeout:        idleTimeout,
	}
	if c.EnvironmentProxy {
		transport.Proxy = http.ProxyFromEnvironment
	}
	return &Client{c, &http.Client{Transport: transport, Timeout: c.Timeout, CheckRedirect: c.redirect}}, nil
}

// redirect permits redirects within one host. The client also checks the address
// of each when it dials.
func (c Config) redirect(r *http.Request, via []*http.Request) error {
	if c.Redirects == 0 {
		return http.ErrUseLastResponse
	}
	if len(via) > c.Redirects {
		return fmt.Errorf("%w: more than %d", ErrRedirect, c.Redirects)
	}
	if first := via[0].URL; r.URL.Host != first.Host || r.URL.Scheme != first.Scheme {
		return fmt.Errorf("%w: it leads to another host", ErrRedirect)
	}
	return nil
}

// Do sends a request. The body of the response ends with [ErrTooLarge] at
// MaxBody. The caller closes it.
func (c *Client) Do(r *http.Request) (*http.Response, error) {
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	answer.Body = &limited{answer.Body, c.config.MaxBody}
	return answer, nil
}

// Get returns the body of a response with status 200 and an accepted type.
func (c *Client) Get(ctx context.Context, url string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	for _, kind := range c.config.Types {
		r.Header.Add("Accept", kind)
	}
	answer, err := c.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: status %d", ErrResponse, answer.StatusCode)
	}
	kind, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if len(c.config.Types) > 0 && (err != nil || !slices.Contains(c.config.Types, kind)) {
		return nil, fmt.Errorf("%w: content type is not accepted", ErrResponse)
	}
	return io.ReadAll(answer.Body)
}

// limited is a body that must not be longer than left.
type limited struct {
	io.ReadCloser
	left int64
}

// Read fails with [ErrTooLarge] after the limit.
func (l *limited) Read(p []byte) (int, error) {
	if l.left < 0 {
		return 0, ErrTooLarge
	}
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.ReadCloser.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return n - 1, ErrTooLarge
	}
	return n, err
}
