package cli

import (
	"fmt"
	"strings"
)

// UsageError is a mistake in the command line, or a key that cannot be read
// or fetched. It says nothing about a token. The exit status is 2.
type UsageError struct{ error }

// Unwrap returns the error itself.
func (e UsageError) Unwrap() error { return e.error }

// Misuse returns a [UsageError].
func Misuse(format string, args ...any) error { return UsageError{fmt.Errorf(format, args...)} }

// Plainly removes the names of packages from the text of an error.
func Plainly(text string) string { return strings.ReplaceAll(text, "jose: ", "") }
