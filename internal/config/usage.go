package config

import (
	"fmt"
	"strings"
)

// Usage lists all settings for a terminal: flag, values, default, and the first
// sentence of what it means.
func Usage() string {
	var text strings.Builder
	for _, s := range Settings() {
		name := "--" + s.Flag()
		if s.NoFlag {
			name = s.Env()
		}
		fmt.Fprintf(&text, "  %s %s\n        %s\n", name, s.Values(), s.Summary())
	}
	return text.String()
}

// Values says what may be given: the choices, the bounds, the default.
func (s Setting) Values() string {
	values := "<" + string(s.Kind) + ">"
	switch {
	case s.Kind == Choice:
		values = strings.Join(s.Choices, "|")
	case s.Kind == Bool:
		values = "true|false"
	case s.Max != "":
		values = s.Min + ".." + s.Max
	}
	if s.Default != "" {
		values += " (" + s.Default + ")"
	}
	return values
}

// Summary is the first sentence of [Setting.Doc], without Markdown.
func (s Setting) Summary() string {
	first, _, _ := strings.Cut(s.Doc, ". ")
	return strings.ReplaceAll(strings.TrimSuffix(first, "."), "`", "")
}
