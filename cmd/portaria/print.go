package main

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

func clock(t time.Time) string { return t.UTC().Format(timeLayout) }

// asJSON prints v for programs.
func asJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// table prints rows for people; the first is the head.
func table(w io.Writer, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				fmt.Fprint(t, "\t")
			}
			fmt.Fprint(t, printable(cell))
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

// printable keeps what strangers chose, user agents above all, from steering
// the terminal, or from reading otherwise than it is written.
func printable(s string) string {
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

// short cuts a text for a list; --json has all of it.
func short(s string) string {
	if r := []rune(s); len(r) > widest {
		return string(r[:widest-1]) + "…"
	}
	return s
}

// print answers in JSON where asked, else as a table.
func (c *call) print(v any, rows [][]string) error {
	if c.JSON {
		return asJSON(c.out, v)
	}
	return table(c.out, rows)
}

// say prints a sentence for people, and v for programs.
func (c *call) say(v any, format string, args ...any) error {
	if c.JSON {
		return asJSON(c.out, v)
	}
	_, err := fmt.Fprintf(c.out, format+"\n", args...)
	return err
}
