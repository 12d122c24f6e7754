package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
	"unicode"
)

// timeLayout is how people read times here; it sorts, and says its zone.
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

// Table prints rows for people; the first is the head.
func Table(w io.Writer, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				fmt.Fprint(t, "\t")
			}
			fmt.Fprint(t, Printable(cell))
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

// Printable keeps what strangers chose, user agents above all, from steering
// the terminal, or from reading otherwise than it is written.
func Printable(s string) string {
	out := []rune(s)
	for i, r := range out {
		if !unicode.IsGraphic(r) {
			out[i] = '?'
		}
	}
	return string(out)
}

// widest is how much of a text that strangers chose a list shows.
const widest = 40

// Short cuts a text for a list; --json has all of it.
func Short(s string) string {
	if r := []rune(s); len(r) > widest {
		return string(r[:widest-1]) + "…"
	}
	return s
}

// Print answers in JSON where asked, else as a table.
func (c *Call) Print(v any, rows [][]string) error {
	if c.JSON {
		return AsJSON(c.Stdout, v)
	}
	return Table(c.Stdout, rows)
}

// Say prints a sentence for people, and v for programs.
func (c *Call) Say(v any, format string, args ...any) error {
	if c.JSON {
		return AsJSON(c.Stdout, v)
	}
	_, err := fmt.Fprintf(c.Stdout, format+"\n", args...)
	return err
}

// TellSecret prints a secret alone on standard output, where a script can take
// it, and everything else beside it.
func (c *Call) TellSecret(what, secret string) error {
	fmt.Fprintf(c.Stderr, "%s; this secret is shown once:\n", what)
	_, err := fmt.Fprintln(c.Stdout, secret)
	return err
}
