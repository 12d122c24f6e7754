// Package secret holds values that must not be seen. However they are printed,
// logged or encoded, they show as [secret].
package secret

import (
	"fmt"
	"io"
	"log/slog"
)

// shown is printed instead of a secret.
const shown = "[secret]"

// Hidden hides every struct that embeds it.
type Hidden struct{}

// String is [secret].
func (Hidden) String() string { return shown }

// Format prints [secret] whatever the verb.
func (Hidden) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, shown) }

// LogValue is [secret].
func (Hidden) LogValue() slog.Value { return slog.StringValue(shown) }

// MarshalText is [secret]; encoding/json and its like use it.
func (Hidden) MarshalText() ([]byte, error) { return []byte(shown), nil }

// Text is a secret text, such as a token.
type Text string

// Reveal returns the text itself, to hand to its owner.
func (t Text) Reveal() string { return string(t) }

// String is [secret].
func (Text) String() string { return shown }

// Format prints [secret] whatever the verb.
func (Text) Format(f fmt.State, verb rune) { Hidden{}.Format(f, verb) }

// LogValue is [secret].
func (Text) LogValue() slog.Value { return Hidden{}.LogValue() }

// MarshalText is [secret].
func (Text) MarshalText() ([]byte, error) { return Hidden{}.MarshalText() }

// Bytes is a secret of bytes, such as a key. Convert it to []byte where it is
// used.
type Bytes []byte

// String is [secret].
func (Bytes) String() string { return shown }

// Format prints [secret] whatever the verb.
func (Bytes) Format(f fmt.State, verb rune) { Hidden{}.Format(f, verb) }

// LogValue is [secret].
func (Bytes) LogValue() slog.Value { return Hidden{}.LogValue() }

// MarshalText is [secret].
func (Bytes) MarshalText() ([]byte, error) { return Hidden{}.MarshalText() }
