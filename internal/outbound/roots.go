package outbound

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxRoots limits a file of certificates, in bytes.
const maxRoots = 1 << 20

// Roots returns the certificate authorities of the system and those of a PEM file.
// It returns nil without a file. Anything in the file that is no certificate is an
// error.
func Roots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	added, err := readCertificates(file)
	if err != nil {
		return nil, fmt.Errorf("read certificate authorities %s: %w", file, err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("read the certificate authorities of the system: %w", err)
	}
	for _, c := range added {
		pool.AddCert(c)
	}
	return pool, nil
}

func readCertificates(file string) (list []*x509.Certificate, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxRoots+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxRoots {
		return nil, fmt.Errorf("longer than %d bytes", maxRoots)
	}
	for len(bytes.TrimSpace(text)) > 0 {
		block, rest := pem.Decode(text)
		if block == nil {
			return nil, fmt.Errorf("no PEM after certificate %d", len(list))
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("block %d is no certificate", len(list)+1)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", len(list)+1, err)
		}
		list, text = append(list, c), rest
	}
	if len(list) == 0 {
		return nil, errors.New("no certificate")
	}
	return list, nil
}
