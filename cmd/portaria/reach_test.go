package main

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/cli"
	"github.com/portaria/portaria/internal/config"
)

// A service has the certificate of its public name, and its operator reaches
// it by an address.
func TestOperatorReachesAServiceByItsOwnCertificate(t *testing.T) {
	for _, name := range []string{"login.example.org", "*.example.org"} {
		cert, key, err := certify(&x509.Certificate{DNSNames: []string{name}})
		if err != nil {
			t.Fatal(err)
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("{}"))
		}))
		server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
		server.StartTLS()
		t.Cleanup(server.Close)
		settings := config.Default()
		settings.TLSCertFile = filepath.Join(t.TempDir(), "cert.pem")
		if err := os.WriteFile(settings.TLSCertFile, cert, 0o600); err != nil {
			t.Fatal(err)
		}
		for derived, want := range map[bool]bool{true: true, false: false} {
			hc, err := cli.HTTPClient(settings, server.URL, derived)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := client.New(server.URL, hc).Health(t.Context()); (err == nil) != want {
				t.Errorf("certificate of %s, URL derived: %v: %v", name, derived, err)
			}
		}
		other, _, err := certify(&x509.Certificate{DNSNames: []string{name}})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(settings.TLSCertFile, other, 0o600); err != nil {
			t.Fatal(err)
		}
		hc, err := cli.HTTPClient(settings, server.URL, true)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.New(server.URL, hc).Health(t.Context()); err == nil || !strings.Contains(err.Error(), "x509") {
			t.Errorf("another certificate of the same name: %v", err)
		}
	}
}
