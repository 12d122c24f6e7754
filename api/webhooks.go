package api

import "time"

// EventsReadScope is the scope of clients that fetch their events.
const EventsReadScope = "events:read"

// NewWebhook describes a subscription to events.
type NewWebhook struct {
	ClientID     string   `json:"client_id" maxLength:"255" doc:"The client that it belongs to, and the audience of security event tokens." example:"orders"`
	Format       string   `json:"format" enum:"standard,set,poll" doc:"standard: JSON, signed as Standard Webhooks; set: security event tokens, pushed (RFC 8935); poll: fetched by the receiver (RFC 8936)."`
	URL          string   `json:"url,omitempty" maxLength:"2048" doc:"Where events are sent; https. None for poll." example:"https://orders.example.com/events"`
	Types        []string `json:"types" nullable:"false" maxItems:"32" doc:"Types of events, such as session.ended; session.* for all that begin so; * for all."`
	AllowPrivate bool     `json:"allow_private,omitempty" doc:"Whether the URL may be in a private network."`
}

// Webhook is a subscription to events, and the state of its deliveries.
type Webhook struct {
	ID           string     `json:"id"`
	ClientID     string     `json:"client_id"`
	Format       string     `json:"format" enum:"standard,set,poll"`
	URL          string     `json:"url,omitempty"`
	Types        []string   `json:"types" nullable:"false"`
	AllowPrivate bool       `json:"allow_private"`
	CreatedAt    time.Time  `json:"created_at"`
	RotatedAt    time.Time  `json:"secret_rotated_at"`
	DisabledAt   *time.Time `json:"disabled_at,omitempty"`
	DisabledWhy  string     `json:"disabled_why,omitempty" doc:"gone: the receiver answered 410; admin: an administrator did it."`
	Cursor       int64      `json:"cursor" doc:"The position in the event log up to which every event was delivered or moved to the dead letters."`
	Failures     int        `json:"failures" doc:"Tries that failed since the last success."`
	FailingSince *time.Time `json:"failing_since,omitempty"`
	NextAt       *time.Time `json:"next_at,omitempty" doc:"When the next event is tried again."`
}

// Webhooks is the list of all subscriptions, oldest first.
type Webhooks struct {
	Webhooks []Webhook `json:"webhooks" nullable:"false"`
}

// WebhookMade is a new subscription and its secret.
type WebhookMade struct {
	Webhook
	WebhookSecret
}

// WebhookSecret is what a receiver checks signatures with.
type WebhookSecret struct {
	Secret string `json:"secret,omitempty" doc:"Shown only now: whsec_ and base64. Security event tokens are signed with the issuer's key and have none."`
}

// WebhookReplay sends again what has happened since a moment.
type WebhookReplay struct {
	ID    string    `json:"-" path:"id" doc:"A UUID."`
	Since time.Time `json:"since" doc:"Events from this moment on are sent again, with the ids that they had."`
}

// WebhookReplayed says where a replay begins.
type WebhookReplayed struct {
	Cursor int64 `json:"cursor" doc:"The position in the event log after which delivery begins."`
}

// DeliveryPage asks for the last tries of a subscription.
type DeliveryPage struct {
	ID    string `json:"-" path:"id" doc:"A UUID."`
	Limit int    `json:"-" query:"limit" doc:"How many to answer: 1 to 200, by default 50; 100 are kept."`
}

// DeadLetterPage asks for part of the dead letters.
type DeadLetterPage struct {
	DeliveryPage
	After int `json:"-" query:"after" doc:"seq of the last dead letter of the page before."`
}

// DeadLetter names one event that was given up.
type DeadLetter struct {
	ID    string `json:"-" path:"id" doc:"A UUID."`
	Event string `json:"-" path:"event" doc:"Id of the event."`
}

// Delivery is one try to deliver an event.
type Delivery struct {
	Seq      int64     `json:"seq" doc:"The event's position in the log."`
	EventID  string    `json:"event_id"`
	Type     string    `json:"type"`
	At       time.Time `json:"at"`
	Status   int       `json:"status" doc:"HTTP status; 0 when there was no answer."`
	Duration int64     `json:"duration_ms"`
	Failure  string    `json:"failure,omitempty" doc:"Absent after a success; else status, gone, redirect, timeout, name, address_refused, tls, connect, signing, or refused: and a code of RFC 8935."`
}

// Deliveries are tries, newest first; or dead letters, oldest first.
type Deliveries struct {
	Deliveries []Delivery `json:"deliveries" nullable:"false"`
}

// EventPoll acknowledges and asks for security event tokens (RFC 8936 §2.4).
type EventPoll struct {
	ID                string                   `json:"-" path:"id" doc:"A UUID."`
	MaxEvents         *int                     `json:"maxEvents,omitempty" minimum:"0" doc:"How many to answer at most; 0 only acknowledges."`
	ReturnImmediately bool                     `json:"returnImmediately,omitempty" doc:"Answer nothing rather than wait, for up to 20 seconds, for something."`
	Ack               []string                 `json:"ack,omitempty" nullable:"false" maxItems:"1000" doc:"jti of tokens that arrived."`
	SetErrs           map[string]EventPollFail `json:"setErrs,omitempty" nullable:"false" doc:"Tokens that are refused, by jti: they become dead letters."`
}

// EventPollFail is why a token is refused.
type EventPollFail struct {
	Err         string `json:"err" maxLength:"255"`
	Description string `json:"description,omitempty" maxLength:"1024"`
}

// PolledEvents are security event tokens by their jti. What is not
// acknowledged is answered again.
type PolledEvents struct {
	Sets          map[string]string `json:"sets" nullable:"false"`
	MoreAvailable bool              `json:"moreAvailable,omitempty"`
}
