package jose

import (
	"fmt"

	"github.com/portaria/portaria/internal/strictjson"
)

// Header is what a JWS header says, once the guard has let it pass. Nothing in
// it is signed yet, and even then it only confirms what the key is.
type Header struct {
	// Algorithm is one of the allowed signing algorithms.
	Algorithm Algorithm
	// Kid names a key; it is only ever compared, never used as a path, URL or
	// query. Empty when absent.
	Kid string
	// Type and ContentType are "typ" and "cty" as written, empty when absent.
	Type, ContentType string
	// CarriesKey reports "jwk", "jku", "x5u" or "x5c". Their values are never
	// read: whoever signs a token may not say which key to check it with.
	CarriesKey bool
}

// ParseHeader reads the encoded header of a JWS. It refuses anything but a
// strict JSON object with an allowed "alg", any "crit" (no extension is
// understood here; RFC 7515, section 4.1.11) and "b64": false (RFC 7797).
// Errors wrap ErrMalformed, ErrJSON, ErrAlgorithm or ErrHeader.
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
		if err := h.set(m); err != nil { // only members of known names fail
			return Header{}, fmt.Errorf("read header member %s: %w", m.Name, err)
		}
	}
	if !h.Algorithm.Signs() {
		return Header{}, fmt.Errorf("%w: not one that signs", ErrAlgorithm)
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
		// RFC 7515 lets us ignore nothing here: whoever wrote it says that a
		// reader who does not understand the extension must refuse.
		err = fmt.Errorf("%w: no extension is understood", ErrHeader)
	case "b64":
		// Without "crit" some readers take the payload as it is and others
		// decode it: one signature, two messages.
		if encoded, ok := m.Value.Bool(); ok != nil || !encoded {
			err = fmt.Errorf("%w: other than true", ErrHeader)
		}
	}
	return err
}

// Message is a compact JWS that the guard let pass, not yet verified.
type Message struct {
	Header Header

	parts Compact
}

// Parse takes a compact JWS apart and passes its header through the guard.
func Parse(compact string) (Message, error) {
	parts, err := Split(compact)
	if err != nil {
		return Message{}, err
	}
	header, err := ParseHeader(parts.Header)
	return Message{Header: header, parts: parts}, err
}

// Verify checks the signature with the key's own algorithm and returns the
// payload. There is no way to get at the payload before.
// Errors wrap ErrKey, ErrAlgorithm, ErrSignature or ErrMalformed.
func (m Message) Verify(k Key) ([]byte, error) {
	if m.Header.Algorithm != k.Algorithm() {
		return nil, fmt.Errorf("%w: not the key's", ErrAlgorithm)
	}
	if err := m.parts.Verify(k); err != nil {
		return nil, err
	}
	return Decode(m.parts.Payload)
}

// Verify checks the signature with the key's own algorithm, whatever the
// header says: for callers that know the header by value. Others use
// [Message.Verify].
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
