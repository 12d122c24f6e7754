package httpapi

import (
	"net/http"

	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/problem"
)

// The refusals of requests that cannot be understood.
var (
	refreshTokenRepeated = problem.Row{Status: http.StatusBadRequest, Code: "refresh_token_repeated", Title: "The request has more than one refresh token.", Detail: "Send one refresh token, in one place."}
	headerRepeated       = problem.Row{Status: http.StatusBadRequest, Code: "authorization_repeated", Title: "The request has more than one Authorization header.", Detail: "Send one Authorization header."}
)

// requestProblems lists them for the reference.
func requestProblems() []problem.Row {
	return []problem.Row{refreshTokenRepeated, headerRepeated}
}

// problems answers every error of the API. A test wants a row for each exported
// error of the packages below.
var problems = problem.Join(peopleProblems(), clientsProblems(), revocationProblems(), webhooksProblems(), tokensProblems(), requestProblems(), endpoint.Problems())
