package endpoint

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/problem"
)

// Parameter is one field of a request type that comes from the path, the query
// or a header.
type Parameter struct {
	In    string // "path", "query" or "header", as OpenAPI calls it
	Name  string
	Doc   string
	most  int // characters; 0: maxParameter alone counts
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
			most, _ := strconv.Atoi(field.Tag.Get("maxLength")) // none is 0
			list = append(list, Parameter{in, name, field.Tag.Get("doc"), most, field.Index, kind})
		}
	}
	return list
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
	switch {
	case len(text) > maxParameter:
		return problem.Field(p.Name, "too long")
	case p.most > 0 && utf8.RuneCountInString(text) > p.most:
		return problem.Field(p.Name, fmt.Sprintf("expected at most %d characters", p.most))
	case !utf8.ValidString(text): // a database refuses it
		return problem.Field(p.Name, "expected UTF-8 text")
	}
	if p.In == "path" && p.kind == reflect.String {
		if err := checkPath(p.Name, text); err != nil {
			return err
		}
	}
	if p.kind == reflect.String {
		field.SetString(text)
		return nil
	}
	if text == "" {
		return nil
	}
	n, err := strconv.Atoi(text)
	if p.In == "path" && (err != nil || n < 1) {
		return problem.NotFound()
	}
	if err != nil || n < 1 {
		return problem.Field(p.Name, "expected a whole number above 0")
	}
	field.SetInt(int64(n))
	return nil
}

// checkPath refuses what cannot be a path parameter of this name. All are ids;
// anything else must not reach a database.
func checkPath(name, text string) error {
	switch {
	case name == "client_id" && !clients.IsID(text):
		return clients.ErrNotFound
	case name != "client_id" && !IsID(text):
		return problem.NotFound()
	}
	return nil
}

// IsID reports whether text is a UUID in its canonical form: lower case, with hyphens.
func IsID(text string) bool {
	id, err := uuid.Parse(text)
	return err == nil && id.String() == text
}
