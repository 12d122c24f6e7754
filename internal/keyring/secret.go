package keyring

import (
	"fmt"
	"io"
	"log/slog"
)

// secretSize is the length of a named secret: as much as HMAC-SHA-256 uses.
const secretSize = 32

// Secret is a named secret, in the clear. It prints as [secret]; convert it to
// []byte where it is used.
type Secret []byte

// String keeps the secret out of texts.
func (Secret) String() string { return redacted }

// Format keeps the secret out of every fmt verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue keeps the secret out of logs.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText keeps the secret out of JSON.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
