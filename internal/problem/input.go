package problem

import (
	"fmt"
	"net/http"
	"time"

	"github.com/portaria/portaria/api"
)

// maxFieldName and maxFields bound how much of a caller's own words come back
// to him.
const (
	maxFieldName = 64
	maxFields    = 16
)

// InputError says what is wrong with a request's form. It names fields and
// positions and never repeats a value.
type InputError struct {
	status int
	code   string
	title  string
	detail string
	fields []api.ProblemField
	// challenge is the WWW-Authenticate header of a 401 or 403.
	challenge string
}

// Error is for logs; like the answer it holds no values.
func (e *InputError) Error() string { return e.code + ": " + e.detail }

func (e *InputError) answer() Answer {
	a := row{status: e.status, code: e.code, title: e.title, detail: e.detail, challenge: e.challenge}.answer(e)
	a.Errors = e.fields
	return a
}

// BrokenJSON says that a body is no JSON, and where: line and column count
// from 1.
func BrokenJSON(line, column int, reason string) error {
	return &InputError{
		status: http.StatusBadRequest,
		code:   "json_invalid",
		title:  "The body is not valid JSON.",
		detail: fmt.Sprintf("Line %d, column %d: %s.", line, column, reason),
	}
}

// BadRequest says that a request cannot be understood.
func BadRequest(code, title string) error {
	return &InputError{status: http.StatusBadRequest, code: code, title: title}
}

// UnsupportedMediaType says that the body is of a kind this route does not
// read.
func UnsupportedMediaType() error {
	return &InputError{
		status: http.StatusUnsupportedMediaType,
		code:   "media_type_unsupported",
		title:  "The body must be JSON.",
		detail: "Send Content-Type: application/json.",
	}
}

// UnsupportedEncoding says that the body is compressed in a way that nothing
// here reads.
func UnsupportedEncoding() error {
	return &InputError{
		status: http.StatusUnsupportedMediaType,
		code:   "content_encoding_unsupported",
		title:  "The body has an encoding that cannot be read.",
		detail: "Send it without Content-Encoding, or with Content-Encoding: gzip.",
	}
}

// HeaderTooLarge says that the request's header is over the limit.
func HeaderTooLarge() error {
	return &InputError{
		status: http.StatusRequestHeaderFieldsTooLarge,
		code:   "header_too_large",
		title:  "The header is too large.",
		detail: "At most 32 KiB. Send fewer or smaller cookies and tokens.",
	}
}

// Moved says that the path has dots or repeated slashes; the header Location
// has the path without them.
func Moved() error {
	return &InputError{
		status: http.StatusTemporaryRedirect,
		code:   "path_not_clean",
		title:  "The path has dots or repeated slashes.",
		detail: "Use the path in Location.",
	}
}

// BodyTooLarge says that a body is over the limit, in bytes.
func BodyTooLarge(limit int64) error {
	return &InputError{
		status: http.StatusRequestEntityTooLarge,
		code:   "body_too_large",
		title:  "The body is too large.",
		detail: fmt.Sprintf("At most %d bytes.", limit),
	}
}

// Fields says which fields are at fault, and why.
func Fields(fields ...api.ProblemField) error {
	fields = fields[:min(len(fields), maxFields)]
	for i := range fields {
		fields[i].Field = bounded(fields[i].Field)
	}
	return &InputError{
		status: http.StatusUnprocessableEntity,
		code:   "input_invalid",
		title:  "The input is not as it must be.",
		detail: "Correct the fields named in errors.",
		fields: fields,
	}
}

// Field says that one field is at fault, and why.
func Field(name, detail string) error {
	return Fields(api.ProblemField{Field: name, Detail: detail})
}

func bounded(name string) string {
	if r := []rune(name); len(r) > maxFieldName {
		return string(r[:maxFieldName]) + "…"
	}
	return name
}

// NotFound says that there is nothing at this path.
func NotFound() error {
	return &InputError{status: http.StatusNotFound, code: "route_not_found", title: "There is nothing at this path."}
}

// MethodNotAllowed says that the path exists, for other methods.
func MethodNotAllowed() error {
	return &InputError{status: http.StatusMethodNotAllowed, code: "method_not_allowed", title: "This path has other methods; see Allow."}
}

// SessionRequired says that the route acts on the caller's session, and that
// the access token belongs to none.
func SessionRequired() error {
	return &InputError{
		status: http.StatusForbidden,
		code:   "session_required",
		title:  "This token belongs to no session.",
		detail: "Sign in, and send the access token of that session.",
	}
}

// InsufficientScope says which scope the token lacks (RFC 6750 §3.1).
func InsufficientScope(scope string) error {
	return &InputError{
		status:    http.StatusForbidden,
		code:      "insufficient_scope",
		title:     "This token does not reach that far.",
		detail:    "The route needs the scope " + scope + ".",
		challenge: fmt.Sprintf(`Bearer error="insufficient_scope", scope=%q`, scope),
	}
}

// ProofRequired says that the caller must have proved the password no longer ago
// than within (RFC 9470 §3).
func ProofRequired(within time.Duration) error {
	return &InputError{
		status:    http.StatusUnauthorized,
		code:      "insufficient_user_authentication",
		title:     "This needs a recent proof of the password.",
		detail:    "Prove the password with POST /v1/step-up, and send the access token that it returns. A refreshed token is not enough.",
		challenge: fmt.Sprintf(`Bearer error="insufficient_user_authentication", max_age="%d"`, int64(within.Seconds())),
	}
}

// TooManyFeeds says that this process serves as many feeds as it can.
func TooManyFeeds() error {
	return &InputError{
		status: http.StatusServiceUnavailable,
		code:   "too_many_feeds",
		title:  "Too many verifiers follow the log from here.",
		detail: "Try again after the time in Retry-After, or follow it through a gateway.",
	}
}
