package cli

import (
	"strings"
	"testing"
	"time"
)

func TestPrintable(t *testing.T) {
	tests := map[string]string{
		"":                             "",
		"ana@example.com":              "ana@example.com",
		"João Müller 日本":               "João Müller 日本",
		"\x1b[2J\x1b]0;title\x07":      "?[2J?]0;title?",
		"two\nlines\r\tand a tab":      "two?lines??and a tab",
		"delete \x7f":                  "delete ?",
		"C1: \u009b31m":                "C1: ?31m",
		"no-break\u00a0space":          "no-break\u00a0space",
		"from right: \u202etxt.exe":    "from right: ?txt.exe",
		"isolated: \u2066a\u2069":      "isolated: ?a?",
		"line separator \u2028 \u2029": "line separator ? ?",
		"invalid \xff":                 "invalid \ufffd",
	}
	for in, want := range tests {
		if got := Printable(in); got != want {
			t.Errorf("printable(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestAsJSON(t *testing.T) {
	var out strings.Builder
	if err := AsJSON(&out, map[string]string{"user_agent": "<a&b>\x1b"}); err != nil {
		t.Fatal(err)
	}
	// Programs get it whole; JSON has its own way to write an escape.
	if want := "{\n  \"user_agent\": \"<a&b>\\u001b\"\n}\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestClockSaysItsZone(t *testing.T) {
	at := time.Date(2030, 1, 2, 3, 4, 5, 6, time.FixedZone("BRT", -3*3600))
	if got, want := Clock(at), "2030-01-02 06:04:05Z"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
