package httpapi

import (
	"net/http"

	"github.com/portaria/portaria/internal/problem"
)

// The refusals of requests that cannot be understood.
var (
	bodyNotGzip          = problem.Row{Status: http.StatusBadRequest, Code: "body_not_gzip", Title: "The body is not gzip.", Detail: "Send what Content-Encoding names."}
	bodyIncomplete       = problem.Row{Status: http.StatusBadRequest, Code: "body_incomplete", Title: "The body ended before its announced length.", Detail: "Send the whole body."}
	refreshTokenRepeated = problem.Row{Status: http.StatusBadRequest, Code: "refresh_token_repeated", Title: "The request has more than one refresh token.", Detail: "Send one refresh token, in one place."}
	queryInvalid         = problem.Row{Status: http.StatusBadRequest, Code: "query_invalid", Title: "The query cannot be read.", Detail: "Percent-encode the query."}
	headerRepeated       = problem.Row{Status: http.StatusBadRequest, Code: "authorization_repeated", Title: "The request has more than one Authorization header.", Detail: "Send one Authorization header."}
)

// requestProblems lists them for the reference.
func requestProblems() []problem.Row {
	return []problem.Row{bodyNotGzip, bodyIncomplete, refreshTokenRepeated, queryInvalid, headerRepeated}
}

// problems answers every error of the API. A test wants a row for each exported
// error of the packages below.
var problems = problem.Join(peopleProblems(), clientsProblems(), revocationProblems(), webhooksProblems(), tokensProblems(), requestProblems())
