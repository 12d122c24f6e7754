package api

import (
	"fmt"
	"io"
	"log/slog"
)

// Password is a password in a request. It prints and logs as [secret]. JSON holds the
// text, because the other side needs it: do not encode a request into a log.
type Password string

const hidden = "[secret]"

// String is [secret].
func (Password) String() string { return hidden }

// Format prints [secret] whatever the verb.
func (Password) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// LogValue is [secret].
func (Password) LogValue() slog.Value { return slog.StringValue(hidden) }
