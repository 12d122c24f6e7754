package api

import "time"

// Event is one thing that happened. It holds no secret.
type Event struct {
	Seq       int64             `json:"seq" doc:"Its position in the log: 1, 2, 3, …, without gaps."`
	ID        string            `json:"id" doc:"A UUID; the same that webhooks carry."`
	Type      string            `json:"type" example:"login.succeeded"`
	At        time.Time         `json:"at"`
	AccountID string            `json:"account_id,omitempty"`
	SessionID string            `json:"session_id,omitempty"`
	ClientID  string            `json:"client_id,omitempty"`
	KeyID     string            `json:"key_id,omitempty"`
	Actor     string            `json:"actor,omitempty" doc:"Who did it: an account's id, a client's id, operator; absent for Portaria itself and for strangers."`
	Address   string            `json:"address,omitempty"`
	UserAgent string            `json:"user_agent,omitempty"`
	RequestID string            `json:"request_id,omitempty" doc:"The request that it happened in, as X-Request-Id and the access log have it."`
	Reason    string            `json:"reason,omitempty" example:"wrong_password"`
	Detail    map[string]string `json:"detail,omitempty"`
}

// EventPage asks for a part of the audit trail.
type EventPage struct {
	Page
	After     string `json:"-" query:"after" doc:"Events after this position in the log, oldest first: the last of the previous response, or 0. Without it, the newest come first."`
	Type      string `json:"-" query:"type" doc:"Types between commas, such as login.failed; session.* for all that begin so."`
	AccountID string `json:"-" query:"account_id" doc:"A UUID."`
	SessionID string `json:"-" query:"session_id" doc:"A UUID."`
	ClientID  string `json:"-" query:"client_id"`
	Since     string `json:"-" query:"since" doc:"From this moment on (RFC 3339). With since or until, and without account_id, the order is that of at."`
	Until     string `json:"-" query:"until" doc:"Before this moment (RFC 3339)."`
}

// Events is a part of the audit trail.
type Events struct {
	Events     []Event `json:"events" nullable:"false"`
	NextCursor string  `json:"next_cursor,omitempty" doc:"Leads to older ones. A search reads a bounded part of the log: a page may hold fewer events than asked for, or none, and lead on. Absent on the last page, and with after."`
	Last       int64   `json:"last" doc:"Give it as after to hear of what happens from here on. With after, it is how far the log was searched."`
}
