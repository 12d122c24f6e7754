package setting

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"
)

// hidden is shown instead of a secret.
const hidden = "[secret]"

// Effective is a setting as it is in force.
type Effective struct {
	// Name is the flat name of the setting.
	Name string `json:"name"`
	// Value is a text, number, yes or no, list or mapping. Secrets are hidden.
	Value any `json:"value"`
	// Source is `default`, a line of the file, a variable or a flag.
	Source string `json:"source"`
}

// Line returns the setting as a line of a settings file. The file reads back to
// the same settings, except for secrets.
func (e Effective) Line() string {
	text, plain := e.Value.(string)
	if plain && plainText.MatchString(text) {
		return e.Name + ": " + text
	}
	var encoded bytes.Buffer
	encoder := json.NewEncoder(&encoded)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e.Value); err != nil {
		return e.Name + ": " // no value that this package makes fails to encode
	}
	return e.Name + ": " + strings.TrimSuffix(encoded.String(), "\n")
}

// plainText is a text that needs no quotes in YAML.
var plainText = regexp.MustCompile(`^[A-Za-z0-9/][A-Za-z0-9_./+@-]*(:[A-Za-z0-9_./+@-]+)*$`)

// Effective returns all settings with their values and sources.
func (r *Reader) Effective() (all []Effective) {
	for f := range r.schema.root.leaves {
		if f.value != nil && f.Origin.Field == "" {
			continue // shown as the setting whose value the file holds
		}
		e := Effective{Name: f.Name, Value: f.shown(r.target), Source: "default"}
		if where, given := r.origin[f.id]; given {
			e.Source = where
		}
		all = append(all, e)
	}
	return all
}

// shown returns the value of a setting as it may be shown.
func (f *field) shown(in reflect.Value) any {
	value := in.FieldByIndex(f.index)
	if f.Secret || f.value != nil && f.value.Secret {
		return redacted(value)
	}
	switch v := value.Interface().(type) {
	case time.Duration:
		return FormatDuration(v)
	case encoding.TextMarshaler:
		return marshalled(v)
	}
	switch f.Kind {
	case Choice:
		if value.Kind() == reflect.Bool {
			return f.Choices[map[bool]int{false: 0, true: 1}[value.Bool()]]
		}
	case List:
		items := []any{}
		for i := range value.Len() {
			items = append(items, f.item.shown(value.Index(i)))
		}
		return items
	case Pairs:
		return shownPairs(value)
	case Names, Networks:
		items := []string{}
		for i := range value.Len() {
			items = append(items, fmt.Sprint(value.Index(i).Interface()))
		}
		return items
	case Bool, Number:
		return value.Interface()
	}
	return value.String()
}

// shown returns one item of a list, without the settings that have their zero value.
func (s *section) shown(item reflect.Value) map[string]any {
	shown := map[string]any{}
	for f := range s.leaves {
		if !item.FieldByIndex(f.index).IsZero() && (f.value == nil || f.Origin.Field != "") {
			shown[f.Name] = f.shown(item)
		}
	}
	return shown
}

func shownPairs(value reflect.Value) map[string]string {
	pairs := map[string]string{}
	for entries := value.MapRange(); entries.Next(); {
		if v, ok := entries.Value().Interface().(encoding.TextMarshaler); ok {
			pairs[entries.Key().String()] = marshalled(v)
			continue
		}
		pairs[entries.Key().String()] = entries.Value().String()
	}
	return pairs
}

func marshalled(v encoding.TextMarshaler) string {
	text, err := v.MarshalText()
	if err != nil {
		return hidden
	}
	return string(text)
}

// redacted returns what may be shown of a secret: nothing if there is none, what
// its type permits, or that it is a secret.
func redacted(value reflect.Value) string {
	if value.IsZero() {
		return ""
	}
	if v, ok := value.Interface().(interface{ Redacted() string }); ok {
		return v.Redacted()
	}
	return hidden
}

// FormatDuration returns a duration as settings write it: 15m, not 15m0s, and 30d,
// not 720h.
func FormatDuration(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= day && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
