package endpoint

import (
	"net/http"

	"github.com/portaria/portaria/internal/problem"
)

// The refusals of requests that cannot be decoded.
var (
	bodyNotGzip    = problem.Row{Status: http.StatusBadRequest, Code: "body_not_gzip", Title: "The body is not gzip.", Detail: "Send what Content-Encoding names."}
	bodyIncomplete = problem.Row{Status: http.StatusBadRequest, Code: "body_incomplete", Title: "The body ended before its announced length.", Detail: "Send the whole body."}
	queryInvalid   = problem.Row{Status: http.StatusBadRequest, Code: "query_invalid", Title: "The query cannot be read.", Detail: "Percent-encode the query."}
)

// Problems lists them for the table of an API.
func Problems() []problem.Row { return []problem.Row{bodyNotGzip, bodyIncomplete, queryInvalid} }
