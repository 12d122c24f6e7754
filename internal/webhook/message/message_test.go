package message_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/secret"
	"github.com/portaria/portaria/internal/webhook/message"
)

// The vector that all libraries of Standard Webhooks share.
func TestSignatureIsThatOfStandardWebhooks(t *testing.T) {
	key, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	const id, body, want = "msg_p5jXN8AQM9LWM0D4loKWxJek", `{"test": 2432232314}`, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	at := time.Unix(1614265330, 999)
	if got := message.Sign([]secret.Bytes{key}, id, at, []byte(body)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	two := message.Sign([]secret.Bytes{[]byte("other"), key}, id, at, []byte(body))
	first, second, _ := strings.Cut(two, " ")
	if second != want || !strings.HasPrefix(first, "v1,") || first == want {
		t.Errorf("two secrets: %s", two)
	}
}

func TestEventsInTheWordsOfTheProfile(t *testing.T) {
	const (
		issuer  = "https://login.example.org"
		revoked = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
	)
	at := time.Unix(1900000000, 0)
	tests := map[string]struct {
		event                  event.Event
		kind, subject, content string
	}{
		"session ended": {
			event.Event{Type: event.SessionEnded, AccountID: "ana", SessionID: "s1", Actor: "ana", Reason: "signed_out"}, revoked,
			`{"format":"complex","user":{"format":"iss_sub","iss":"https://login.example.org","sub":"ana"},"session":{"format":"opaque","id":"s1"}}`,
			`{"event_timestamp":1900000000,"initiating_entity":"user","reason_admin":{"en":"signed_out"}}`,
		},
		"account revoked": {
			event.Event{Type: event.RevocationWritten, AccountID: "ana", Actor: event.Operator, Detail: map[string]string{"kind": "u", "mode": "hard"}}, revoked,
			`{"format":"iss_sub","iss":"https://login.example.org","sub":"ana"}`,
			`{"event_timestamp":1900000000,"initiating_entity":"admin"}`,
		},
		"session revoked": {
			event.Event{Type: event.RevocationWritten, SessionID: "s1", Detail: map[string]string{"kind": "s", "mode": "hard"}}, revoked,
			`{"format":"opaque","id":"s1"}`, `{"event_timestamp":1900000000,"initiating_entity":"system"}`,
		},
		"account at one client revoked": {
			event.Event{Seq: 3, Type: event.RevocationWritten, AccountID: "ana", ClientID: "orders", Detail: map[string]string{"kind": "uc", "mode": "hard"}}, "urn:portaria:event:revocation.written",
			`{"format":"iss_sub","iss":"https://login.example.org","sub":"ana"}`, `{"seq":3,"account_id":"ana","client_id":"orders","detail":{"kind":"uc","mode":"hard"}}`,
		},
		"session revoked softly": {
			event.Event{Seq: 4, Type: event.RevocationWritten, SessionID: "s1", Detail: map[string]string{"kind": "s", "mode": "soft"}},
			"urn:portaria:event:revocation.written", `{"format":"opaque","id":"s1"}`, `{"seq":4,"session_id":"s1","detail":{"kind":"s","mode":"soft"}}`,
		},
		"password changed": {
			event.Event{Type: event.PasswordChanged, AccountID: "ana", Actor: "ana"},
			"https://schemas.openid.net/secevent/caep/event-type/credential-change",
			`{"format":"iss_sub","iss":"https://login.example.org","sub":"ana"}`,
			`{"event_timestamp":1900000000,"initiating_entity":"user","credential_type":"password","change_type":"update"}`,
		},
		"client created": {
			event.Event{Seq: 7, Type: event.ClientCreated, ClientID: "orders", Actor: event.Operator, Address: "192.0.2.1", UserAgent: "x"},
			"urn:portaria:event:client.created",
			`{"format":"opaque","id":"orders"}`, `{"seq":7,"client_id":"orders","actor":"operator"}`,
		},
		"about nobody": {event.Event{Seq: 8, Type: event.LoginFailed}, "urn:portaria:event:login.failed", `null`, `{"seq":8}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.event.At = at
			kind, subject, content := message.Claims(issuer, test.event)
			got := []string{kind, encoded(t, subject), encoded(t, content)}
			if diff := cmp.Diff([]string{test.kind, test.subject, test.content}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
