package verify_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/feed"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/verify"
	"github.com/portaria/portaria/verify/internal/rules"
)

// wire is an issuer with a feed, at the other end of a wire that a test may
// cut, delay, or speak nonsense over. It is for tests in a time of their own.
type wire struct {
	key   jose.Key
	log   *feed.Log
	serve *feed.Server

	mu    sync.Mutex
	head  int64
	rules []api.FeedRule
	bad   map[string]http.HandlerFunc // by the last segment, in place of the good one
	delay time.Duration
	cut   bool
	live  map[*body]struct{}
	asked map[string]int
	// behind is how old the issuer's own view is.
	behind atomic.Int64
	// ahead is how far its clock is ahead of the verifiers.
	ahead atomic.Int64
	// metadata is in place of what the issuer says of itself; guarded by mu.
	metadata string
}

const wireSalt = "wire"

func newWire(t testing.TB) *wire {
	w := &wire{key: generate(t, jose.EdDSA), head: rule.Seq(1, 0), bad: map[string]http.HandlerFunc{}, live: map[*body]struct{}{}, asked: map[string]int{}}
	w.log = feed.NewLog(w.hello())
	w.log.SetKeySet(keySet(w.key))
	w.serve = &feed.Server{Now: time.Now, Log: func() *feed.Log { return w.log }, Rules: w.all,
		AsOf:     func() (time.Time, bool) { return time.Now().Add(-time.Duration(w.behind.Load())), true },
		IssuedBy: func(asOf time.Time) (time.Time, bool) { return asOf.Add(time.Duration(w.ahead.Load())), true }}
	w.metadata = fmt.Sprintf(`{"issuer":%q,"jwks_uri":"%[1]s/jwks","revocation_feed_endpoint":"%[1]s/rev/v1/feed","introspection_endpoint":"%[1]s/introspect"}`, issuer)
	return w
}

func (w *wire) hello() api.FeedHello {
	return api.FeedHello{Epoch: w.head >> 32, Head: w.head, Salt: base64.RawURLEncoding.EncodeToString([]byte(wireSalt))}
}

func (w *wire) all() iter.Seq[api.FeedRule] {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Values(slices.Clone(w.rules))
}

func (w *wire) config() verify.Config {
	return verify.Config{Issuer: issuer, Audience: audience, HTTPClient: &http.Client{Transport: w},
		ClientID: "orders", ClientSecret: verify.Secret("secret"), Log: slog.New(slog.DiscardHandler)}
}

// token is that of a session which began long ago, and lasts.
func (w *wire) token(t testing.TB, sid string) string {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now().Unix()
	return sign(t, w.key, claims(m{"sid": sid, "rvs": w.head, "iat": now - 3600, "nbf": now - 3600, "exp": now + 360_000}), nil)
}

func (w *wire) revoke(sid string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	r := rules.Rule{Seq: w.head + 1, Kind: rules.KindOf("s"), At: now.Unix(), Prune: now.Add(100 * time.Hour).Unix(),
		Key: rules.KeyOf(rule.Hash([]byte(wireSalt), rule.Session, issuer, sid))}.Wire()
	w.rules = append(w.rules, r)
	w.log.Append(api.FeedRules{From: w.head, To: r.Seq, Rules: []api.FeedRule{r}})
	w.head = r.Seq
}

// reset makes the log begin anew, in another epoch, with the rules given.
func (w *wire) reset(epoch int64, left []api.FeedRule) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.head, w.rules = rule.Seq(epoch, 0), left
	w.log.Reset(w.hello())
}

func (w *wire) misbehave(path string, h http.HandlerFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.bad[path] = h; h == nil {
		delete(w.bad, path)
	}
	w.interrupt()
}

// partition cuts the wire and everything that is on it.
func (w *wire) partition(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	w.interrupt()
}

func (w *wire) interrupt() {
	for b := range w.live {
		b.end(io.ErrUnexpectedEOF)
	}
	clear(w.live)
}

func (w *wire) count(path string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked[path]
}

// RoundTrip answers without a network.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	path := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	w.mu.Lock()
	h, cut, delay, metadata := w.bad[path], w.cut, w.delay, w.metadata
	w.asked[path]++
	w.mu.Unlock()
	if cut {
		return nil, io.ErrUnexpectedEOF
	}
	switch {
	case h != nil:
	case path == "oauth-authorization-server":
		h = answer("application/json", metadata)
	case path == "jwks":
		h = answer("application/json", string(keySet(w.key)))
	default:
		h = w.serve.ServeHTTP
	}
	return w.carry(r, h, delay)
}

// carry runs a handler and hands on what it writes, after a while.
func (w *wire) carry(r *http.Request, h http.HandlerFunc, delay time.Duration) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	b := &body{header: http.Header{}, status: make(chan int, 1), chunks: make(chan chunk, 1<<16), ended: make(chan struct{}), cancel: cancel}
	w.mu.Lock()
	w.live[b] = struct{}{}
	w.mu.Unlock()
	context.AfterFunc(ctx, func() { b.end(context.Canceled) })
	b.delay = delay
	go func() {
		h(b, r.WithContext(ctx))
		b.WriteHeader(http.StatusOK)
		close(b.chunks)
	}()
	select {
	case status := <-b.status:
		select {
		case <-time.After(delay):
		case <-b.ended:
			return nil, b.why
		}
		return &http.Response{StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Request: r, ContentLength: -1, Header: b.sent, Body: b}, nil
	case <-b.ended:
		return nil, b.why
	}
}

// body is an answer on its way.
type body struct {
	header http.Header
	sent   http.Header // the header as it was when the answer began
	status chan int
	begun  sync.Once
	chunks chan chunk
	rest   []byte
	delay  time.Duration
	once   sync.Once
	ended  chan struct{}
	why    error
	cancel func()
}

type chunk struct {
	due  time.Time
	data []byte
}

func (b *body) Header() http.Header { return b.header }
func (b *body) Flush()              {}

func (b *body) WriteHeader(status int) {
	b.begun.Do(func() {
		b.sent = b.header.Clone()
		b.status <- status
	})
}

func (b *body) Write(data []byte) (int, error) {
	b.WriteHeader(http.StatusOK)
	select {
	case b.chunks <- chunk{time.Now().Add(b.delay), append([]byte(nil), data...)}:
		return len(data), nil
	case <-b.ended:
		return 0, b.why
	}
}

func (b *body) end(why error) {
	b.once.Do(func() {
		b.why = why
		close(b.ended)
		b.cancel()
	})
}

func (b *body) Close() error {
	b.end(io.ErrClosedPipe)
	return nil
}

func (b *body) Read(into []byte) (int, error) {
	for len(b.rest) == 0 {
		select {
		case c, ok := <-b.chunks:
			if !ok {
				return 0, io.EOF
			}
			select {
			case <-time.After(time.Until(c.due)):
			case <-b.ended:
				return 0, b.why
			}
			b.rest = c.data
		case <-b.ended:
			return 0, b.why
		}
	}
	n := copy(into, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// event is an event of a stream with any data.
func event(name string, data any) string {
	text, err := json.Marshal(data)
	if raw, ok := data.(string); ok {
		text = []byte(raw)
	} else if err != nil {
		panic(err)
	}
	return string(feed.Append(nil, name, 0, text))
}

// says is a stream that says this, and then nothing.
func says(events ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for _, e := range events {
			if _, err := io.WriteString(w, e); err != nil {
				return
			}
		}
		<-r.Context().Done()
	}
}
