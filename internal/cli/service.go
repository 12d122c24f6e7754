package cli

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"time"

	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/app"
	"github.com/portaria/portaria/internal/config"
)

// callTimeout bounds one call of a command.
const callTimeout = 30 * time.Second

// Service returns the settings and a client of the service that they describe.
func (c *Call) Service() (config.Config, *client.Client, error) {
	settings, err := c.Settings()
	if err != nil {
		return config.Config{}, nil, err
	}
	base := BaseURL(c.URL, settings)
	if err := checkPlain(base, settings.InsecureHTTP); err != nil {
		return config.Config{}, nil, err
	}
	hc, err := HTTPClient(settings, base, c.URL == "")
	if err != nil {
		return config.Config{}, nil, err
	}
	return settings, client.New(base, hc), nil
}

// Operator returns a client that may call the routes for administrators. Its token
// is signed here with the local key and lives for a minute: a command that waits for a person
// calls Operator again afterwards.
func (c *Call) Operator() (*client.Client, error) {
	settings, service, err := c.Service()
	if err != nil {
		return nil, err
	}
	issuer, err := c.issuer(settings, service)
	if err != nil {
		return nil, err
	}
	access, err := app.OperatorToken(c, settings, issuer, time.Now())
	if err != nil {
		return nil, err
	}
	return service.WithToken(access), nil
}

// issuer returns the setting. If the issuer is derived from the listen address, it asks
// the service. It asks only a service on this machine, because the issuer
// decides which service accepts the operator's token.
func (c *Call) issuer(settings config.Config, service *client.Client) (string, error) {
	if settings.Issuer != "" {
		return settings.Issuer, nil
	}
	base := BaseURL(c.URL, settings)
	if !OnThisMachine(base) {
		return "", errors.New("set issuer to the issuer of the service: it is not asked, because it is not on this machine")
	}
	metadata, err := service.Metadata(c)
	if err != nil {
		return "", fmt.Errorf("ask the service at %s for its issuer: %w", redacted(base), err)
	}
	return metadata.Issuer, nil
}

// BaseURL returns the URL of the service for this machine.
func BaseURL(given string, settings config.Config) string {
	if given != "" {
		return given
	}
	scheme := "http"
	if settings.TLS() {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(settings.Listen)
	if err != nil {
		return scheme + "://" + settings.Listen
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// errPlainHTTP reports that the network could read what a command sends.
var errPlainHTTP = errors.New("plain HTTP to another machine shows tokens and passwords to the network: use https, or --insecure-http if nobody else is on this network")

// redacted returns a URL without its password.
func redacted(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return "its URL"
	}
	return u.Redacted()
}

// checkPlain refuses to send tokens and passwords unencrypted to another machine.
func checkPlain(base string, insecure bool) error {
	u, err := url.Parse(base)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		// It may hold a password, so it is not repeated.
		return Misuse("the URL of the service must begin with https:// or http://")
	case u.Scheme == "http" && !insecure && !OnThisMachine(base):
		return errPlainHTTP
	}
	return nil
}

// sameService rejects a redirect: the token would be sent there, perhaps over plain
// HTTP or to another service.
func sameService(*http.Request, []*http.Request) error {
	return errors.New("the service redirects, and no token is sent elsewhere: give its final address with --url")
}

// OnThisMachine reports whether the URL names a loopback address.
func OnThisMachine(base string) bool {
	u, err := url.Parse(base)
	if err != nil {
		return false
	}
	if u.Hostname() == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return err == nil && ip.IsLoopback()
}

// HTTPClient returns a client that trusts the system's authorities and the certificate
// in the settings of the service. A URL that is derived from the listen address is
// rarely a name in this certificate, so the client then expects a name of the
// certificate.
func HTTPClient(settings config.Config, base string, derived bool) (*http.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if settings.TLS() {
		text, err := os.ReadFile(settings.TLSCertFile)
		if err != nil {
			return nil, fmt.Errorf("read certificate: %w", err)
		}
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = x509.NewCertPool()
		}
		roots.AppendCertsFromPEM(text)
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
		if derived {
			transport.TLSClientConfig.ServerName = certifiedName(text, base)
		}
	}
	return &http.Client{Timeout: callTimeout, Transport: transport, CheckRedirect: sameService}, nil
}

// certifiedName returns the name of the certificate to expect instead of the host of
// base. It is empty if the certificate has that host or no name.
func certifiedName(certificate []byte, base string) string {
	block, _ := pem.Decode(certificate)
	u, err := url.Parse(base)
	if block == nil || err != nil {
		return ""
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil || leaf.VerifyHostname(u.Hostname()) == nil || len(leaf.DNSNames) == 0 {
		return ""
	}
	return leaf.DNSNames[0]
}
