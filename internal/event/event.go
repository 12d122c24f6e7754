// Package event describes the event log: an append-only, ordered record of changes.
// Each event is written in the same transaction as its change, so the log has every
// change that happened and no other. The audit trail and the webhooks read it.
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
	LoginSuspended    Type = "login.suspended"
	GuardCleared      Type = "guard.cleared"
	DevicesForgotten  Type = "devices.forgotten"
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

// Event is one entry of the log. It never holds a secret: no password, no token, no
// cookie, and no identifier that somebody typed, because people type passwords there
// by mistake.
type Event struct {
	// Seq is the position in the log: 1, 2, 3, … without gaps. The store sets it.
	Seq int64
	// ID is a random UUID. Receivers recognise duplicates by it.
	ID   string
	Type Type
	At   time.Time
	// AccountID, SessionID, ClientID and KeyID name the subjects of the event. They are
	// empty if they do not apply.
	AccountID, SessionID, ClientID, KeyID string
	// Actor is who caused it: an account's id, a client's id, "operator", or empty for
	// Portaria itself or an unknown caller.
	Actor string
	// Address and UserAgent are those of the request.
	Address, UserAgent string
	// RequestID is the id of the request in the access log. It is empty if there was no
	// request.
	RequestID string
	// Reason is a code of the package that caused the event, for example a
	// session.Reason.
	Reason string
	// Detail holds further short values by name. [Reference] lists them.
	Detail map[string]string
}

// Filter selects events. Zero fields select all.
type Filter struct {
	Types                []Type
	AccountID, SessionID string
	ClientID             string
	Since, Until         time.Time
}

// Page is the result of a search. A search reads a bounded number of events, so a page
// can hold fewer events than the limit, or none, although the log has more.
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
