package endpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/problem"
	"github.com/portaria/portaria/internal/strictjson"
)

// form is the schema of a request body.
type form struct {
	registry huma.Registry
	schema   *huma.Schema
}

// read decodes the JSON body of a request. in is a pointer to the request type.
func (f form) read(r *http.Request, in any) error {
	if !isJSON(r.Header.Get("Content-Type")) {
		return problem.UnsupportedMediaType()
	}
	body, err := ReadBody(r)
	if err != nil {
		return err
	}
	return f.decode(body, in)
}

// isJSON reports whether a content type is application/json in UTF-8.
func isJSON(contentType string) bool {
	kind, params, err := mime.ParseMediaType(contentType)
	charset := strings.ToLower(params["charset"])
	return err == nil && kind == "application/json" && (charset == "" || charset == "utf-8")
}

// bodyLimits limit the members of a body. ReadBody limits its size.
var bodyLimits = strictjson.Limits{Members: 2048}

// decode decodes a body strictly, so that two programs cannot read it in different ways.
// Every name must be known, and its case counts.
func (f form) decode(body []byte, in any) error {
	object, err := bodyLimits.Parse(body)
	if err != nil {
		return bodyProblem(body, err)
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return fmt.Errorf("decode JSON that was checked: %w", err)
	}
	if faults := append(f.unknown("", f.schema, object), f.faults(value)...); len(faults) > 0 {
		return problem.Fields(faults...)
	}
	if err := json.Unmarshal(body, in); err != nil {
		return problem.Field("(body)", "a value is out of range")
	}
	return nil
}

// bodyProblem returns the refusal for an error of the parser. It names the member that
// is invalid, or the line and column of a syntax error.
func bodyProblem(body []byte, err error) error {
	var fault *strictjson.Error
	if !errors.As(err, &fault) {
		return err
	}
	switch fault.Reason {
	case strictjson.NotObject:
		return problem.Field("(body)", "expected an object")
	case strictjson.Duplicate:
		return problem.Field(fault.Path, "given more than once")
	case strictjson.OutOfRange:
		return problem.Field(fault.Path, "a number is out of range")
	}
	before := body[:min(fault.At, len(body))]
	line := 1 + bytes.Count(before, []byte{'\n'})
	column := 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	return problem.BrokenJSON(line, column, string(fault.Reason))
}

// unknown returns the members of an object that the schema does not have, at every
// level. The validator is not enough: it accepts names in another case.
func (f form) unknown(path string, schema *huma.Schema, object strictjson.Object) []api.ProblemField {
	var faults []api.ProblemField
	for _, m := range object {
		name := m.Name
		if path != "" {
			name = path + "." + m.Name
		}
		inner, known := schema.Properties[m.Name]
		if more, ok := schema.AdditionalProperties.(*huma.Schema); ok && !known {
			inner, known = more, true
		}
		if !known {
			faults = append(faults, api.ProblemField{Field: name, Detail: "unknown field"})
			continue
		}
		faults = append(faults, f.unknownIn(name, inner, m.Value)...)
	}
	return faults
}

// unknownIn is [form.unknown] for a value of any kind.
func (f form) unknownIn(path string, schema *huma.Schema, value strictjson.Value) []api.ProblemField {
	for schema != nil && schema.Ref != "" {
		schema = f.registry.SchemaFromRef(schema.Ref)
	}
	switch {
	case schema == nil: // any value
		return nil
	case value[0] == '{' && schema.Type == huma.TypeObject:
		object, err := bodyLimits.Parse(value)
		if err != nil { // cannot happen: it was checked with the body
			return []api.ProblemField{{Field: path, Detail: "cannot be read"}}
		}
		return f.unknown(path, schema, object)
	case value[0] == '[' && schema.Items != nil:
		elements, err := value.ElementsShallow()
		if err != nil {
			return []api.ProblemField{{Field: path, Detail: "cannot be read"}}
		}
		var faults []api.ProblemField
		for i, element := range elements {
			faults = append(faults, f.unknownIn(fmt.Sprintf("%s[%d]", path, i), schema.Items, element)...)
		}
		return faults
	}
	return nil
}

// faults checks types, lengths and required fields against the schema of openapi.yaml.
// It does not repeat the values that the validator returns: they may be passwords.
func (f form) faults(value any) []api.ProblemField {
	var result huma.ValidateResult
	path := huma.NewPathBuffer(nil, 0)
	huma.Validate(f.registry, f.schema, path, huma.ModeWriteToServer, value, &result)
	var faults []api.ProblemField
	for _, err := range result.Errors {
		var detail *huma.ErrorDetail
		if !errors.As(err, &detail) || detail.Message == unexpectedProperty {
			continue // form.unknown reports it
		}
		faults = append(faults, fieldProblem(detail))
	}
	return faults
}

// unexpectedProperty is the validator's message for an unknown field.
const unexpectedProperty = "unexpected property"

func fieldProblem(d *huma.ErrorDetail) api.ProblemField {
	// A missing field is reported at its parent, with its name in the text.
	if name, ok := strings.CutPrefix(d.Message, "expected required property "); ok {
		name, _, _ = strings.Cut(name, " ")
		return api.ProblemField{Field: name, Detail: "required"}
	}
	return api.ProblemField{Field: d.Location, Detail: d.Message}
}

// hasBody reports whether a request type has JSON members.
func hasBody(t reflect.Type) bool {
	for i := range t.NumField() {
		field := t.Field(i)
		if field.Anonymous && field.Type.Kind() == reflect.Struct {
			if hasBody(field.Type) {
				return true
			}
			continue
		}
		if field.Tag.Get("json") != "-" {
			return true
		}
	}
	return false
}
