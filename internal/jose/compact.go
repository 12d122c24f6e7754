package jose

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// Compact is a compact JWS (RFC 7515, section 7.1), split into its encoded parts. The parts
// share memory with the token.
type Compact struct {
	Header    string
	Payload   string
	Signature string
	// Input is the signing input: header, dot, payload.
	Input string
}

// Split splits a compact JWS into its parts: at most MaxToken bytes, exactly two dots. It
// decodes nothing. Errors wrap ErrMalformed.
func Split(compact string) (Compact, error) {
	if len(compact) > MaxToken {
		return Compact{}, fmt.Errorf("%w: longer than %d bytes", ErrMalformed, MaxToken)
	}
	first := strings.IndexByte(compact, '.')
	last := strings.LastIndexByte(compact, '.')
	if first < 0 || first == last || strings.IndexByte(compact[first+1:last], '.') >= 0 {
		return Compact{}, notParts(compact, "three parts of a compact JWS")
	}
	return Compact{
		Header:    compact[:first],
		Payload:   compact[first+1 : last],
		Signature: compact[last+1:],
		Input:     compact[:last],
	}, nil
}

// notParts returns an error that says what the token is instead.
func notParts(token, want string) error {
	switch dots := strings.Count(token, "."); {
	case strings.HasPrefix(strings.TrimLeft(token, " \t\r\n"), "{"):
		return fmt.Errorf("%w: this is the JSON serialization, and only the compact one is accepted", ErrMalformed)
	case dots == 2:
		return fmt.Errorf("%w: this is a signed token, not the %s", ErrMalformed, want)
	case dots == 4:
		return fmt.Errorf("%w: this is an encrypted token, not the %s", ErrMalformed, want)
	}
	return fmt.Errorf("%w: not the %s", ErrMalformed, want)
}

// Decode decodes unpadded base64url (RFC 7515, section 2) in its one canonical form. Go's
// decoder skips CR and LF, and by default accepts any value for the unused bits of the last
// character, so that one token would have many forms. Errors wrap ErrMalformed.
func Decode(text string) ([]byte, error) {
	return AppendDecode(nil, text)
}

// AppendDecode is [Decode], appended to into.
func AppendDecode(into []byte, text string) ([]byte, error) {
	if strings.IndexByte(text, '\n') >= 0 || strings.IndexByte(text, '\r') >= 0 {
		return nil, fmt.Errorf("%w: line break in base64url", ErrMalformed)
	}
	out, err := base64.RawURLEncoding.Strict().AppendDecode(into, []byte(text))
	if err != nil {
		return nil, fmt.Errorf("%w: not canonical base64url", ErrMalformed)
	}
	return out, nil
}

// Encode encodes as unpadded base64url.
func Encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }
