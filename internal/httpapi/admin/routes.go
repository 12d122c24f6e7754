// Package admin has the routes that administer accounts, sessions, clients, events
// and webhooks.
package admin

import (
	"context"
	"log/slog"
	"time"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/webhook"
)

// Deps is what the routes need. Every field is required.
type Deps struct {
	Gate     *access.Gate
	Accounts Accounts
	Sessions session.Store
	Clients  Clients
	Events   event.Store
	Webhooks *webhook.Service
}

// Accounts changes accounts, and lists them.
type Accounts struct {
	*account.Directory
	Store account.Store
	Guard Guard
}

// Clients changes registered clients, and lists them.
type Clients struct {
	*clients.Directory
	// Unknown returns the audiences in the list for which no tokens are issued.
	Unknown func(ctx context.Context, audiences []string, now time.Time) []string
	Log     *slog.Logger
}

type admin struct{ Deps }

// Routes returns the routes.
func Routes(d Deps) []endpoint.Route[access.Caller] {
	a, may, at := admin{d}, d.Gate.May, endpoint.At[access.Caller]
	return []endpoint.Route[access.Caller]{
		at("GET /v1/admin/accounts", may(access.Admin), endpoint.Call(a.listAccounts), "List accounts, newest first."),
		at("POST /v1/admin/accounts", may(access.Admin), endpoint.Create(a.createAccount), "Create an account, also while sign-up is closed."),
		at("POST /v1/admin/accounts/import", may(access.Admin), endpoint.Call(a.importAccounts), "Import accounts of another system, with the password hashes that they have."),
		at("GET /v1/admin/accounts/{id}", may(access.Admin), endpoint.Call(a.showAccount), "Show an account."),
		at("POST /v1/admin/accounts/{id}/disable", may(access.Admin), endpoint.Call(a.disableAccount), "Disable an account and end its sessions."),
		at("POST /v1/admin/accounts/{id}/enable", may(access.Admin), endpoint.Call(a.enableAccount), "Enable a disabled account."),
		at("DELETE /v1/admin/accounts/{id}/devices", may(access.Admin), endpoint.Call(a.forgetDevices), "End the device tokens of an account: its devices are strangers at their next sign-in."),
		at("DELETE /v1/admin/accounts/{id}", may(access.Admin), endpoint.Call(a.deleteAccount), "Delete an account and everything that belongs to it."),
		at("PUT /v1/admin/accounts/{id}/password", may(access.Admin), endpoint.Call(a.setPassword), "Set the password of an account; ends all its sessions."),
		at("GET /v1/admin/accounts/{id}/sessions", may(access.Admin), endpoint.Call(a.accountSessions), "List an account's sessions."),
		at("POST /v1/admin/accounts/{id}/sessions/end", may(access.Admin), endpoint.Call(a.endAccountSessions), "End all sessions of an account."),
		at("GET /v1/admin/sessions", may(access.Admin), endpoint.Call(a.listSessions), "List active sessions, newest first."),
		at("GET /v1/admin/sessions/{id}", may(access.Admin), endpoint.Call(a.showSession), "Show a session."),
		at("DELETE /v1/admin/sessions/{id}", may(access.Admin), endpoint.Call(a.endSession), "End a session."),
		at("GET /v1/admin/clients", may(access.Admin), endpoint.Call(a.listClients), "List registered clients by id."),
		at("POST /v1/admin/clients", may(access.Admin), endpoint.Create(a.createClient), "Register a client; returns its secret, which is not shown again."),
		at("GET /v1/admin/clients/{client_id}", may(access.Admin), endpoint.Call(a.showClient), "Show a client."),
		at("DELETE /v1/admin/clients/{client_id}", may(access.Admin), endpoint.Call(a.deleteClient), "Delete a client and end the sessions that people have through it."),
		at("POST /v1/admin/clients/{client_id}/disable", may(access.Admin), endpoint.Call(a.disableClient), "Disable a client, revoke its tokens and end the sessions that people have through it."),
		at("POST /v1/admin/clients/{client_id}/enable", may(access.Admin), endpoint.Call(a.enableClient), "Enable a disabled client."),
		at("POST /v1/admin/clients/{client_id}/secrets", may(access.Admin), endpoint.Create(a.rotateClientSecret), "Make a new secret for a client; the previous secret stays valid, also when the request is repeated."),
		at("DELETE /v1/admin/clients/{client_id}/secrets", may(access.Admin), endpoint.Call(a.dropClientSecret), "Delete all secrets of a client except the newest."),
		at("GET /v1/admin/guard", may(access.Admin), endpoint.Call(a.showGuard), "Show the failed attempts at an account or from an address."),
		at("POST /v1/admin/guard/clear", may(access.Admin), endpoint.Call(a.clearGuard), "Forget the failed attempts at an account or from an address."),
		at("GET /v1/admin/events", may(access.Admin), endpoint.Call(a.listEvents), "List events, newest first, or all events after a position in the log."),
		at("GET /v1/admin/webhooks", may(access.Admin), endpoint.Call(a.listWebhooks), "List webhooks."),
		at("POST /v1/admin/webhooks", may(access.Admin), endpoint.Create(a.createWebhook), "Create a webhook, which delivers events from now on."),
		at("GET /v1/admin/webhooks/{id}", may(access.Admin), endpoint.Call(a.showWebhook), "Show a webhook and the state of its deliveries."),
		at("DELETE /v1/admin/webhooks/{id}", may(access.Admin), endpoint.Call(a.deleteWebhook), "Delete a webhook and its history."),
		at("POST /v1/admin/webhooks/{id}/secret", may(access.Admin), endpoint.Call(a.rotateWebhookSecret), "Make a new secret for a webhook; for a day both secrets sign."),
		at("POST /v1/admin/webhooks/{id}/disable", may(access.Admin), endpoint.Call(a.disableWebhook), "Pause delivery; events are kept."),
		at("POST /v1/admin/webhooks/{id}/enable", may(access.Admin), endpoint.Call(a.enableWebhook), "Resume delivery at the first event that was not delivered."),
		at("POST /v1/admin/webhooks/{id}/replay", may(access.Admin), endpoint.Call(a.replayWebhook), "Deliver the events since a time again."),
		at("GET /v1/admin/webhooks/{id}/deliveries", may(access.Admin), endpoint.Call(a.deliveries), "List the last delivery attempts, newest first."),
		at("GET /v1/admin/webhooks/{id}/dead-letters", may(access.Admin), endpoint.Call(a.deadLetters), "List dead letters, oldest first."),
		at("POST /v1/admin/webhooks/{id}/dead-letters/{event}/redeliver", may(access.Admin), endpoint.Call(a.redeliver), "Deliver a dead letter again, now."),
		at("POST /v1/events/{id}/poll", may(access.EventsRead), endpoint.Call(a.pollEvents), "Fetch and acknowledge security event tokens (RFC 8936)."),
	}
}
