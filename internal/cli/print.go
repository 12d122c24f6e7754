package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"time"
	"unicode"
)

// timeLayout is the form of times for people. It sorts, and it names the time zone.
const timeLayout = "2006-01-02 15:04:05Z"

// Clock writes a time for people, in UTC.
func Clock(t time.Time) string { return t.UTC().Format(timeLayout) }

// AsJSON prints v for programs.
func AsJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// Printable replaces characters that could control the terminal or change how the
// text reads. Strangers choose some texts, such as user agents.
func Printable(s string) string {
	out := []rune(s)
	for i, r := range out {
		if !unicode.IsGraphic(r) {
			out[i] = '?'
		}
	}
	return string(out)
}

// Say prints a sentence for people, and v for programs.
func (c *Call) Say(v any, format string, args ...any) error {
	if c.JSON {
		return AsJSON(c.Stdout, v)
	}
	_, err := fmt.Fprintf(c.Stdout, format+"\n", args...)
	return err
}

// PrintSecret prints a secret alone on standard output, so that a script can read
// it. Everything else goes to standard error.
func (c *Call) PrintSecret(what, secret string) error {
	fmt.Fprintf(c.Stderr, "%s; this secret is shown once:\n", what)
	_, err := fmt.Fprintln(c.Stdout, secret)
	return err
}
