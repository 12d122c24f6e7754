// Package publickey recognises public keys, in all the forms in which people have
// them, where a secret is expected. Everybody knows a public key: used as an HMAC
// secret, it lets everybody sign: the attack that turns RS256 into HS256.
package publickey

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"regexp"
	"strings"
	"unicode/utf16"
)

// wrappings is how many times base64 or hexadecimal is unpacked in search of a
// key.
const wrappings = 2

// Kind returns what kind of key a secret is: DER (PKIX, PKCS#1, certificates),
// a point of a curve, PEM, a JWK, an OpenSSH line or block, also in base64,
// hexadecimal or UTF-16. It returns an empty string for every other secret.
func Kind(secret []byte) string { return find(secret, wrappings) }

// KindOfText is [Kind] without unpacking: for text that says how it is encoded.
func KindOfText(text []byte) string { return find(text, 0) }

// find returns the kind of key that the bytes are, empty when they are none.
func find(raw []byte, unpack int) string {
	if kind := binaryKey(raw); kind != "" {
		return kind
	}
	text := bytes.TrimSpace(narrow(raw))
	if kind := textKey(text); kind != "" || unpack == 0 {
		return kind
	}
	for _, decoded := range unpacked(text) {
		if kind := find(decoded, unpack-1); kind != "" {
			return kind
		}
	}
	return ""
}

// binaryKey looks at structure alone, so that keys of algorithms which are not
// read here are found as well.
func binaryKey(raw []byte) string {
	var public struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	var pkcs1 struct {
		N *big.Int
		E int
	}
	var certificate struct {
		Body      asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	switch {
	case isDER(raw, &public):
		return "public key in DER"
	case isDER(raw, &pkcs1):
		return "RSA public key in DER"
	case isDER(raw, &certificate):
		return "certificate"
	case isPoint(raw):
		return "point of a curve"
	}
	if isSSH(raw) {
		return "OpenSSH public key"
	}
	return ""
}

// isDER reports whether this is one of these values; a line break may follow it.
func isDER(raw []byte, into any) bool {
	rest, err := asn1.Unmarshal(raw, into)
	return err == nil && len(bytes.TrimSpace(rest)) == 0
}

// isPoint reports a public key as x and y alone (SEC 1, section 2.3.3).
func isPoint(raw []byte) bool {
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		if _, err := ecdsa.ParseUncompressedPublicKey(curve, raw); err == nil {
			return true
		}
	}
	return false
}

// isSSH reports the binary form of an OpenSSH public key (RFC 4253, section 6.6): the
// name of its kind, and then fields, each after its length.
func isSSH(raw []byte) bool {
	name, rest, ok := sshField(bytes.TrimLeft(raw, " \t\r\n")) // a key may end with such a byte
	if !ok || !bytes.HasPrefix(name, []byte("ssh-")) && !bytes.HasPrefix(name, []byte("ecdsa-sha2-")) && !bytes.HasPrefix(name, []byte("sk-")) {
		return false
	}
	_, _, ok = sshField(rest)
	return ok
}

func sshField(data []byte) (field, rest []byte, ok bool) {
	if len(data) < 4 {
		return nil, nil, false
	}
	size, data := binary.BigEndian.Uint32(data), data[4:]
	if size == 0 || uint64(size) > uint64(len(data)) {
		return nil, nil, false
	}
	return data[:size], data[size:], true
}

// sshLine finds an OpenSSH public key anywhere in a line, since options or the
// names of hosts may precede it: all begin with the length of their name, 0.
func sshLine() *regexp.Regexp {
	return regexp.MustCompile(`(^|\s)(ssh-|ecdsa-sha2-|sk-)[\w@.-]+\s+"?AAAA`)
}

func textKey(text []byte) string {
	switch {
	case bytes.Contains(text, []byte("-----BEGIN ")):
		return "PEM"
	case bytes.Contains(text, []byte("---- BEGIN SSH2 ")): // RFC 4716
		return "SSH2 public key"
	case len(text) > 0 && (text[0] == '{' || text[0] == '[') && json.Valid(text):
		return "JWK"
	case sshLine().Match(text):
		return "OpenSSH public key"
	}
	return ""
}

// narrow turns UTF-16, as some editors save text, into UTF-8, and drops the
// mark of either.
func narrow(raw []byte) []byte {
	var order binary.ByteOrder
	switch {
	case len(raw) < 4 || len(raw)%2 != 0:
	case raw[0] == 0 && raw[2] == 0, raw[0] == 0xfe && raw[1] == 0xff:
		order = binary.BigEndian
	case raw[1] == 0 && raw[3] == 0, raw[0] == 0xff && raw[1] == 0xfe:
		order = binary.LittleEndian
	}
	if order != nil {
		units := make([]uint16, len(raw)/2)
		for i := range units {
			units[i] = order.Uint16(raw[2*i:])
		}
		raw = []byte(string(utf16.Decode(units)))
	}
	return bytes.TrimPrefix(raw, []byte("\ufeff"))
}

// unpacked is what the text may be written of, in base64 or hexadecimal.
func unpacked(text []byte) (all [][]byte) {
	dense := strings.Join(strings.Fields(string(text)), "")
	if raw, err := hex.DecodeString(dense); err == nil {
		all = append(all, raw)
	}
	if raw, err := lenient(dense); err == nil {
		all = append(all, raw)
	}
	return all
}

// lenient reads base64 in either alphabet, padded or not.
func lenient(text string) ([]byte, error) {
	text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	return base64.RawStdEncoding.DecodeString(text)
}
