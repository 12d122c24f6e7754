package endpoint

import (
	"net/http"

	"github.com/portaria/portaria/internal/problem"
)

// The refusals of requests that cannot be decoded.
var (
	bodyNotGzip    = problem.Row{Status: http.StatusBadRequest, Code: "body_not_gzip", Title: "The body is not valid gzip.", Detail: "Compress the body with gzip, or send it without Content-Encoding."}
	bodyIncomplete = problem.Row{Status: http.StatusBadRequest, Code: "body_incomplete", Title: "The body is shorter than its Content-Length.", Detail: "Send the whole body."}
	queryInvalid   = problem.Row{Status: http.StatusBadRequest, Code: "query_invalid", Title: "The query cannot be read.", Detail: "Percent-encode the query."}
)

// Problems returns the rows of this package.
func Problems() []problem.Row { return []problem.Row{bodyNotGzip, bodyIncomplete, queryInvalid} }
