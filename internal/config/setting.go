package config

import (
	"fmt"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/portaria/portaria/internal/clients"
)

// Setting describes one setting, for help texts and for building flags.
type Setting struct {
	// Name is its key in the file: access_ttl.
	Name string
	// Kind says what its values look like.
	Kind Kind
	// Default is the text of its default value; empty if it has none.
	Default string
	// Doc is what it means, in Markdown: a sentence or more.
	Doc string
	// Choices are the values of a [Choice].
	Choices []string
	// Min and Max bound a [Number] or [Duration], as text; empty if unbounded.
	Min, Max string
	// Secret values are never shown.
	Secret bool
	// NoFlag is true if it must not be given on the command line.
	NoFlag bool

	field int  // index in Config
	file  bool // the value is the path of a file that holds the real value
}

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
	Pairs    Kind = "pairs"
	Clients  Kind = "clients"
)

// Env returns the name of its environment variable: PORTARIA_ACCESS_TTL.
func (s Setting) Env() string { return envPrefix + strings.ToUpper(s.Name) }

// Flag returns the name of its flag without dashes: access-ttl.
func (s Setting) Flag() string { return strings.ReplaceAll(s.Name, "_", "-") }

// Settings returns all settings in the order of [Config].
func Settings() []Setting {
	var all []Setting
	fields := reflect.TypeFor[Config]()
	for i := range fields.NumField() {
		setting := describe(fields.Field(i), i)
		all = append(all, setting)
		if fields.Field(i).Tag.Get("secret") == "file" {
			all = append(all, fileSetting(setting))
		}
	}
	return all
}

func describe(field reflect.StructField, index int) Setting {
	s := Setting{
		Name:    field.Tag.Get("name"),
		Kind:    kindOf(field.Type),
		Default: field.Tag.Get("default"),
		Min:     field.Tag.Get("min"),
		Max:     field.Tag.Get("max"),
		Secret:  field.Tag.Get("secret") != "",
		NoFlag:  field.Tag.Get("secret") == "value",
		field:   index,
	}
	if choices := field.Tag.Get("oneof"); choices != "" {
		s.Kind, s.Choices = Choice, strings.Split(choices, "|")
	}
	s.Doc = settingDoc(s.Name)
	return s
}

// fileSetting is the twin of a secret that takes the path of a mounted file.
func fileSetting(of Setting) Setting {
	return Setting{
		Name:  of.Name + "_file",
		Kind:  Text,
		Doc:   "A file that holds the value of `" + of.Name + "`, for mounted secrets. A newline at its end is ignored.",
		field: of.field,
		file:  true,
	}
}

func kindOf(t reflect.Type) Kind {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return Duration
	case reflect.TypeFor[bool]():
		return Bool
	case reflect.TypeFor[int]():
		return Number
	case reflect.TypeFor[[]netip.Prefix]():
		return Networks
	case reflect.TypeFor[[]clients.Described]():
		return Clients
	}
	if t.Kind() == reflect.Map {
		return Pairs
	}
	return Text
}

// set reads the values of one setting into its field. It is the only way from
// text to a setting, whatever the source. Only networks and pairs may have
// several values; its errors contain no value of a secret.
func (s Setting) set(config *Config, values []string) error {
	field := reflect.ValueOf(config).Elem().Field(s.field)
	if s.Kind == Networks {
		networks, err := parseNetworks(values)
		if err == nil {
			field.Set(reflect.ValueOf(networks))
		}
		return err
	}
	if s.Kind == Pairs {
		return setPairs(field, values)
	}
	if len(values) != 1 {
		return fmt.Errorf("takes one value, not a list")
	}
	value, err := s.parse(values[0], field.Type())
	if err == nil {
		field.Set(reflect.ValueOf(value))
	}
	return err
}

func (s Setting) parse(text string, as reflect.Type) (any, error) {
	switch {
	case s.Kind == Duration:
		return s.parseDuration(text)
	case s.Kind == Number:
		return s.parseNumber(text)
	case s.Kind == Bool:
		return parseBool(text)
	case s.Kind == Choice:
		return s.parseChoice(text)
	case as == reflect.TypeFor[Database]():
		return ParseDatabase(text)
	case as == reflect.TypeFor[Secret]():
		return Secret{text}, nil
	case strings.ContainsAny(text, "\x00\r\n"):
		return nil, fmt.Errorf("has several lines")
	}
	return text, nil
}

func (s Setting) parseDuration(text string) (time.Duration, error) {
	value, err := parseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%s %w", show(text), err)
	}
	least, _ := parseDuration(s.Min)
	most, _ := parseDuration(s.Max)
	if value < least || value > most {
		return 0, fmt.Errorf("%s is not between %s and %s", text, s.Min, s.Max)
	}
	return value, nil
}

func (s Setting) parseNumber(text string) (int, error) {
	value, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%s is no whole number", show(text))
	}
	least, _ := strconv.Atoi(s.Min)
	most, _ := strconv.Atoi(s.Max)
	if value < least || value > most {
		return 0, fmt.Errorf("%d is not between %s and %s", value, s.Min, s.Max)
	}
	return value, nil
}

func parseBool(text string) (bool, error) {
	switch text {
	case "true", "yes", "on", "1":
		return true, nil
	case "false", "no", "off", "0":
		return false, nil
	}
	return false, fmt.Errorf("%s is neither true nor false", show(text))
}

func (s Setting) parseChoice(text string) (string, error) {
	for _, choice := range s.Choices {
		if text == choice {
			return text, nil
		}
	}
	return "", fmt.Errorf("%s is none of: %s", show(text), strings.Join(s.Choices, ", "))
}

// show quotes a wrong value, unless it is so long that it was hardly meant for
// this setting and may be a secret in the wrong place.
func show(text string) string {
	if len(text) > 20 {
		return "the value"
	}
	return strconv.Quote(text)
}
