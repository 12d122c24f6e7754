package problem

import (
	"net/http"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/login"
	"github.com/portaria/portaria/internal/password"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/store"
	"github.com/portaria/portaria/internal/token"
	"github.com/portaria/portaria/internal/webhook"
	"github.com/portaria/portaria/verify"
)

// internal answers whatever has no row.
var internal = row{
	status: http.StatusInternalServerError,
	code:   "internal",
	title:  "Something went wrong here.",
	detail: "Try again; if it stays, give the operator the request id.",
}

// abandoned is logged, not read: the caller has gone, and that is no fault of
// ours. 499 is what nginx calls it; no RFC has a number for it.
var abandoned = row{status: 499, code: "abandoned", title: "The caller has gone."}

// What other sites are told, whichever cookie their request came with.
const (
	crossSite       = "The request does not prove that it comes from this site."
	crossSiteDetail = "Send it from a page of this site, with the csrf value of the session in the header X-CSRF-Token."
)

// table maps errors to answers; the first row that matches counts.
var table = []row{
	// Unknown account, wrong password, disabled account: one answer.
	{account.ErrNotProved, http.StatusUnauthorized, "invalid_credentials", "The identifier or the password is wrong.", "", bearer},
	{account.ErrNotFound, http.StatusNotFound, "account_not_found", "There is no such account.", "", ""},
	{account.ErrIdentifierTaken, http.StatusConflict, "identifier_taken", "This identifier is taken.", "Sign in, or choose another.", ""},
	{account.ErrIdentifierInvalid, http.StatusUnprocessableEntity, "identifier_invalid", "This cannot be an identifier.", "Use an e-mail address, or a name of letters and digits.", ""},
	{account.ErrIdentifierTooLong, http.StatusUnprocessableEntity, "identifier_too_long", "The identifier is too long.", "At most 254 characters.", ""},

	{clients.ErrNotFound, http.StatusNotFound, "client_not_found", "There is no such client.", "", ""},
	{clients.ErrTaken, http.StatusConflict, "client_id_taken", "There is a client with this id.", "Choose another id.", ""},
	{clients.ErrConfigured, http.StatusConflict, "client_configured", "The settings describe this client.", "Change it in the settings: the next start would undo the change here.", ""},
	{clients.ErrNoSecret, http.StatusConflict, "client_without_secret", "The client has no secret to rotate.", "It proves itself with a public key, or not at all.", ""},
	{clients.ErrBarred, http.StatusForbidden, "client_barred", "This client may not be used.", "It is unknown, disabled, or must prove who it is; ask the operator.", ""},
	{clients.ErrNotProved, http.StatusUnauthorized, "invalid_client", "The client did not prove who it is.", "Send its id and secret with HTTP Basic, or a new client_assertion.", basic},

	{password.ErrTooShort, http.StatusUnprocessableEntity, "password_too_short", "The password is too short.", "At least 8 characters.", ""},
	{password.ErrTooLong, http.StatusUnprocessableEntity, "password_too_long", "The password is too long.", "At most 256 characters.", ""},
	{password.ErrNotText, http.StatusUnprocessableEntity, "password_not_text", "The password is not valid text.", "Send UTF-8.", ""},
	{password.ErrIsIdentifier, http.StatusUnprocessableEntity, "password_is_identifier", "The password equals the identifier.", "Choose another password.", ""},
	{password.ErrBusy, http.StatusServiceUnavailable, "busy", "Too many sign-ins at once.", "Try again after the time in Retry-After.", ""},

	{login.ErrSignUpClosed, http.StatusForbidden, "sign_up_closed", "Sign-up is closed here.", "Ask an administrator for an account.", ""},
	{login.ErrCrossSite, http.StatusForbidden, "cross_site_request", crossSite, crossSiteDetail, ""},
	{login.ErrAccountChanged, http.StatusConflict, "account_changed", "The account was changed meanwhile.", "Sign in again.", ""},

	{session.ErrNotFound, http.StatusNotFound, "session_not_found", "There is no such session.", "", ""},
	{session.ErrEnded, http.StatusUnauthorized, "session_ended", "The session has ended.", "Sign in again.", invalidToken},
	{session.ErrExpired, http.StatusUnauthorized, "session_expired", "The session has expired.", "Sign in again.", invalidToken},
	{session.ErrOtherClient, http.StatusUnauthorized, "refresh_token_invalid", "The refresh token is not valid for this client.", "It was issued to another client. Send the client_id of the application that the person signed in with, and the application's proof if it has one.", invalidToken},
	{session.ErrTokenInvalid, http.StatusUnauthorized, "refresh_token_invalid", "The refresh token is not valid.", "Sign in again.", invalidToken},
	{session.ErrReused, http.StatusUnauthorized, "refresh_token_reused", "The refresh token was used before; the session has been ended.", "Sign in again, and find out who else has the token.", invalidToken},

	{revoke.ErrEntry, http.StatusUnprocessableEntity, "revocation_invalid", "This cannot be revoked so.", "Name a kind, its value, and hard or soft.", ""},
	{revoke.ErrTarget, http.StatusNotFound, "revocation_target_unknown", "There is nothing of this name to revoke.", "Nothing was revoked. Check the name; with \"unseen\": true the rule is written all the same.", ""},
	{revoke.ErrIdempotency, http.StatusUnprocessableEntity, "idempotency_key_reused", "This idempotency key was used for another target.", "Use a new key for each revocation.", ""},
	{revoke.ErrPlace, http.StatusUnprocessableEntity, "revocation_place_invalid", "There is no such place in the revocation log.", "", ""},

	{webhook.ErrNotFound, http.StatusNotFound, "webhook_not_found", "There is no such webhook.", "", ""},
	{webhook.ErrNoClient, http.StatusUnprocessableEntity, "webhook_client_unknown", "A webhook belongs to a client, and there is none with this id.", "Register the client first.", ""},
	{webhook.ErrTooMany, http.StatusConflict, "webhooks_exhausted", "There are too many webhooks.", "Delete one first.", ""},
	{webhook.ErrEventGone, http.StatusNotFound, "dead_letter_not_found", "There is no such dead letter, or its event has left the log.", "", ""},
	{webhook.ErrFormat, http.StatusConflict, "webhook_format", "A webhook of this format cannot do that.", "", ""},
	{webhook.ErrUnsignable, http.StatusConflict, "signing_key_symmetric", "The signing key is symmetric, so nobody could verify a security event token.", "Use the format standard, or another key_algorithm.", ""},
	{revoke.ErrRevoked, http.StatusUnauthorized, "token_revoked", "The access token was revoked.", "Sign in again.", invalidToken},
	{revoke.ErrSuperseded, http.StatusUnauthorized, "token_superseded", "The access token no longer says the truth.", "Refresh it.", invalidToken},
	{revoke.ErrStaleness, http.StatusUnprocessableEntity, "staleness_too_great", "The verifier would trust its view for longer than is allowed here.", "Lower its staleness; the operator's setting is revocation_max_staleness.", ""},
	{revoke.ErrRuleNotFound, http.StatusNotFound, "rule_not_found", "There is no such rule, or it refuses nothing any more.", "", ""},
	{revoke.ErrTooManyVerifiers, http.StatusServiceUnavailable, "too_many_verifiers", "Too many verifiers follow the log.", "Let gateways serve the feed to the services behind them.", ""},
	{revoke.ErrAhead, http.StatusConflict, "revocation_place_ahead", "The revocation log has not come so far.", "Take a snapshot.", ""},
	{revoke.ErrTooManyRules, http.StatusServiceUnavailable, "too_many_rules", "The revocation log has outgrown this process.", "See the operator's log.", ""},

	{store.ErrUnavailable, http.StatusServiceUnavailable, "unavailable", "The service cannot answer right now.", "Try again after the time in Retry-After.", ""},

	{verify.ErrNoToken, http.StatusUnauthorized, "missing_token", "An access token is required.", "Send Authorization: Bearer, followed by an access token.", bearer},
	{verify.ErrRequest, http.StatusBadRequest, "authorization_repeated", "Send one access token, in one place.", "", ""},
	{verify.ErrCrossSite, http.StatusForbidden, "cross_site_request", crossSite, crossSiteDetail, ""},
	{verify.ErrExpired, http.StatusUnauthorized, "token_expired", "The access token has expired.", "Refresh it, or sign in again.", invalidToken},
	{verify.ErrOutdated, http.StatusUnauthorized, "token_revoked", "The access token has been revoked.", "Refresh it.", invalidToken},
	{verify.ErrRevoked, http.StatusUnauthorized, "token_revoked", "The access token has been revoked.", "Sign in again.", invalidToken},
	{verify.ErrAudience, http.StatusUnauthorized, "token_invalid", "The access token is not valid here.", "It is for another service. Ask for one with the issuer's URL as audience; to sign out, the refresh token is enough.", invalidToken},
	{verify.ErrNotYet, http.StatusUnauthorized, "token_not_yet_valid", "The access token is not valid yet.", "Send it again in a few seconds. If this stays, the clocks of two machines differ: tell the operator.", invalidToken},
	{verify.ErrInvalid, http.StatusUnauthorized, "token_invalid", "The access token is not valid.", "Sign in again.", invalidToken},
	{verify.ErrStale, http.StatusServiceUnavailable, "verification_unavailable", "Access tokens cannot be verified now.", "Try again after the time in Retry-After.", ""},
	{verify.ErrUnavailable, http.StatusServiceUnavailable, "verification_unavailable", "Access tokens cannot be verified now.", "Try again after the time in Retry-After.", ""},
	{token.ErrUndecided, http.StatusServiceUnavailable, "verification_unavailable", "Access tokens cannot be verified now.", "Try again after the time in Retry-After.", ""},
	{keyring.ErrNoActiveKey, http.StatusServiceUnavailable, "signing_key_unavailable", "There is no key to sign with at this moment.", "Try again after the time in Retry-After.", ""},
	{keyring.ErrStale, http.StatusServiceUnavailable, "signing_key_unavailable", "There is no key to sign with at this moment.", "Try again after the time in Retry-After.", ""},
	{token.ErrNoEncryptionKey, http.StatusServiceUnavailable, "encryption_key_unknown", "Tokens for this audience are encrypted, and its key could not be fetched yet.", "Try again after the time in Retry-After; the operator's log says what is wrong.", ""},
}
