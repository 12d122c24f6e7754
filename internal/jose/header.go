package jose

import (
	"fmt"

	"github.com/portaria/portaria/internal/strictjson"
)

// Header is the checked header of a JWS. Its values are not verified yet. They only confirm
// what the key defines.
type Header struct {
	// Algorithm is one of the allowed signing algorithms.
	Algorithm Algorithm
	// Kid names a key. It is only compared, never used as a path, URL or query. Empty when
	// absent.
	Kid string
	// Type and ContentType are "typ" and "cty" as written, empty when absent.
	Type, ContentType string
	// CarriesKey reports "jwk", "jku", "x5u" or "x5c". Their values are never read: the
	// signer of a token may not choose the key that verifies it.
	CarriesKey bool
}

// ParseHeader reads the encoded header of a JWS: a strict JSON object with an allowed
// "alg". It rejects "crit", because no extension is supported (RFC 7515, section 4.1.11),
// and "b64": false (RFC 7797). Errors wrap ErrMalformed, ErrJSON, ErrAlgorithm or
// ErrHeader.
func ParseHeader(encoded string) (Header, error) {
	text, err := Decode(encoded)
	if err != nil {
		return Header{}, err
	}
	object, err := strictjson.Parse(text)
	if err != nil {
		return Header{}, err
	}
	return parseHeader(object)
}

func parseHeader(object strictjson.Object) (Header, error) {
	var h Header
	for _, m := range object {
		if err := h.set(m); err != nil { // only members with known names fail
			return Header{}, fmt.Errorf("read header member %s: %w", m.Name, err)
		}
	}
	if !h.Algorithm.Signs() {
		return Header{}, fmt.Errorf("%w: it does not sign", ErrAlgorithm)
	}
	return h, nil
}

func (h *Header) set(m strictjson.Member) (err error) {
	switch m.Name {
	case "alg":
		var name string
		name, err = m.Value.Text()
		h.Algorithm = AlgorithmOf(name)
	case "kid":
		h.Kid, err = m.Value.Text()
		if len(h.Kid) > maxKid {
			err = fmt.Errorf("%w: longer than %d bytes", ErrHeader, maxKid)
		}
	case "typ":
		h.Type, err = m.Value.Text()
	case "cty":
		h.ContentType, err = m.Value.Text()
	case "jwk", "jku", "x5u", "x5c":
		h.CarriesKey = true
	case "x5t", "x5t#S256":
		_, err = m.Value.Text()
	case "crit":
		// A reader must reject a token with an extension that it does not support (RFC
		// 7515, section 4.1.11).
		err = fmt.Errorf("%w: no extension is supported", ErrHeader)
	case "b64":
		// Without "crit", some readers decode the payload and others do not: one signature,
		// two messages.
		if encoded, ok := m.Value.Bool(); ok != nil || !encoded {
			err = fmt.Errorf("%w: it is not true", ErrHeader)
		}
	}
	return err
}

// Message is a compact JWS with a checked header. Its signature is not verified yet.
type Message struct {
	Header Header

	parts Compact
}

// Parse splits a compact JWS and checks its header.
func Parse(compact string) (Message, error) {
	parts, err := Split(compact)
	if err != nil {
		return Message{}, err
	}
	header, err := ParseHeader(parts.Header)
	return Message{Header: header, parts: parts}, err
}

// Verify checks the signature with the key's own algorithm and returns the payload. Without
// Verify, the payload cannot be read. Errors wrap ErrKey, ErrAlgorithm, ErrSignature or
// ErrMalformed.
func (m Message) Verify(k Key) ([]byte, error) {
	if m.Header.Algorithm != k.Algorithm() {
		return nil, fmt.Errorf("%w: not the key's", ErrAlgorithm)
	}
	if err := m.parts.Verify(k); err != nil {
		return nil, err
	}
	return Decode(m.parts.Payload)
}

// Verify checks the signature with the key's own algorithm and ignores the header. It is
// for callers that have checked the header. Others use [Message.Verify].
func (c Compact) Verify(k Key) error {
	var buffer [maxSignature]byte
	if len(c.Signature) > 2*maxSignature {
		return fmt.Errorf("%w: signature too long", ErrMalformed)
	}
	signature, err := AppendDecode(buffer[:0], c.Signature)
	if err != nil {
		return err
	}
	return k.Verify(c.Input, signature)
}
