// Package setting reads settings from a YAML file, environment variables and
// flags into structs. Each struct documents its own settings with comments and
// tags; this package walks through them, nested ones included.
//
// A setting `host` in a section `mail` is `mail: {host: …}` in the file,
// PORTARIA_MAIL_HOST in the environment and --mail-host on the command line.
// The file also accepts the flat name, `mail_host`.
//
// All problems are found in one run. Each has the line, variable or flag that it
// comes from. No problem and no warning contains the value of a secret.
//
// # Tags
//
//   - name: the name in the file. A struct with a name is a section, a slice of
//     structs is a list. Fields without a name are not settings.
//   - inline:"yes": the fields of this struct belong to the section around it.
//     Embedded structs without a name are always inline.
//   - default, min, max: texts as people write them. A maximum also needs a minimum.
//   - oneof: the permitted values, separated by "|". For a bool, the first one
//     means false and the second one true.
//   - secret:"yes": the value is never shown, and has no flag.
//   - flag:"yes": a secret that has a flag all the same.
//   - file:"also": NAME_file takes the path of a file that holds the value.
//     file:"only": only NAME_file exists.
//   - multiline:"yes": a text that may have several lines.
//   - key:"yes": identifies one item of a list; no two items have the same.
//
// A struct with a method Validate() error is validated after it was read. An
// error with a method Fields() iter.Seq2[string, string] reports each field with
// what is wrong with it.
package setting

import (
	"fmt"
	"strings"
)

// EnvPrefix is how the names of all variables begin.
const EnvPrefix = "PORTARIA_"

// Setting describes one setting, for help texts and for building flags.
type Setting struct {
	// Name is its flat name in the file: mail_host.
	Name string
	// Kind says what its values look like.
	Kind Kind
	// Default is the text of its default value; empty if it has none.
	Default string
	// Doc is its documentation in Markdown, one sentence or more.
	Doc string
	// Choices are the permitted values, if only some are permitted.
	Choices []string
	// Min and Max bound a [Number] or [Duration], as text; empty if unbounded.
	Min, Max string
	// Secret values are never shown.
	Secret bool
	// NoFlag is true if it must not be given on the command line.
	NoFlag bool
	// Items are the settings of one item of a [List].
	Items []Setting
	// Origin is the struct field that holds it.
	Origin Origin
}

// Origin names a struct field in Go source, for generated documentation. All
// parts are empty when the setting has no field of its own.
type Origin struct{ Package, Struct, Field string }

// Kind says what the values of a setting look like.
type Kind string

// The kinds of settings.
const (
	Text     Kind = "text"
	Duration Kind = "duration"
	Bool     Kind = "yes or no"
	Number   Kind = "number"
	Choice   Kind = "choice"
	Networks Kind = "networks"
	Names    Kind = "names"
	Pairs    Kind = "pairs"
	List     Kind = "list"
)

// Env returns the name of its environment variable: PORTARIA_MAIL_HOST.
func (s Setting) Env() string { return EnvPrefix + strings.ToUpper(s.Name) }

// Flag returns the name of its flag without dashes: mail-host.
func (s Setting) Flag() string { return strings.ReplaceAll(s.Name, "_", "-") }

// Values describes the permitted values and the default, for a terminal.
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

// Summary returns the first sentence of [Setting.Doc], without Markdown.
func (s Setting) Summary() string {
	first, _, _ := strings.Cut(s.Doc, ". ")
	return strings.ReplaceAll(strings.TrimSuffix(first, "."), "`", "")
}

// Usage lists settings for a terminal: flag, values, default, and the first
// sentence of the documentation.
func Usage(settings []Setting) string {
	var text strings.Builder
	for _, s := range settings {
		name := "--" + s.Flag()
		if s.NoFlag {
			name = s.Env()
		}
		fmt.Fprintf(&text, "  %s %s\n        %s\n", name, s.Values(), s.Summary())
	}
	return text.String()
}
