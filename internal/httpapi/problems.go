package httpapi

import (
	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/httpapi/admin"
	"github.com/portaria/portaria/internal/httpapi/feed"
	"github.com/portaria/portaria/internal/httpapi/people"
	"github.com/portaria/portaria/internal/problem"
)

// Problems returns the answers of all errors of the API. The rows are beside the
// routes that return them.
func Problems() problem.Table {
	return problem.Join(people.Problems(), admin.Problems(), feed.Problems(), access.Problems(), endpoint.Problems())
}
