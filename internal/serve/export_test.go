package serve

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/netip"
	"time"
)

// CheckInterval is for tests that move the clock past it.
const CheckInterval = checkInterval

// LoadCertificate reads a pair of files as Listen does, with the test's clock.
func LoadCertificate(certFile, keyFile string, log *slog.Logger, now func() time.Time) (func() *tls.Certificate, error) {
	c, err := loadCertificate(certFile, keyFile, log)
	c.now = now
	c.next.Store(now().Add(checkInterval).UnixNano())
	return func() *tls.Certificate {
		pair, err := c.get(nil)
		if err != nil {
			panic(err)
		}
		return pair
	}, err
}

// Client finds the client of a request as Wrap does.
func Client(trusted []netip.Prefix, header ProxyHeader, r *http.Request) netip.Addr {
	return proxies{trusted, header}.client(r)
}
