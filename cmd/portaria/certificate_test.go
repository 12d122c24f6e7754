package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"time"
)

// selfSigned makes a certificate for an address of this machine that is its
// own authority, and its key, as PEM.
func selfSigned(listen string) (cert, key []byte, err error) {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, nil, err
	}
	return certify(&x509.Certificate{
		IPAddresses: []net.IP{net.ParseIP(host)},
		DNSNames:    []string{"localhost"},
	})
}

// certify makes a certificate with these names that is its own authority.
func certify(template *x509.Certificate) (cert, key []byte, err error) {
	pair, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.Subject = pkix.Name{CommonName: "portaria"}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	template.BasicConstraintsValid, template.IsCA = true, true
	der, err := x509.CreateCertificate(rand.Reader, template, template, &pair.PublicKey, pair)
	if err != nil {
		return nil, nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(pair)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), nil
}

// shownCertificate connects and answers, as PEM, the certificate that the
// service shows. One that the client does not trust is an error.
func shownCertificate(hc *http.Client, url string) ([]byte, error) {
	resp, err := hc.Get(url + "/healthz")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: resp.TLS.PeerCertificates[0].Raw}), nil
}
