package httpapi

import (
	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/endpoint"
)

// routes is the whole API.
func (s *Server) routes() []endpoint.Route[Caller] {
	at := endpoint.At[Caller]
	return []endpoint.Route[Caller]{
		at("POST /v1/accounts", s.may(anyone), endpoint.Call(s.signUp), "Sign up."),
		at("POST /v1/login", s.may(anyoneThrough), endpoint.Call(s.signIn), "Sign in."),
		// The refresh token is the proof, with the csrf value if it is in a cookie.
		at("POST /v1/refresh", s.may(anyoneThrough), endpoint.Call(s.refresh), "Exchange a refresh token for an access token and the next refresh token."),
		at("POST /v1/step-up", s.may(signedIn), endpoint.Call(s.stepUp), "Prove the password again; returns a fresh access token."),
		at("POST /v1/logout", s.may(leaving), endpoint.CallMaybe(s.signOut), "End the session of the access token, or of a refresh token."),
		at("GET /v1/me", s.may(signedIn), endpoint.Call(s.me), "Show the account and session of the access token."),
		at("PUT /v1/password", s.may(signedIn), endpoint.Call(s.changePassword), "Change the password; ends all other sessions."),
		at("GET /v1/sessions", s.may(signedIn), endpoint.Call(s.ownSessions), "List the sessions of the account."),
		at("DELETE /v1/sessions/{id}", s.may(signedIn), endpoint.Call(s.endOwnSession), "End a session of the account; a session other than the caller's own needs a fresh token."),
		at("POST /v1/sessions/end", s.may(signedIn), endpoint.Call(s.endOwnSessions), "End all other sessions, or all sessions; needs a fresh token."),

		at("POST /oauth2/token", s.may(aClient), endpoint.Form[api.TokenRequest, api.Granted](s.token), "Issue tokens to registered clients (RFC 6749)."),
		at("POST "+revokePath, s.may(aClient), endpoint.Form[api.RevocationRequest, struct{}](s.revokeToken), "Revoke an access token, or a refresh token with its session (RFC 7009)."),
		at("POST "+introspectPath, s.may(aClient), endpoint.Form[api.IntrospectionRequest, api.Introspection](s.introspect), "Report whether a token is active (RFC 7662)."),

		at("GET /v1/admin/accounts", s.may(admin), endpoint.Call(s.listAccounts), "List accounts, newest first."),
		at("POST /v1/admin/accounts", s.may(admin), endpoint.Call(s.createAccount), "Create an account, also while sign-up is closed."),
		at("GET /v1/admin/accounts/{id}", s.may(admin), endpoint.Call(s.showAccount), "Show an account."),
		at("POST /v1/admin/accounts/{id}/disable", s.may(admin), endpoint.Call(s.disableAccount), "Disable an account and end its sessions."),
		at("POST /v1/admin/accounts/{id}/enable", s.may(admin), endpoint.Call(s.enableAccount), "Enable a disabled account."),
		at("DELETE /v1/admin/accounts/{id}", s.may(admin), endpoint.Call(s.deleteAccount), "Delete an account and everything that belongs to it."),
		at("PUT /v1/admin/accounts/{id}/password", s.may(admin), endpoint.Call(s.setPassword), "Set the password of an account; ends all its sessions."),
		at("GET /v1/admin/accounts/{id}/sessions", s.may(admin), endpoint.Call(s.accountSessions), "List an account's sessions."),
		at("POST /v1/admin/accounts/{id}/sessions/end", s.may(admin), endpoint.Call(s.endAccountSessions), "End all sessions of an account."),
		at("GET /v1/admin/sessions", s.may(admin), endpoint.Call(s.listSessions), "List active sessions, newest first."),
		at("GET /v1/admin/sessions/{id}", s.may(admin), endpoint.Call(s.showSession), "Show a session."),
		at("DELETE /v1/admin/sessions/{id}", s.may(admin), endpoint.Call(s.endSession), "End a session."),

		at("GET /v1/admin/clients", s.may(admin), endpoint.Call(s.listClients), "List registered clients by id."),
		at("POST /v1/admin/clients", s.may(admin), endpoint.Call(s.createClient), "Register a client; returns its secret, which is not shown again."),
		at("GET /v1/admin/clients/{client_id}", s.may(admin), endpoint.Call(s.showClient), "Show a client."),
		at("DELETE /v1/admin/clients/{client_id}", s.may(admin), endpoint.Call(s.deleteClient), "Delete a client and end the sessions that people have through it."),
		at("POST /v1/admin/clients/{client_id}/disable", s.may(admin), endpoint.Call(s.disableClient), "Disable a client, revoke its tokens and end the sessions that people have through it."),
		at("POST /v1/admin/clients/{client_id}/enable", s.may(admin), endpoint.Call(s.enableClient), "Enable a disabled client."),
		at("POST /v1/admin/clients/{client_id}/secrets", s.may(admin), endpoint.Call(s.rotateClientSecret), "Make a new secret for a client; the previous secret stays valid, also when the request is repeated."),
		at("DELETE /v1/admin/clients/{client_id}/secrets", s.may(admin), endpoint.Call(s.dropClientSecret), "Delete all secrets of a client except the newest."),

		at("GET /v1/admin/events", s.may(admin), endpoint.Call(s.listEvents), "List events, newest first, or all events after a position in the log."),
		at("GET /v1/admin/webhooks", s.may(admin), endpoint.Call(s.listWebhooks), "List webhooks."),
		at("POST /v1/admin/webhooks", s.may(admin), endpoint.Call(s.createWebhook), "Create a webhook, which delivers events from now on."),
		at("GET /v1/admin/webhooks/{id}", s.may(admin), endpoint.Call(s.showWebhook), "Show a webhook and the state of its deliveries."),
		at("DELETE /v1/admin/webhooks/{id}", s.may(admin), endpoint.Call(s.deleteWebhook), "Delete a webhook and its history."),
		at("POST /v1/admin/webhooks/{id}/secret", s.may(admin), endpoint.Call(s.rotateWebhookSecret), "Make a new secret for a webhook; for a day both secrets sign."),
		at("POST /v1/admin/webhooks/{id}/disable", s.may(admin), endpoint.Call(s.disableWebhook), "Pause delivery; events are kept."),
		at("POST /v1/admin/webhooks/{id}/enable", s.may(admin), endpoint.Call(s.enableWebhook), "Resume delivery at the first event that was not delivered."),
		at("POST /v1/admin/webhooks/{id}/replay", s.may(admin), endpoint.Call(s.replayWebhook), "Deliver the events since a time again."),
		at("GET /v1/admin/webhooks/{id}/deliveries", s.may(admin), endpoint.Call(s.deliveries), "List the last delivery attempts, newest first."),
		at("GET /v1/admin/webhooks/{id}/dead-letters", s.may(admin), endpoint.Call(s.deadLetters), "List dead letters, oldest first."),
		at("POST /v1/admin/webhooks/{id}/dead-letters/{event}/redeliver", s.may(admin), endpoint.Call(s.redeliver), "Deliver a dead letter again, now."),
		at("POST /v1/events/{id}/poll", s.may(eventsRead), endpoint.Call(s.pollEvents), "Fetch and acknowledge security event tokens (RFC 8936)."),
		at("POST /rev/v1/rules", s.may(revocationWrite), endpoint.Call(s.revoke), "Revoke tokens; returns the receipt."),
		at("GET /rev/v1/rules/{seq}", s.may(revocationWrite), endpoint.Call(s.showReceipt), "Show which verifiers have applied a rule."),
		at("GET /rev/v1/snapshot", s.may(revocationRead), endpoint.Plain(s.snapshot), "Return all live rules (application/x-ndjson)."),
		at("GET /rev/v1/feed", s.may(revocationRead), endpoint.Plain(s.feed), "Stream the rules after a position (text/event-stream)."),
		at("POST /rev/v1/poll", s.may(revocationRead), endpoint.Call(s.poll), "Return the rules after a position, for verifiers behind proxies that buffer streams."),
		at("POST /rev/v1/ack", s.may(revocationRead), endpoint.Call(s.acked), "Acknowledge the position that a verifier has applied."),
		at("POST /v1/admin/revocation/new-epoch", s.may(admin), endpoint.Call(s.newEpoch), "Start a new epoch of the revocation log. Run once after restoring a backup."),
		at("GET /v1/admin/verifiers", s.may(admin), endpoint.Call(s.listVerifiers), "List the verifiers that follow the revocation log, and how far behind they are."),

		at("GET /healthz", s.may(anyone), endpoint.Call(s.health), "Report whether the process runs."),
		at("GET /readyz", s.may(anyone), endpoint.Plain(s.ready), "Report whether the service is ready: database, revocation log and signing key."),
		at("GET /openapi.json", s.may(anyone), endpoint.Plain(s.serveDocument), "Return this document."),
		at("GET /.well-known/security.txt", s.may(anyone), endpoint.Plain(s.securityText), "Return the contact for reports of weaknesses (RFC 9116)."),
		at("GET /.well-known/jwks.json", s.may(anyone), endpoint.Plain(s.keySet), "Return the keys that access tokens are verified with (RFC 7517)."),
		at("GET "+metadataPath, s.may(anyone), endpoint.Documented[api.Metadata](s.serveMetadata), "Return the metadata of this authorization server (RFC 8414)."),
	}
}
