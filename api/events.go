package api

import "time"

// Event is an entry of the audit trail. It has no secrets.
type Event struct {
	Seq       int64             `json:"seq" doc:"Position in the event log: 1, 2, 3, …, without gaps."`
	ID        string            `json:"id" doc:"A UUID. Webhooks send the same id."`
	Type      string            `json:"type" example:"login.succeeded"`
	At        time.Time         `json:"at"`
	AccountID string            `json:"account_id,omitempty"`
	SessionID string            `json:"session_id,omitempty"`
	ClientID  string            `json:"client_id,omitempty"`
	KeyID     string            `json:"key_id,omitempty"`
	Actor     string            `json:"actor,omitempty" doc:"Who caused the event: the id of an account or of a client, or operator. Absent for Portaria itself and for callers that are not signed in."`
	Address   string            `json:"address,omitempty"`
	UserAgent string            `json:"user_agent,omitempty"`
	RequestID string            `json:"request_id,omitempty" doc:"Id of the request that caused the event, as in the header X-Request-Id and in the access log."`
	Reason    string            `json:"reason,omitempty" example:"wrong_password"`
	Detail    map[string]string `json:"detail,omitempty"`
}

// EventPage asks for a part of the audit trail.
type EventPage struct {
	Page
	After     string `json:"-" query:"after" doc:"Events after this position in the log, oldest first. Use last of the previous response, or 0. Without it, the newest events come first."`
	Type      string `json:"-" query:"type" doc:"Types of events, separated by commas. session.* means every type that begins with session."`
	AccountID string `json:"-" query:"account_id" format:"uuid" doc:"Only events of this account."`
	SessionID string `json:"-" query:"session_id" format:"uuid" doc:"Only events of this session."`
	ClientID  string `json:"-" query:"client_id" doc:"Only events of this client."`
	Since     string `json:"-" query:"since" doc:"Events at or after this time (RFC 3339). With since or until, and without account_id, events are sorted by at."`
	Until     string `json:"-" query:"until" doc:"Events before this time (RFC 3339)."`
}

// Events is a part of the audit trail.
type Events struct {
	Events     []Event `json:"events" nullable:"false"`
	NextCursor string  `json:"next_cursor,omitempty" doc:"Cursor of the next page, with older events. A search reads a limited part of the log, so a page can have fewer events than the limit, or none, and still have a next page. Absent on the last page, and with after."`
	Last       int64   `json:"last" doc:"Position to use as after for the events from now on. With after, it is the position up to which the log was searched."`
}
