package endpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/problem"
)

// form is what is known of a request body before any request arrives.
type form struct {
	registry huma.Registry
	schema   *huma.Schema
}

// read fills in, a pointer to the request type, from a request's JSON body.
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

// isJSON accepts application/json with any parameter but a foreign charset.
func isJSON(contentType string) bool {
	kind, params, err := mime.ParseMediaType(contentType)
	charset := strings.ToLower(params["charset"])
	return err == nil && kind == "application/json" && (charset == "" || charset == "utf-8")
}

// decode is strict where encoding/json is not: member names are
// case-sensitive, unique and known, and the text is valid UTF-8. Otherwise two
// readers of one request could see two different requests in it.
func (f form) decode(body []byte, in any) error {
	if !utf8.Valid(body) {
		return problem.BrokenJSON(1, 1, "the body is not valid UTF-8")
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return syntaxProblem(body, err)
	}
	if loneSurrogate(body) {
		return problem.BrokenJSON(1, 1, `an escape such as \ud800 stands for half a character`)
	}
	if _, ok := value.(map[string]any); !ok {
		return problem.Field("(body)", "expected an object")
	}
	if faults := append(f.names(body), f.faults(value)...); len(faults) > 0 {
		return problem.Fields(faults...)
	}
	if err := json.Unmarshal(body, in); err != nil {
		return problem.Field("(body)", "a value is out of range")
	}
	return nil
}

// syntaxProblem turns a JSON error into a position; encoding/json reports a
// byte offset just past the byte at fault.
func syntaxProblem(body []byte, err error) error {
	var unfit *json.UnmarshalTypeError
	if errors.As(err, &unfit) {
		return problem.Field(culprit(body), "a number is out of range")
	}
	offset, reason := len(body), "the text ends too early"
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) && syntax.Error() != "unexpected end of JSON input" {
		offset, reason = int(syntax.Offset)-1, "unexpected character, or nested too deeply"
	}
	before := body[:max(0, min(offset, len(body)))]
	line := 1 + bytes.Count(before, []byte{'\n'})
	column := 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	return problem.BrokenJSON(line, column, reason)
}

// culprit names the member whose value cannot be read.
func culprit(body []byte) string {
	var members map[string]json.RawMessage
	_ = json.Unmarshal(body, &members)
	for name, text := range members {
		var value any
		if json.Unmarshal(text, &value) != nil {
			return name
		}
	}
	return "(body)"
}

// loneSurrogate reports an escaped half of a UTF-16 pair in valid JSON.
// encoding/json replaces each by U+FFFD: different passwords would be equal.
func loneSurrogate(body []byte) bool {
	for i := bytes.IndexByte(body, '\\'); i >= 0 && i < len(body); i++ {
		if body[i] != '\\' {
			continue
		}
		i++ // the escaped character
		if body[i] != 'u' {
			continue
		}
		if first := hex4(body[i+1:]); utf16.IsSurrogate(first) {
			rest := body[i+5:]
			if !bytes.HasPrefix(rest, []byte(`\u`)) || utf16.DecodeRune(first, hex4(rest[2:])) == utf8.RuneError {
				return true
			}
			i += 6 // the second half
		}
		i += 4
	}
	return false
}

// hex4 reads the digits of a \u escape in valid JSON.
func hex4(digits []byte) rune {
	n, _ := strconv.ParseUint(string(digits[:4]), 16, 16)
	return rune(n)
}

// names reports members of the object that are unknown or stand in it twice.
// The body is valid JSON already.
func (f form) names(body []byte) []api.ProblemField {
	var faults []api.ProblemField
	seen := map[string]bool{}
	for name := range members(body) {
		switch {
		case f.schema.Properties[name] == nil:
			faults = append(faults, api.ProblemField{Field: name, Detail: "unknown field"})
		case seen[name]:
			faults = append(faults, api.ProblemField{Field: name, Detail: "given more than once"})
		}
		seen[name] = true
	}
	return faults
}

// members yields the member names of the outermost object, in order.
func members(body []byte) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		dec := json.NewDecoder(bytes.NewReader(body))
		_, _ = dec.Token() // the opening brace
		for dec.More() {
			name, err := dec.Token()
			text, ok := name.(string)
			if err != nil || !ok || !yield(text) {
				return
			}
			var skipped json.RawMessage
			if dec.Decode(&skipped) != nil {
				return
			}
		}
	}
}

// faults checks types, lengths and required fields against the schema that is
// published in openapi.yaml. The validator's values are left behind: they
// belong to the caller and may be passwords.
func (f form) faults(value any) []api.ProblemField {
	var result huma.ValidateResult
	path := huma.NewPathBuffer(nil, 0)
	huma.Validate(f.registry, f.schema, path, huma.ModeWriteToServer, value, &result)
	var faults []api.ProblemField
	for _, err := range result.Errors {
		var detail *huma.ErrorDetail
		if !errors.As(err, &detail) || detail.Message == unexpectedProperty {
			continue // names says it already, and by exact spelling
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
