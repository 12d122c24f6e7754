package webhook

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/secret"
)

// message is one request to a receiver, but for its URL.
type message struct {
	header http.Header
	body   []byte
}

// payload is the body of Standard Webhooks.
type payload struct {
	Type      event.Type `json:"type"`
	Timestamp time.Time  `json:"timestamp"`
	Data      data       `json:"data"`
}

// data is what a receiver learns of an event: ids, and no personal data. Who
// needs the address or the user agent asks the event log.
type data struct {
	// Seq is the place in the log; a receiver that wants all types finds gaps
	// by it.
	Seq       int64             `json:"seq"`
	AccountID string            `json:"account_id,omitempty"`
	SessionID string            `json:"session_id,omitempty"`
	ClientID  string            `json:"client_id,omitempty"`
	KeyID     string            `json:"key_id,omitempty"`
	Actor     string            `json:"actor,omitempty"`
	Reason    string            `json:"reason,omitempty"`
	Detail    map[string]string `json:"detail,omitempty"`
}

func dataOf(e event.Event) data {
	return data{Seq: e.Seq, AccountID: e.AccountID, SessionID: e.SessionID, ClientID: e.ClientID,
		KeyID: e.KeyID, Actor: e.Actor, Reason: e.Reason, Detail: e.Detail}
}

// standard is an event as Standard Webhooks. The time in the header is that of
// the try, because receivers refuse what is some minutes old; the one in the
// body is when it happened.
func standard(e event.Event, secrets []secret.Bytes, now time.Time) (message, error) {
	body, err := json.Marshal(payload{Type: e.Type, Timestamp: e.At.UTC(), Data: dataOf(e)})
	if err != nil {
		return message{}, err
	}
	return message{body: body, header: http.Header{
		"Content-Type":      {"application/json"},
		"Webhook-Id":        {e.ID},
		"Webhook-Timestamp": {strconv.FormatInt(now.Unix(), 10)},
		"Webhook-Signature": {Sign(secrets, e.ID, now, body)},
	}}, nil
}
