package endpoint_test

import (
	"testing"

	"github.com/portaria/portaria/internal/endpoint"
)

// A text is cut to a number of bytes, never within a character, and holds no
// control character.
func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "1234": "1234", "12345": "1234", "123é": "123", "12é": "12é", "\x00\x1f 1": " 1", "a\x7f\n~": "a~", "\u0080a\u009f": "a", "\u00a0b": "\u00a0b", "\xff\xfea": "a",
	} {
		if got := endpoint.Printable(text, 4); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
