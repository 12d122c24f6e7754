package httpapi

import (
	"net/http"

	"github.com/portaria/portaria/internal/problem"
	"github.com/portaria/portaria/internal/webhook"
)

// webhooksProblems are the errors of webhooks.
func webhooksProblems() []problem.Row {
	return []problem.Row{
		{Err: webhook.ErrNotFound, Status: http.StatusNotFound, Code: "webhook_not_found", Title: "There is no webhook with this id.", Detail: "Check the id."},
		{Err: webhook.ErrNoClient, Status: http.StatusUnprocessableEntity, Code: "webhook_client_unknown",
			Title: "The client of the webhook does not exist.", Detail: "Register the client first."},
		{Err: webhook.ErrTooMany, Status: http.StatusConflict, Code: "webhooks_exhausted",
			Title: "There are too many webhooks.", Detail: "Delete one first."},
		{Err: webhook.ErrEventGone, Status: http.StatusNotFound, Code: "dead_letter_not_found",
			Title: "There is no such dead letter, or its event was pruned.", Detail: "List the dead letters again."},
		{Err: webhook.ErrFormat, Status: http.StatusConflict, Code: "webhook_format", Title: "A webhook of this format does not support the request.", Detail: "Create a webhook of the other format."},
		{Err: webhook.ErrUnsignable, Status: http.StatusConflict, Code: "signing_key_symmetric",
			Title: "Security event tokens need an asymmetric signing key.", Detail: "Use the format standard, or another key_algorithm."},
	}
}
