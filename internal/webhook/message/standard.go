// Package message turns an event into what a receiver of webhooks gets: a body
// signed as Standard Webhooks, or a Security Event Token (RFC 8417) for push
// (RFC 8935) and poll (RFC 8936).
package message

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/secret"
)

// Signed is a request to a receiver, without its URL.
type Signed struct {
	Header http.Header
	Body   []byte
}

// payload is the body of Standard Webhooks.
type payload struct {
	Type      event.Type `json:"type"`
	Timestamp time.Time  `json:"timestamp"`
	Data      data       `json:"data"`
}

// data is what a receiver learns of an event: ids, and no personal data. The
// event log has the address and the user agent.
type data struct {
	// Seq is the position in the log. A receiver of all types finds gaps by it.
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

// Standard returns an event as Standard Webhooks. The time in the header is that of
// the attempt, because receivers refuse a header that is some minutes old. The time in
// the body is that of the event.
func Standard(e event.Event, secrets []secret.Bytes, now time.Time) (Signed, error) {
	body, err := json.Marshal(payload{Type: e.Type, Timestamp: e.At.UTC(), Data: dataOf(e)})
	if err != nil {
		return Signed{}, err
	}
	return Signed{Body: body, Header: http.Header{
		"Content-Type":      {"application/json"},
		"Webhook-Id":        {e.ID},
		"Webhook-Timestamp": {strconv.FormatInt(now.Unix(), 10)},
		"Webhook-Signature": {Sign(secrets, e.ID, now, body)},
	}}, nil
}

// Sign returns the webhook-signature of Standard Webhooks: an HMAC-SHA-256 of id,
// time (seconds since 1970) and body under each secret.
func Sign(secrets []secret.Bytes, id string, at time.Time, body []byte) string {
	signatures := make([]string, len(secrets))
	for i, key := range secrets {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		mac.Write(body)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return strings.Join(signatures, " ")
}
