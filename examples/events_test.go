package examples_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// receiver is an example that hears of events, and its path for them.
type receiver struct {
	dir, path string
	program   func(t *testing.T, host, port string) []string
	also      func(*testing.T, *lodge, *hook)
}

func receivers() map[string]receiver {
	return map[string]receiver{
		"events-flask": {dir: "events-flask", path: "/portaria", also: forgetsSessions,
			program: func(t *testing.T, host, port string) []string {
				return python("-m", "flask", "run", "--host", host, "--port", port)(t, "")
			}},
		"events-node": {dir: "events-node", path: "/portaria",
			program: func(*testing.T, string, string) []string { return []string{"node", "server.js"} }},
	}
}

// hook is a receiver that runs, and its subscription.
type hook struct {
	*process
	id, secret, address, path string
}

// subscribe registers a receiver with Portaria as the guide says, and starts it
// with its secret.
func (r receiver) subscribe(t *testing.T, l *lodge, name string) *hook {
	t.Helper()
	h := &hook{address: freeAddress(t), path: r.path}
	l.types(t, "client", "create", name)
	made := struct{ ID, Secret string }{}
	to := "http://" + h.address + r.path
	if err := json.Unmarshal([]byte(l.types(t, "--json", "webhook", "create", name, "--to", to, "--types", "session.*")), &made); err != nil {
		t.Fatal(err)
	}
	h.id, h.secret = made.ID, made.Secret
	host, port, err := net.SplitHostPort(h.address)
	if err != nil {
		t.Fatal(err)
	}
	environ := []string{"HOOK_SECRET=" + h.secret, "ISSUER=" + l.url, "HOST=" + host, "PORT=" + port, "PYTHONDONTWRITEBYTECODE=1"}
	h.process = launch(t, r.dir, environ, r.program(t, host, port)...)
	return h
}

// heard waits until the receiver has heard so many events of a type.
func (h *hook) heard(t *testing.T, count int, kind string) {
	t.Helper()
	err := until(patience, func() error {
		if got := strings.Count(h.log.String(), "heard of "+kind+"\n"); got != count {
			return fmt.Errorf("heard %d times of %s", got, kind)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, &h.log)
	}
}

// TestReceivers: what Portaria sends is heard; what others make of it is not.
func TestReceivers(t *testing.T) {
	bin := t.TempDir()
	build(t, bin, "..", "./cmd/portaria")
	for name, r := range receivers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := open(t, bin)
			h := r.subscribe(t, l, name)
			h.hearsOfSessions(t, l)
			h.refusesForgeries(t)
			h.outlivesCallers(t)
			if r.also != nil {
				r.also(t, l, h)
			}
		})
	}
}

func (h *hook) hearsOfSessions(t *testing.T, l *lodge) {
	signIn := l.account(t, "ana")
	access := signIn("").AccessToken
	h.heard(t, 1, "session.started")
	if got, err := send(t.Context(), "POST", l.url+"/v1/logout", access); err != nil || !got.accepted {
		t.Fatalf("log out: %+v, %v", got, err)
	}
	h.heard(t, 1, "session.ended")
	// Everything once more, as after a lost answer.
	l.types(t, "webhook", "replay", h.id, "--since", "1h")
	h.heard(t, 2, "session.ended")
}

// message is a webhook as Portaria sends it.
type message struct {
	id, timestamp, signature, body string
}

func (h *hook) sign(m message) message {
	m.signature = signature(h.secret, m)
	return m
}

func signature(secret string, m message) string {
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", m.id, m.timestamp, m.body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func (h *hook) refusesForgeries(t *testing.T) {
	at := func(d time.Duration) string { return strconv.FormatInt(time.Now().Add(d).Unix(), 10) }
	const body = `{"type":"session.ended","timestamp":"2026-11-22T00:38:16Z","data":{"seq":7,"session_id":"of-nobody"}}`
	good := h.sign(message{id: "14a7b4a2-73da-4ede-ab1c-fd941196f5c5", timestamp: at(0), body: body})
	with := func(change func(*message)) message {
		m := good
		change(&m)
		return m
	}
	other := "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 32))
	for _, test := range []struct {
		name string
		m    message
		want int
	}{
		{"good", good, http.StatusNoContent},
		{"twice", good, http.StatusNoContent},
		{"second of two signatures", with(func(m *message) { m.signature = signature(other, good) + " " + m.signature }), http.StatusNoContent},
		{"tampered body", with(func(m *message) { m.body = strings.Replace(body, "of-nobody", "of-another", 1) }), http.StatusUnauthorized},
		{"another id", with(func(m *message) { m.id = "24a7b4a2-73da-4ede-ab1c-fd941196f5c5" }), http.StatusUnauthorized},
		{"another time", with(func(m *message) { m.timestamp = at(time.Minute) }), http.StatusUnauthorized},
		{"wrong secret", with(func(m *message) { m.signature = signature(other, good) }), http.StatusUnauthorized},
		{"no signature", with(func(m *message) { m.signature = "" }), http.StatusUnauthorized},
		{"part of the signature", with(func(m *message) { m.signature = m.signature[:20] }), http.StatusUnauthorized},
		{"old", h.sign(message{id: good.id, timestamp: at(-time.Hour), body: body}), http.StatusUnauthorized},
		{"of the future", h.sign(message{id: good.id, timestamp: at(time.Hour), body: body}), http.StatusUnauthorized},
		{"no time", h.sign(message{id: good.id, body: body}), http.StatusUnauthorized},
		{"no number", h.sign(message{id: good.id, timestamp: "now", body: body}), http.StatusUnauthorized},
		{"nothing", message{}, http.StatusUnauthorized},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := h.post(t, test.m); got != test.want {
				t.Errorf("%d, want %d\n%s", got, test.want, &h.log)
			}
		})
	}
}

// post returns the status of the answer to a message.
func (h *hook) post(t *testing.T, m message) int {
	t.Helper()
	status, err := h.tryPost(t.Context(), m)
	if err != nil {
		t.Fatalf("%v\n%s", err, &h.log)
	}
	return status
}

func (h *hook) tryPost(ctx context.Context, m message) (int, error) {
	r, err := http.NewRequestWithContext(ctx, "POST", h.url+h.path, strings.NewReader(m.body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	for name, value := range map[string]string{"id": m.id, "timestamp": m.timestamp, "signature": m.signature} {
		if value != "" {
			r.Header.Set("webhook-"+name, value)
		}
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

// outlivesCallers: neither a body that is too large, whoever signed it, nor one
// that breaks off is the end of the receiver.
func (h *hook) outlivesCallers(t *testing.T) {
	t.Run("large body", func(t *testing.T) {
		large := message{id: "large", timestamp: strconv.FormatInt(time.Now().Unix(), 10), body: `{"type":"large"}` + strings.Repeat(" ", 2<<20)}
		status, err := h.tryPost(t.Context(), h.sign(large))
		if err == nil && status != http.StatusRequestEntityTooLarge { // it may as well hang up
			t.Errorf("answered %d\n%s", status, &h.log)
		}
	})
	t.Run("broken body", func(t *testing.T) {
		if err := h.hangUp(t); err != nil {
			t.Error(err)
		}
		if got := h.post(t, message{}); got != http.StatusUnauthorized {
			t.Errorf("answers %d afterwards\n%s", got, &h.log)
		}
	})
}

// hangUp sends the beginning of a request.
func (h *hook) hangUp(t *testing.T) error {
	t.Helper()
	conn, err := net.Dial("tcp", h.address)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 100\r\n\r\n{", h.path, h.address)
	return errors.Join(err, conn.Close())
}

// forgetsSessions: a token of a session is refused once its end was heard of,
// and the token of another session is not.
func forgetsSessions(t *testing.T, l *lodge, h *hook) {
	signIn := l.account(t, "bob")
	ended, other := signIn("legacy").AccessToken, signIn("legacy").AccessToken
	for _, token := range []string{ended, other} {
		if got, err := callHTTP(t.Context(), h.url, token); err != nil || !got.accepted {
			t.Fatalf("%+v, %v\n%s", got, err, &h.log)
		}
	}
	l.types(t, "revoke", "session", claim(t, ended, "sid"))
	err := until(patience, func() error {
		got, err := callHTTP(t.Context(), h.url, ended)
		if err == nil && (!got.refused || !strings.Contains(got.text, "revoked")) {
			err = fmt.Errorf("answered %+v", got)
		}
		return err
	})
	if err != nil {
		t.Errorf("%v\n%s", err, &h.log)
	}
	if got, err := callHTTP(t.Context(), h.url, other); err != nil || !got.accepted {
		t.Errorf("the other session: %+v, %v", got, err)
	}
}

func claim(t *testing.T, token, name string) string {
	t.Helper()
	_, payload, _ := split(t, token)
	claims := map[string]any{}
	if err := json.Unmarshal(decode(t, payload), &claims); err != nil {
		t.Fatal(err)
	}
	value, _ := claims[name].(string)
	return value
}
