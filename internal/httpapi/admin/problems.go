package admin

import (
	"net/http"

	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/problem"
	"github.com/portaria/portaria/internal/webhook"
	"github.com/portaria/portaria/internal/webhook/message"
)

// Problems are the rows of the errors of clients and webhooks.
func Problems() []problem.Row {
	return []problem.Row{
		{Err: clients.ErrNotFound, Status: http.StatusNotFound, Code: "client_not_found", Title: "There is no client with this id.", Detail: "Check the id."},
		{Err: clients.ErrTaken, Status: http.StatusConflict, Code: "client_id_taken", Title: "Another client has this id.", Detail: "Choose another id."},
		{Err: clients.ErrConfigured, Status: http.StatusConflict, Code: "client_configured",
			Title: "The settings file describes this client.", Detail: "Change the settings file. The next start would undo a change made here."},
		{Err: clients.ErrNoSecret, Status: http.StatusConflict, Code: "client_without_secret",
			Title: "The client has no secret to rotate.", Detail: "Change its public key, or register a client with a secret."},
		{Err: webhook.ErrNotFound, Status: http.StatusNotFound, Code: "webhook_not_found", Title: "There is no webhook with this id.", Detail: "Check the id."},
		{Err: webhook.ErrNoClient, Status: http.StatusUnprocessableEntity, Code: "webhook_client_unknown",
			Title: "The client of the webhook does not exist.", Detail: "Register the client first."},
		{Err: webhook.ErrTooMany, Status: http.StatusConflict, Code: "webhooks_exhausted",
			Title: "There are too many webhooks.", Detail: "Delete a webhook first."},
		{Err: webhook.ErrEventGone, Status: http.StatusNotFound, Code: "dead_letter_not_found",
			Title: "There is no dead letter of this event, or the event was pruned.", Detail: "List the dead letters again."},
		{Err: webhook.ErrFormat, Status: http.StatusConflict, Code: "webhook_format", Title: "A webhook of this format does not support the request.", Detail: "Create a webhook of the other format."},
		{Err: message.ErrUnsignable, Status: http.StatusConflict, Code: "signing_key_symmetric",
			Title: "Security event tokens need an asymmetric signing key.", Detail: "Use the format standard, or another key_algorithm."},
	}
}
