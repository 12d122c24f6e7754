package httpapi

import "github.com/portaria/portaria/api"

// route is one line of the API: its pattern, who may call it, what serves it,
// and a sentence for the document.
type route struct {
	pattern string
	who     who
	endpoint
	summary string
}

// routes is the whole API.
func (s *Server) routes() []route {
	return []route{
		{"POST /v1/accounts", anyone, call(s.signUp), "Sign up."},
		{"POST /v1/login", anyoneThrough, call(s.signIn), "Sign in."},
		// The refresh token is the proof, with the csrf value if it is in a cookie.
		{"POST /v1/refresh", anyoneThrough, call(s.refresh), "Spend a refresh token; answers its successor."},
		{"POST /v1/step-up", signedIn, call(s.stepUp), "Prove the password again; answers a fresh access token."},
		{"POST /v1/logout", leaving, callMaybe(s.signOut), "End this session: that of the access token, or of a refresh token."},
		{"GET /v1/me", signedIn, call(s.me), "The account and session of the access token."},
		{"PUT /v1/password", signedIn, call(s.changePassword), "Change the password; ends all other sessions."},
		{"GET /v1/sessions", signedIn, call(s.ownSessions), "Where the account is logged in."},
		{"DELETE /v1/sessions/{id}", signedIn, call(s.endOwnSession), "End one of the account's sessions; another than the own needs a fresh token."},
		{"POST /v1/sessions/end", signedIn, call(s.endOwnSessions), "End all other sessions, or all; needs a fresh token."},

		{"POST /oauth2/token", aClient, formed[api.TokenRequest, api.Granted](s.token), "Tokens for registered clients (RFC 6749)."},
		{"POST " + revokePath, aClient, silent[api.RevocationRequest](s.revokeToken), "Take back an access token, or a refresh token with its session (RFC 7009)."},
		{"POST " + introspectPath, aClient, formed[api.IntrospectionRequest, api.Introspection](s.introspect), "Whether a token is good right now (RFC 7662)."},

		{"GET /v1/admin/accounts", admin, call(s.listAccounts), "List accounts, newest first."},
		{"POST /v1/admin/accounts", admin, call(s.createAccount), "Create an account, also while sign-up is closed."},
		{"GET /v1/admin/accounts/{id}", admin, call(s.showAccount), "Show an account."},
		{"POST /v1/admin/accounts/{id}/disable", admin, call(s.disableAccount), "Bar an account and end its sessions."},
		{"POST /v1/admin/accounts/{id}/enable", admin, call(s.enableAccount), "Let a barred account sign in again."},
		{"DELETE /v1/admin/accounts/{id}", admin, call(s.deleteAccount), "Delete an account and all that belongs to it."},
		{"PUT /v1/admin/accounts/{id}/password", admin, call(s.setPassword), "Set the password of an account; ends all its sessions."},
		{"GET /v1/admin/accounts/{id}/sessions", admin, call(s.accountSessions), "List an account's sessions."},
		{"POST /v1/admin/accounts/{id}/sessions/end", admin, call(s.endAccountSessions), "End all sessions of an account."},
		{"GET /v1/admin/sessions", admin, call(s.listSessions), "List who is logged in, newest first."},
		{"GET /v1/admin/sessions/{id}", admin, call(s.showSession), "Show a session."},
		{"DELETE /v1/admin/sessions/{id}", admin, call(s.endSession), "End a session."},

		{"GET /v1/admin/clients", admin, call(s.listClients), "List registered clients by id."},
		{"POST /v1/admin/clients", admin, call(s.createClient), "Register a client; answers its secret, this once."},
		{"GET /v1/admin/clients/{client_id}", admin, call(s.showClient), "Show a client."},
		{"DELETE /v1/admin/clients/{client_id}", admin, call(s.deleteClient), "Delete a client; ends the sessions of its people."},
		{"POST /v1/admin/clients/{client_id}/disable", admin, call(s.disableClient), "Bar a client; takes its tokens back and ends the sessions of its people."},
		{"POST /v1/admin/clients/{client_id}/enable", admin, call(s.enableClient), "Let a barred client in again."},
		{"POST /v1/admin/clients/{client_id}/secrets", admin, call(s.rotateClientSecret), "Give a client another secret; the one before stays valid, also when this is repeated."},
		{"DELETE /v1/admin/clients/{client_id}/secrets", admin, call(s.dropClientSecret), "Forget all secrets but the newest."},

		{"GET /v1/admin/events", admin, call(s.listEvents), "What happened: the newest first, or all since a place in the log."},
		{"GET /v1/admin/webhooks", admin, call(s.listWebhooks), "List the subscriptions to events."},
		{"POST /v1/admin/webhooks", admin, call(s.createWebhook), "Subscribe a client to what happens from now on."},
		{"GET /v1/admin/webhooks/{id}", admin, call(s.showWebhook), "Show a subscription, and how it fares."},
		{"DELETE /v1/admin/webhooks/{id}", admin, call(s.deleteWebhook), "Delete a subscription with its history."},
		{"POST /v1/admin/webhooks/{id}/secret", admin, call(s.rotateWebhookSecret), "Make another secret; for a day both sign."},
		{"POST /v1/admin/webhooks/{id}/disable", admin, call(s.disableWebhook), "Stop delivery; events wait."},
		{"POST /v1/admin/webhooks/{id}/enable", admin, call(s.enableWebhook), "Go on where delivery stopped."},
		{"POST /v1/admin/webhooks/{id}/replay", admin, call(s.replayWebhook), "Send again what happened since a moment."},
		{"GET /v1/admin/webhooks/{id}/deliveries", admin, call(s.deliveries), "The last tries to deliver, newest first."},
		{"GET /v1/admin/webhooks/{id}/dead-letters", admin, call(s.deadLetters), "Events that were given up, oldest first."},
		{"POST /v1/admin/webhooks/{id}/dead-letters/{event}/redeliver", admin, call(s.redeliver), "Try such an event once more, now."},
		{"POST /v1/events/{id}/poll", eventsRead, call(s.pollEvents), "Fetch and acknowledge security event tokens (RFC 8936)."},
		{"POST /rev/v1/rules", revocationWrite, call(s.revoke), "Take tokens back; answers the receipt."},
		{"GET /rev/v1/rules/{seq}", revocationWrite, call(s.showReceipt), "How far a rule has come by now."},
		{"GET /rev/v1/snapshot", revocationRead, plain(s.snapshot), "Every living rule (application/x-ndjson)."},
		{"GET /rev/v1/feed", revocationRead, plain(s.feed), "The rules from here on (text/event-stream)."},
		{"POST /rev/v1/poll", revocationRead, call(s.poll), "The same as the feed, for those behind proxies that hold streams back."},
		{"POST /rev/v1/ack", revocationRead, call(s.acked), "Say how far a verifier has come."},
		{"POST /v1/admin/revocation/new-epoch", admin, call(s.newEpoch), "Begin an epoch of the rule log, after a backup was restored."},
		{"GET /v1/admin/verifiers", admin, call(s.listVerifiers), "List who follows the rule log, and how far behind."},

		{"GET /healthz", anyone, call(s.health), "Whether the process runs."},
		{"GET /readyz", anyone, plain(s.ready), "Whether the service can work: database and signing key."},
		{"GET /openapi.json", anyone, plain(s.serveDocument), "This document."},
		{"GET /.well-known/security.txt", anyone, plain(s.securityText), "Where to report a weakness (RFC 9116)."},
		{"GET /.well-known/jwks.json", anyone, plain(s.keySet), "The keys that access tokens are verified with (RFC 7517)."},
		{"GET " + metadataPath, anyone, formed[none, api.Metadata](s.serveMetadata), "What this authorization server can do (RFC 8414)."},
	}
}
