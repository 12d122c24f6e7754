// Package event is what happened, in order: an append-only log that is written
// in the same step as what it tells of, so that it never tells of what was not
// done and never forgets what was. The audit trail and the webhooks read it.
package event

import (
	"context"
	"time"
)

// Type names what happened. The names are part of the API.
type Type string

// The types of events.
const (
	AccountCreated    Type = "account.created"
	AccountDisabled   Type = "account.disabled"
	AccountEnabled    Type = "account.enabled"
	AccountDeleted    Type = "account.deleted"
	AccountChanged    Type = "account.changed"
	AccountLinked     Type = "account.linked"
	AccountUnlinked   Type = "account.unlinked"
	PasswordChanged   Type = "password.changed"
	CredentialAdded   Type = "credential.added"
	CredentialChanged Type = "credential.changed"
	CredentialRemoved Type = "credential.removed"
	LoginSucceeded    Type = "login.succeeded"
	LoginFailed       Type = "login.failed"
	SessionStarted    Type = "session.started"
	SessionEnded      Type = "session.ended"
	SessionSteppedUp  Type = "session.stepped_up"
	SessionReplayed   Type = "session.refresh_replayed_elsewhere"
	SessionAhead      Type = "session.refresh_ahead_of_store"
	RefreshRefused    Type = "session.refresh_refused"
	AccessRefused     Type = "access.refused"
	CrossSiteRefused  Type = "access.cross_site"
	KeyRotated        Type = "key.rotated"
	KeyKilled         Type = "key.killed"
	SecretRotated     Type = "secret.rotated"
	RevocationWritten Type = "revocation.written"
	EpochRaised       Type = "revocation.epoch_raised"
	ClientCreated     Type = "client.created"
	ClientChanged     Type = "client.changed"
	ClientDisabled    Type = "client.disabled"
	ClientEnabled     Type = "client.enabled"
	ClientDeleted     Type = "client.deleted"
	ClientNotProved   Type = "client.authentication_failed"
	WebhookCreated    Type = "webhook.created"
	WebhookChanged    Type = "webhook.changed"
	WebhookDisabled   Type = "webhook.disabled"
	WebhookEnabled    Type = "webhook.enabled"
	WebhookDeleted    Type = "webhook.deleted"
)

// Event is one thing that happened. It holds no secret, ever: no password, no
// token, no cookie, no identifier that somebody typed and that may be one.
type Event struct {
	// Seq is the place in the log: 1, 2, 3, … without gaps. The store sets it.
	Seq int64
	// ID is a random UUID; a receiver tells duplicates by it.
	ID   string
	Type Type
	At   time.Time
	// AccountID, SessionID, ClientID and KeyID name whom it is about; empty
	// where that does not apply.
	AccountID, SessionID, ClientID, KeyID string
	// Actor is who did it: an account's id, a client's id, "operator", or
	// empty for Portaria itself or a stranger.
	Actor string
	// Address and UserAgent are those of the request.
	Address, UserAgent string
	// RequestID is that of the request, as the access log has it; empty for
	// what Portaria does by itself.
	RequestID string
	// Reason is why, in the words of the package that knows: session.Reason,
	// for instance.
	Reason string
	// Detail is anything else that fits in a few short words, by name.
	Detail map[string]string
}

// Filter narrows a reading of the log. Zero fields narrow nothing.
type Filter struct {
	Types                []Type
	AccountID, SessionID string
	ClientID             string
	Since, Until         time.Time
}

// Page is a part of the log that was searched. A search reads a bounded number
// of events, so a page can hold fewer than the limit, or none, while the log
// goes on.
type Page struct {
	Events []Event
	// Next is the position from which to go on.
	Next int64
	// More reports whether there is anything left to search from Next on.
	More bool
}

// Reader reads the log.
type Reader interface {
	// Events returns at most limit events after a position in the log, oldest
	// first. What it returns is whole: no event with a lower Seq can still
	// appear.
	Events(ctx context.Context, after int64, f Filter, limit int) (Page, error)
	// LastEvent returns the Seq of the newest event; 0 when there is none.
	LastEvent(ctx context.Context) (int64, error)
}
