package api

import "time"

// EventsReadScope is the scope of clients that fetch their events.
const EventsReadScope = "events:read"

// NewWebhook describes a subscription to events.
type NewWebhook struct {
	ClientID     string   `json:"client_id" maxLength:"255" doc:"The client that the webhook belongs to. It is the audience of security event tokens." example:"orders"`
	Format       string   `json:"format" enum:"standard,set,poll" doc:"standard: JSON with the signature of Standard Webhooks. set: security event tokens, sent to the URL (RFC 8935). poll: security event tokens, fetched by the receiver (RFC 8936)."`
	URL          string   `json:"url,omitempty" maxLength:"2048" doc:"Where events are sent: an https URL. Leave it out for poll." example:"https://orders.example.com/events"`
	Types        []string `json:"types" nullable:"false" maxItems:"32" doc:"Types of events, such as session.ended. session.* means every type that begins with session. * means all types."`
	AllowPrivate bool     `json:"allow_private,omitempty" doc:"Whether the URL may be in a private network."`
}

// Webhook is a subscription to events, with the state of its deliveries.
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
	DisabledWhy  string     `json:"disabled_why,omitempty" doc:"gone: the receiver responded with 410. admin: an administrator disabled the webhook."`
	Cursor       int64      `json:"cursor" doc:"The position in the event log up to which every event was delivered or moved to the dead letters."`
	Failures     int        `json:"failures" doc:"Failed attempts since the last success."`
	FailingSince *time.Time `json:"failing_since,omitempty"`
	NextAt       *time.Time `json:"next_at,omitempty" doc:"When the next attempt is made."`
}

// Webhooks is the list of all webhooks, oldest first.
type Webhooks struct {
	Webhooks []Webhook `json:"webhooks" nullable:"false"`
}

// WebhookMade is a new webhook and its secret.
type WebhookMade struct {
	Webhook
	WebhookSecret
}

// WebhookSecret is the secret with which a receiver verifies signatures.
type WebhookSecret struct {
	Secret string `json:"secret,omitempty" doc:"Shown once: whsec_, followed by base64. Absent for security event tokens, which are signed with the issuer's key."`
}

// WebhookReplay delivers the events since a time again.
type WebhookReplay struct {
	ID    string    `json:"-" path:"id" format:"uuid" doc:"A UUID."`
	Since time.Time `json:"since" doc:"Events at or after this time are delivered again, with the same ids."`
}

// WebhookReplayed reports where a replay begins.
type WebhookReplayed struct {
	Cursor int64 `json:"cursor" doc:"The position in the event log after which the delivery begins."`
}

// DeliveryPage asks for the last delivery attempts of a webhook.
type DeliveryPage struct {
	ID    string `json:"-" path:"id" format:"uuid" doc:"A UUID."`
	Limit int    `json:"-" query:"limit" minimum:"1" maximum:"200" doc:"The number of items to return: 1 to 200. The default is 50. The last 100 attempts are kept."`
}

// DeadLetterPage asks for a part of the dead letters of a webhook.
type DeadLetterPage struct {
	DeliveryPage
	After int `json:"-" query:"after" doc:"seq of the last dead letter of the previous page."`
}

// DeadLetter names an event whose delivery was abandoned.
type DeadLetter struct {
	ID    string `json:"-" path:"id" format:"uuid" doc:"A UUID."`
	Event string `json:"-" path:"event" format:"uuid" doc:"Id of the event."`
}

// Delivery is an attempt to deliver an event.
type Delivery struct {
	Seq      int64     `json:"seq" doc:"Position of the event in the log."`
	EventID  string    `json:"event_id"`
	Type     string    `json:"type"`
	At       time.Time `json:"at"`
	Status   int       `json:"status" doc:"HTTP status of the response; 0 without a response."`
	Duration int64     `json:"duration_ms"`
	Failure  string    `json:"failure,omitempty" doc:"Why the attempt failed: status, gone, redirect, timeout, name, address_refused, tls, connect, signing, or refused: followed by a code of RFC 8935. Absent after a success."`
}

// Deliveries are delivery attempts, newest first; or dead letters, oldest first.
type Deliveries struct {
	Deliveries []Delivery `json:"deliveries" nullable:"false"`
}

// EventPoll acknowledges security event tokens and asks for the next (RFC 8936 §2.4).
type EventPoll struct {
	ID                string                   `json:"-" path:"id" format:"uuid" doc:"A UUID."`
	MaxEvents         *int                     `json:"maxEvents,omitempty" minimum:"0" doc:"The greatest number of tokens to return. 0 only acknowledges."`
	ReturnImmediately bool                     `json:"returnImmediately,omitempty" doc:"Return an empty response at once. Without it the request waits up to 20 seconds for an event."`
	Ack               []string                 `json:"ack,omitempty" nullable:"false" maxItems:"1000" doc:"jti of the tokens that arrived."`
	SetErrs           map[string]EventPollFail `json:"setErrs,omitempty" nullable:"false" doc:"Refused tokens by jti. They become dead letters."`
}

// EventPollFail says why a receiver refuses a token.
type EventPollFail struct {
	Err         string `json:"err" maxLength:"255"`
	Description string `json:"description,omitempty" maxLength:"1024"`
}

// PolledEvents are security event tokens by their jti. Tokens that are not
// acknowledged are returned again.
type PolledEvents struct {
	Sets          map[string]string `json:"sets" nullable:"false"`
	MoreAvailable bool              `json:"moreAvailable,omitempty"`
}
