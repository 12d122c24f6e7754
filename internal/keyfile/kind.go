package keyfile

import (
	"bytes"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"regexp"
	"slices"
)

// notInUse names what people bring that is not read here, by its identifier.
func notInUse(id string) (name string, isCurve bool) {
	curves := map[string]string{
		"1.2.840.10045.3.1.1": "P-192", "1.3.132.0.33": "P-224", "1.3.132.0.10": "secp256k1",
		"1.3.36.3.3.2.8.1.1.7": "brainpoolP256r1", "1.3.36.3.3.2.8.1.1.8": "brainpoolP256t1",
		"1.3.36.3.3.2.8.1.1.11": "brainpoolP384r1", "1.3.36.3.3.2.8.1.1.12": "brainpoolP384t1",
		"1.3.36.3.3.2.8.1.1.13": "brainpoolP512r1", "1.3.36.3.3.2.8.1.1.14": "brainpoolP512t1",
		"1.2.156.10197.1.301": "SM2",
	}
	kinds := map[string]string{
		"1.3.101.110": "X25519", "1.3.101.111": "X448", "1.3.101.113": "Ed448", "1.2.840.113549.1.1.10": "RSA-PSS",
		"1.2.840.10040.4.1": "DSA", "1.2.840.113549.1.3.1": "Diffie-Hellman",
		"2.16.840.1.101.3.4.3.17": "ML-DSA-44", "2.16.840.1.101.3.4.3.18": "ML-DSA-65", "2.16.840.1.101.3.4.3.19": "ML-DSA-87",
	}
	if name, ok := curves[id]; ok {
		return name, true
	}
	return kinds[id], false
}

// refusedKind is an error that names the curve or kind of a key which is not in use
// here, or nil if the key does not show it.
func refusedKind(der []byte) error {
	for _, id := range identifiers(der) {
		switch name, isCurve := notInUse(id.String()); {
		case isCurve:
			return fmt.Errorf("%w: its curve %s is not in use here; make one on P-256", ErrForeign, name)
		case name == "RSA-PSS":
			return fmt.Errorf("%w: keys marked as RSA-PSS are not in use here; make an ordinary RSA key, which PS256 takes", ErrForeign)
		case name != "":
			return fmt.Errorf("%w: %s keys are not in use here; make one on P-256", ErrForeign, name)
		}
	}
	return nil
}

// identifiers are the algorithm and the curve that a key says it is of: PKIX,
// PKCS#8 or SEC 1.
func identifiers(der []byte) (ids []asn1.ObjectIdentifier) {
	var public struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	var private struct {
		Version   int
		Algorithm pkix.AlgorithmIdentifier
		Key       []byte
	}
	var sec1 struct {
		Version int
		D       []byte
		Curve   asn1.ObjectIdentifier `asn1:"optional,explicit,tag:0"`
	}
	algorithm := &public.Algorithm
	if _, err := asn1.Unmarshal(der, &public); err != nil {
		algorithm = &private.Algorithm
		if _, err := asn1.Unmarshal(der, &private); err != nil {
			_, _ = asn1.Unmarshal(der, &sec1) // a damaged key has no curve
			return append(ids, sec1.Curve)
		}
	}
	var curve asn1.ObjectIdentifier
	_, _ = asn1.Unmarshal(algorithm.Parameters.FullBytes, &curve) // not all have one
	return append(ids, algorithm.Algorithm, curve)
}

// unreadCipher returns the cipher that an OpenSSH private key is encrypted with
// if it is none of those that are read here.
func unreadCipher(block *pem.Block) string {
	rest, ok := bytes.CutPrefix(block.Bytes, []byte("openssh-key-v1\x00"))
	if !ok || len(rest) < 4 {
		return ""
	}
	size := binary.BigEndian.Uint32(rest)
	if rest = rest[4:]; size > 64 || int(size) > len(rest) {
		return ""
	}
	name := string(rest[:size])
	named := regexp.MustCompile(`^[a-z0-9@.-]+$`).MatchString(name)
	if !named || slices.Contains([]string{"none", "aes256-ctr", "aes256-cbc"}, name) {
		return ""
	}
	return name
}
