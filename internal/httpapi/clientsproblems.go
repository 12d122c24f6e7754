package httpapi

import (
	"net/http"

	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/problem"
)

// clientsProblems are the errors of clients.
func clientsProblems() []problem.Row {
	return []problem.Row{
		{Err: clients.ErrNotFound, Status: http.StatusNotFound, Code: "client_not_found", Title: "There is no client with this id.", Detail: "Check the id."},
		{Err: clients.ErrTaken, Status: http.StatusConflict, Code: "client_id_taken", Title: "Another client has this id.", Detail: "Choose another id."},
		{Err: clients.ErrConfigured, Status: http.StatusConflict, Code: "client_configured",
			Title: "The settings file describes this client.", Detail: "Change the settings file. The next start would undo a change made here."},
		{Err: clients.ErrNoSecret, Status: http.StatusConflict, Code: "client_without_secret",
			Title: "The client has no secret to rotate.", Detail: "Change its public key, or register a client with a secret."},
		{Err: clients.ErrBarred, Status: http.StatusForbidden, Code: "client_not_allowed",
			Title: "This client is not allowed here.", Detail: "The client is unknown or disabled, or it must authenticate. Ask the operator."},
		{Err: clients.ErrNotProved, Status: http.StatusUnauthorized, Code: "invalid_client",
			Title: "Client authentication failed.", Detail: "Send id and secret with HTTP Basic, or a new client_assertion.", Challenge: problem.Basic},
	}
}
