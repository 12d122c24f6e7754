package problem

import (
	"fmt"
	"net/http"
	"time"

	"github.com/portaria/portaria/api"
)

// maxFieldName (characters) and maxFields limit how much of the request is repeated.
const (
	maxFieldName = 64
	maxFields    = 16
)

// The rows that every API needs.
var (
	// internal is the answer to errors without a row.
	internal = Row{Status: http.StatusInternalServerError, Code: "internal", Title: "An unexpected error occurred.",
		Detail: "Try again. If it happens again, give the operator the request id.", Logged: true}
	// abandoned appears only in the log: the caller closed the connection. No RFC has a
	// status for this; nginx also uses 499.
	abandoned = Row{Status: 499, Code: "abandoned", Title: "The caller closed the connection."}

	// The answers to requests that do not reach a route.
	httpInvalid = Row{Status: http.StatusBadRequest, Code: "http_invalid", Title: "The request is not valid HTTP.",
		Detail: "Send a valid HTTP/1.1 request. The status can also be 501 or 505."}
	tlsRequired = Row{Status: http.StatusBadRequest, Code: "tls_required", Title: "This address requires TLS.", Detail: "Use an https:// URL."}

	brokenJSON      = Row{Status: http.StatusBadRequest, Code: "json_invalid", Title: "The body is not valid JSON.", Detail: "Correct it at the line and column that detail names."}
	mediaType       = Row{Status: http.StatusUnsupportedMediaType, Code: "media_type_unsupported", Title: "The body must be JSON.", Detail: "Send Content-Type: application/json."}
	contentEncoding = Row{Status: http.StatusUnsupportedMediaType, Code: "content_encoding_unsupported", Title: "This content encoding is not supported.",
		Detail: "Send the body without Content-Encoding, or with Content-Encoding: gzip."}
	headerTooLarge = Row{Status: http.StatusRequestHeaderFieldsTooLarge, Code: "header_too_large", Title: "The request header is too large.",
		Detail: "It may have at most 32 KiB. Send fewer or smaller cookies and tokens."}
	moved        = Row{Status: http.StatusTemporaryRedirect, Code: "path_not_clean", Title: "The path has dot segments or repeated slashes.", Detail: "Send the request to the URL in the header Location."}
	bodyTooLarge = Row{Status: http.StatusRequestEntityTooLarge, Code: "body_too_large", Title: "The body is too large.", Detail: "Send a body within the limit that detail names."}
	inputInvalid = Row{Status: http.StatusUnprocessableEntity, Code: "input_invalid", Title: "Some fields are invalid.", Detail: "Correct the fields named in errors."}
	notFound     = Row{Status: http.StatusNotFound, Code: "route_not_found", Title: "There is no route with this path.", Detail: "Check the path and the ids in it."}
	wrongMethod  = Row{Status: http.StatusMethodNotAllowed, Code: "method_not_allowed", Title: "The path does not support this method.", Detail: "Use a method from the header Allow."}
	needsSession = Row{Status: http.StatusForbidden, Code: "session_required", Title: "The access token does not belong to a session.",
		Detail: "Sign in, and send the access token of that session."}
	scopeMissing = Row{Status: http.StatusForbidden, Code: "insufficient_scope", Title: "Insufficient scope.", Detail: "Ask for a token with the scope that detail names."}
	proofMissing = Row{Status: http.StatusUnauthorized, Code: "insufficient_user_authentication", Title: "This needs a recent proof of the password.",
		Detail: "Prove the password with POST /v1/step-up, and send the access token that it returns. A refreshed token is not enough."}
	tooManyFeeds = Row{Status: http.StatusServiceUnavailable, Code: "too_many_feeds", Title: "This process serves its greatest number of feeds.",
		Detail: "Try again after the time in Retry-After, or follow the feed through a gateway."}
)

// general returns the rows that callers can receive, for the reference.
func general() []Row {
	return []Row{brokenJSON, mediaType, contentEncoding, headerTooLarge, moved, bodyTooLarge, inputInvalid, notFound, wrongMethod,
		needsSession, scopeMissing, proofMissing, tooManyFeeds, httpInvalid, tlsRequired, internal}
}

func (r Row) with(detail string) error {
	r.Detail = detail
	return r.Refuse()
}

// BrokenJSON reports a body that is not JSON, and where: line and column count
// from 1.
func BrokenJSON(line, column int, reason string) error {
	return brokenJSON.with(fmt.Sprintf("Line %d, column %d: %s.", line, column, reason))
}

// UnsupportedMediaType reports a body of another media type than the route reads.
func UnsupportedMediaType() error { return mediaType.Refuse() }

// UnsupportedEncoding reports a body with an unknown Content-Encoding.
func UnsupportedEncoding() error { return contentEncoding.Refuse() }

// HeaderTooLarge reports a request header over the limit.
func HeaderTooLarge() error { return headerTooLarge.Refuse() }

// HTTPInvalid reports a request that net/http refused with this status.
func HTTPInvalid(status int) error {
	r := httpInvalid
	r.Status = status
	return r.with("Send a valid HTTP/1.1 request.")
}

// TLSRequired reports a request without TLS at an address that requires TLS.
func TLSRequired() error { return tlsRequired.Refuse() }

// Moved reports a path with dot segments or repeated slashes. The caller of Moved sets
// the header Location to the clean path.
func Moved() error { return moved.Refuse() }

// BodyTooLarge reports a body over the limit, in bytes.
func BodyTooLarge(limit int64) error {
	return bodyTooLarge.with(fmt.Sprintf("At most %d bytes.", limit))
}

// Fields reports which fields are invalid, and why.
func Fields(fields ...api.ProblemField) error {
	fields = fields[:min(len(fields), maxFields)]
	for i := range fields {
		fields[i].Field = bounded(fields[i].Field)
	}
	return &Refusal{row: inputInvalid, fields: fields}
}

// Field reports that one field is invalid, and why.
func Field(name, detail string) error {
	return Fields(api.ProblemField{Field: name, Detail: detail})
}

func bounded(name string) string {
	if r := []rune(name); len(r) > maxFieldName {
		return string(r[:maxFieldName]) + "…"
	}
	return name
}

// NotFound reports a path without a route.
func NotFound() error { return notFound.Refuse() }

// MethodNotAllowed reports a path whose routes have other methods.
func MethodNotAllowed() error { return wrongMethod.Refuse() }

// SessionRequired reports that the route acts on the caller's session, and that the
// access token belongs to no session.
func SessionRequired() error { return needsSession.Refuse() }

// InsufficientScope reports which scope the token lacks (RFC 6750 §3.1).
func InsufficientScope(scope string) error {
	r := scopeMissing
	r.Challenge = fmt.Sprintf(`Bearer error="insufficient_scope", scope=%q`, scope)
	return r.with("The route needs the scope " + scope + ".")
}

// ProofRequired reports that the password must have been proved within this duration
// before the request (RFC 9470 §3).
func ProofRequired(within time.Duration) error {
	r := proofMissing
	r.Challenge = fmt.Sprintf(`Bearer error="insufficient_user_authentication", max_age="%d"`, int64(within.Seconds()))
	return r.Refuse()
}

// TooManyFeeds reports that this process serves its greatest number of feeds.
func TooManyFeeds() error { return tooManyFeeds.Refuse() }
