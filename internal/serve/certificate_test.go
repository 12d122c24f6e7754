package serve_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/serve"
)

// pair is a certificate on disk.
type pair struct{ cert, key string }

func newPair(t *testing.T) pair {
	t.Helper()
	folder := t.TempDir()
	return pair{filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")}
}

// write makes a self-signed certificate for 127.0.0.1 with this name, as if it
// was issued at a moment.
func (p pair) write(t *testing.T, name string, at time.Time) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: name},
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	p.put(t, p.cert, at, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	p.put(t, p.key, at, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}))
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func (p pair) put(t *testing.T, path string, at time.Time, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func TestCertificateIsReloaded(t *testing.T) {
	now := time.Now()
	files := newPair(t)
	files.write(t, "first", now)
	log, lines := logger(slog.LevelInfo)
	get, err := serve.LoadCertificate(files.cert, files.key, log, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	expect := func(want string, logged int) {
		t.Helper()
		if got := get().Leaf.Subject.CommonName; got != want || len(lines()) != logged {
			t.Errorf("certificate %s, %d lines logged; want %s, %d", got, len(lines()), want, logged)
		}
	}
	expect("first", 0)

	files.write(t, "second", now.Add(time.Second))
	expect("first", 0) // looked at too recently
	now = now.Add(serve.CheckInterval)
	expect("second", 1)

	files.put(t, files.cert, now.Add(time.Second), []byte("half a certi"))
	now = now.Add(serve.CheckInterval)
	expect("second", 2)
	now = now.Add(serve.CheckInterval)
	expect("second", 2) // known to be broken: no second line

	if err := os.Remove(files.key); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		now = now.Add(serve.CheckInterval)
		expect("second", 3)
	}

	files.write(t, "third", now)
	now = now.Add(serve.CheckInterval)
	expect("third", 4)
}

func TestCertificateMustExist(t *testing.T) {
	files := newPair(t)
	c := serve.Config{Listen: "127.0.0.1:0", CertFile: files.cert, KeyFile: files.key, Log: slog.New(slog.DiscardHandler)}
	if _, err := serve.Listen(c, answer(200)); err == nil || !strings.Contains(err.Error(), "cert.pem") {
		t.Errorf("missing: %v", err)
	}
	files.write(t, "x", time.Now())
	other := newPair(t)
	other.write(t, "y", time.Now())
	c.KeyFile = other.key
	if _, err := serve.Listen(c, answer(200)); err == nil || !strings.Contains(err.Error(), "private key does not match") {
		t.Errorf("another's key: %v", err)
	}
}

func TestTLS(t *testing.T) {
	files := newPair(t)
	root := files.write(t, "portaria", time.Now())
	s := start(t, serve.Config{CertFile: files.cert, KeyFile: files.key}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto)
	}))
	roots := x509.NewCertPool()
	roots.AddCert(root)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	response, err := client.Get("https://" + s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || string(body) != "HTTP/2.0" || response.TLS.Version != tls.VersionTLS13 || response.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%s over %x, %v, %v", body, response.TLS.Version, response.Header, err)
	}
	_, err = tls.Dial("tcp", s.address, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	if err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("TLS 1.1: %v", err)
	}
	_, err = tls.Dial("tcp", s.address, &tls.Config{RootCAs: roots, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
		tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA}})
	if err == nil || !strings.Contains(err.Error(), "handshake failure") {
		t.Errorf("CBC in TLS 1.2: %v", err)
	}
	twelve, err := tls.Dial("tcp", s.address, &tls.Config{RootCAs: roots, MaxVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatalf("TLS 1.2: %v", err)
	}
	twelve.Close()
}
