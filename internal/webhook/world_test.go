package webhook_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/secret"
	"github.com/portaria/portaria/internal/store/sqlstore"
	"github.com/portaria/portaria/internal/webhook"
	"github.com/portaria/portaria/internal/webhook/message"
)

const issuer = "https://login.example.org"

// world is an event log on a real database, whoever delivers it, and receivers
// that are reached without a network, so that time is virtual.
type world struct {
	*testing.T
	ctx       context.Context
	url       string
	store     *sqlstore.Store
	service   *webhook.Service
	receivers receivers
	log       bytes.Buffer
	key       jose.Key
	first     int64 // the last event before the test
}

// inBubble runs a test in virtual time.
func inBubble(t *testing.T, test func(w *world)) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "portaria.db")
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, url)
		t.Cleanup(func() { time.Sleep(2 * time.Hour) }) // for receivers that are still busy
		test(w)
	})
}

func newWorld(t *testing.T, url string) *world {
	t.Helper()
	w := &world{T: t, ctx: t.Context(), url: url, receivers: receivers{}}
	var err error
	w.key, err = jose.Generate(jose.ES256)
	w.ok(err)
	w.open()
	t.Cleanup(func() { _ = w.store.Close() }) // a test may have closed it
	w.ok(w.store.CreateClient(w.ctx, clients.Client{ID: "orders", Kind: clients.Service, CreatedAt: time.Now()}))
	w.first, err = w.store.LastEvent(w.ctx)
	w.ok(err)
	return w
}

// open starts a process on the database.
func (w *world) open() {
	w.Helper()
	var err error
	w.store, err = sqlstore.Open(w.ctx, w.url, sqlstore.Options{})
	w.ok(err)
	w.service = w.process(w.store)
}

func (w *world) process(store *sqlstore.Store) *webhook.Service {
	w.Helper()
	s, err := webhook.New(webhook.Config{
		Store: store.Webhooks(), Events: store, Tokens: message.Tokens{Issuer: issuer, Signer: signer{w.key}}, Key: secret.Bytes(strings.Repeat("k", 32)),
		Log: slog.New(slog.NewTextHandler(&w.log, nil)), Now: time.Now,
	})
	w.ok(err)
	s.Through(w.receivers)
	return s
}

// signer signs as the service does.
type signer struct{ key jose.Key }

func (s signer) Sign(_ time.Time, typ string, claims []byte) (string, error) {
	input := jose.Encode([]byte(`{"alg":"ES256","typ":"`+typ+`"}`)) + "." + jose.Encode(claims)
	signature, err := s.key.Sign(input)
	return input + "." + jose.Encode(signature), err
}

// run delivers in the background until the test ends, or until it is told to stop.
func (w *world) run(s *webhook.Service) (stop func()) {
	ctx, cancel := context.WithCancel(w.ctx)
	done := make(chan struct{})
	go func() { defer close(done); s.Run(ctx) }()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	w.Cleanup(stop)
	return stop
}

// happens writes events of types and answers their ids.
func (w *world) happens(types ...event.Type) []string {
	w.Helper()
	events, ids := make([]event.Event, len(types)), make([]string, len(types))
	from, err := w.store.LastEvent(w.ctx)
	w.ok(err)
	for i, kind := range types {
		ids[i] = fmt.Sprintf("%08d-0000-4000-8000-000000000000", from+int64(i)+1)
		events[i] = event.Event{ID: ids[i], Type: kind, At: time.Now(), AccountID: "ana", SessionID: "s1", Reason: "signed_out",
			Address: "192.0.2.7", UserAgent: "Browser/1"}
	}
	w.ok(w.store.Append(w.ctx, events))
	return ids
}

// subscribes makes a subscription whose receiver is h.
func (w *world) subscribes(h *receiver, types ...string) webhook.Subscription {
	w.Helper()
	if h.format == "" {
		h.format = webhook.Standard
	}
	sub := webhook.Subscription{ClientID: "orders", Format: h.format, Types: types}
	if h.format != webhook.Poll {
		h.host = fmt.Sprintf("r%d.example.com", len(w.receivers))
		sub.URL = "https://" + h.host + "/events"
		w.receivers[h.host] = h
	}
	made, shown, err := w.service.Create(w.ctx, sub)
	w.ok(err)
	h.secret = shown.Reveal()
	w.first, err = w.store.LastEvent(w.ctx) // the subscription is one
	w.ok(err)
	return made
}

func (w *world) find(sub webhook.Subscription) webhook.Subscription {
	w.Helper()
	found, err := w.store.Webhooks().Find(w.ctx, sub.ID)
	w.ok(err)
	return found
}

func (w *world) deadLetters(sub webhook.Subscription) []string {
	w.Helper()
	list, err := w.store.Webhooks().DeadLetters(w.ctx, sub.ID, 0, 100)
	w.ok(err)
	ids := []string{}
	for _, letter := range list {
		ids = append(ids, letter.EventID)
	}
	return ids
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) same(got, want any) {
	w.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		w.Fatalf("(-want +got)\n%s", diff)
	}
}

// receivers are reached by the host of a URL. A request ends when the receiver
// has answered or the sender hangs up.
type receivers map[string]*receiver

func (rs receivers) RoundTrip(r *http.Request) (*http.Response, error) {
	answered := make(chan *http.Response, 1)
	go func() {
		recorder := httptest.NewRecorder()
		rs[r.URL.Host].ServeHTTP(recorder, r)
		answered <- recorder.Result()
	}()
	select {
	case answer := <-answered:
		return answer, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// receiver keeps what arrives, if its signature is good.
type receiver struct {
	host, secret string
	format       webhook.Format
	// answer is the status to answer; nil always says 204.
	answer func(id string) int

	mu     sync.Mutex
	got    []string
	times  []time.Time
	bodies []string
	bad    []string
}

func (h *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	id := r.Header.Get("webhook-id")
	h.mu.Lock()
	if h.format == webhook.Standard {
		if why := forged(h.secret, r.Header, body, time.Now()); why != "" {
			h.bad = append(h.bad, why)
		}
	}
	h.got, h.times, h.bodies = append(h.got, id), append(h.times, time.Now()), append(h.bodies, string(body))
	h.mu.Unlock()
	if h.answer == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.WriteHeader(h.answer(id))
}

func (h *receiver) received() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string{}, h.got...)
}

// forged checks a signature as a receiver would, from the text of the standard
// alone; it answers what is wrong.
func forged(shown string, h http.Header, body []byte, now time.Time) string {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(shown, "whsec_"))
	seconds, err2 := strconv.ParseInt(h.Get("webhook-timestamp"), 10, 64)
	if err != nil || err2 != nil || now.Sub(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		return "secret or time"
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.%s", h.Get("webhook-id"), seconds, body)
	for _, signature := range strings.Fields(h.Get("webhook-signature")) {
		sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(signature, "v1,"))
		if err == nil && hmac.Equal(sum, mac.Sum(nil)) {
			return ""
		}
	}
	return "signature"
}

// wait lets virtual time pass.
func wait(d time.Duration) { <-time.After(d) }
