package endpoint

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/portaria/portaria/internal/problem"
)

// Parameter is one field of a request type that comes from the path, the query
// or a header.
type Parameter struct {
	In    string // "path", "query" or "header", as OpenAPI calls it
	Name  string
	Doc   string
	uuid  bool
	most  int // of a string, in characters; 0 for no limit except maxParameter
	min   int // of an int; at least 1
	max   int // of an int; 0 for no limit
	index []int
	kind  reflect.Kind
}

// parameters returns the fields with a tag path, query or header. It panics at start-up
// if a field is neither a string nor an int.
func parameters(t reflect.Type) []Parameter {
	var list []Parameter
	for _, field := range reflect.VisibleFields(t) {
		for _, in := range []string{"path", "query", "header"} {
			name := field.Tag.Get(in)
			if name == "" {
				continue
			}
			kind := field.Type.Kind()
			if kind != reflect.String && kind != reflect.Int {
				panic("endpoint: parameter " + name + " is neither string nor int")
			}
			list = append(list, Parameter{
				In: in, Name: name, Doc: field.Tag.Get("doc"), index: field.Index, kind: kind, uuid: field.Tag.Get("format") == "uuid",
				most: limit(field, "maxLength"), min: max(1, limit(field, "minimum")), max: limit(field, "maximum"),
			})
		}
	}
	return list
}

// limit returns the number of a tag, or 0 without the tag. It panics at start-up if the
// tag is not a number.
func limit(field reflect.StructField, tag string) int {
	text, ok := field.Tag.Lookup(tag)
	if !ok {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		panic("endpoint: " + field.Name + ": " + tag + " is not a number")
	}
	return n
}

// maxParameter bounds a path or query value, in bytes.
const maxParameter = 1024

// bind sets the fields of in that come from the path, the query and the headers. It
// refuses unknown, repeated and empty query parameters: a misspelt filter must not be
// treated as no filter.
func bind(r *http.Request, list []Parameter, in reflect.Value) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return queryInvalid.Refuse()
	}
	for name, values := range query {
		if !known(list, name) {
			return problem.Field(name, "unknown query parameter")
		}
		if len(values) > 1 {
			return problem.Field(name, "given more than once")
		}
		// An empty filter usually comes from an empty variable of a script. As no
		// filter it would return everything.
		if values[0] == "" {
			return problem.Field(name, "must not be empty")
		}
	}
	for _, p := range list {
		text := r.PathValue(p.Name)
		switch p.In {
		case "query":
			text = query.Get(p.Name)
		case "header":
			text = strings.Join(r.Header.Values(p.Name), ", ")
		}
		if err := p.set(in.FieldByIndex(p.index), text); err != nil {
			return err
		}
	}
	return nil
}

func known(list []Parameter, name string) bool {
	for _, p := range list {
		if p.In == "query" && p.Name == name {
			return true
		}
	}
	return false
}

func (p Parameter) set(field reflect.Value, text string) error {
	if fault := p.fault(text); fault != "" && p.In == "path" {
		return problem.NotFound() // no route has this path
	} else if fault != "" {
		return problem.Field(p.Name, fault)
	}
	if p.kind == reflect.String {
		field.SetString(text)
	} else if text != "" {
		n, _ := strconv.Atoi(text) // fault has checked it
		field.SetInt(int64(n))
	}
	return nil
}

// fault returns what is wrong with a value, or "".
func (p Parameter) fault(text string) string {
	switch {
	case len(text) > maxParameter:
		return "too long"
	case p.most > 0 && utf8.RuneCountInString(text) > p.most:
		return fmt.Sprintf("expected at most %d characters", p.most)
	// A database refuses some of these. A header can have none but tabs.
	case !utf8.ValidString(text), p.In != "header" && strings.ContainsFunc(text, unicode.IsControl):
		return "expected UTF-8 text without control characters"
	case text == "" && p.In != "path": // absent
		return ""
	case p.uuid && !IsID(text):
		return "expected a UUID"
	case p.kind == reflect.String:
		return ""
	}
	n, err := strconv.Atoi(text)
	switch {
	case err == nil && n >= p.min && (p.max == 0 || n <= p.max):
		return ""
	case p.max > 0:
		return fmt.Sprintf("expected %d to %d", p.min, p.max)
	}
	return fmt.Sprintf("expected a whole number of at least %d", p.min)
}

// IsID reports whether text is a UUID in its canonical form: lower case, with hyphens.
func IsID(text string) bool {
	id, err := uuid.Parse(text)
	return err == nil && id.String() == text
}
