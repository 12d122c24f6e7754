package serve

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"runtime/debug"
	"time"
)

// Wrap puts a handler behind everything that all requests have in common. It
// is on the path of each of them, so it allocates as little as it can: one
// exchange, the copy of the request that carries it, and the request id.
func Wrap(c Config, next http.Handler) http.Handler {
	if c.MaxBody == 0 {
		c.MaxBody = DefaultMaxBody
	}
	if c.Panicked == nil {
		c.Panicked = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }
	}
	if c.HeaderTooLarge == nil {
		c.HeaderTooLarge = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusRequestHeaderFieldsTooLarge) }
	}
	return &wrapper{Config: c, next: next, proxies: proxies{c.TrustedProxies, c.ProxyHeader}, headers: baseHeaders(c.https())}
}

type wrapper struct {
	Config
	next    http.Handler
	proxies proxies
	headers []field
}

// exchange is one request and its response.
type exchange struct {
	context  requestContext
	response response
	id       [1]string // an array, to be the value of a header without an allocation
}

// requestContext carries the exchange down to the handlers.
type requestContext struct {
	context.Context
	id      string
	client  netip.Addr
	patient bool // it waits on purpose
	// account and through say who asked, for the access log.
	account, through string
}

type contextKey struct{}

// Value returns the request's own context for contextKey.
func (c *requestContext) Value(key any) any {
	if key == (contextKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// RequestID returns the id of the request that ctx belongs to: 32 hexadecimal
// digits, which the response and the log show as well. It is empty outside of a
// request.
func RequestID(ctx context.Context) string {
	if c, ok := ctx.Value(contextKey{}).(*requestContext); ok {
		return c.id
	}
	return ""
}

// ClientAddress returns the IP address of the client whose request ctx belongs
// to, without port. It is empty outside of a request.
func ClientAddress(ctx context.Context) string {
	if c, ok := ctx.Value(contextKey{}).(*requestContext); ok && c.client.IsValid() {
		return c.client.String()
	}
	return ""
}

// ServeHTTP runs the handler. An X-Request-Id from outside is ignored: it could
// imitate the id of somebody else's request, or break the log.
func (h *wrapper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	x := &exchange{
		context:  requestContext{Context: r.Context(), id: newID(), client: h.proxies.client(r)},
		response: response{ResponseWriter: w},
	}
	x.id[0] = x.context.id
	header := w.Header()
	for _, base := range h.headers {
		header[base.name] = base.value
	}
	header["X-Request-Id"] = x.id[:]
	r = r.WithContext(&x.context)
	// An announced length is kept by net/http itself. Its own reader for the
	// rest, and no other: it alone can make the server wait, before it closes
	// the connection, until the client has read why.
	if r.Body != nil && (r.ContentLength < 0 || r.ContentLength > h.MaxBody) {
		r.Body = http.MaxBytesReader(w, r.Body, h.MaxBody)
	}
	defer h.finish(x, r, start)
	if headerSize(r) > maxHeader {
		h.HeaderTooLarge(&x.response, r)
		return
	}
	h.next.ServeHTTP(&x.response, r)
}

// headerSize is about the length of the request's line and header in bytes.
func headerSize(r *http.Request) int {
	size := len(r.RequestURI) + len(r.Host)
	for name, values := range r.Header {
		for _, value := range values {
			size += len(name) + len(value) + len(": \r\n")
		}
	}
	return size
}

// newID returns 128 random bits. They need not be secret, so the fast generator
// does; it is unpredictable all the same.
func newID() string {
	var bits [16]byte
	binary.LittleEndian.PutUint64(bits[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(bits[8:], rand.Uint64())
	var text [32]byte
	hex.Encode(text[:], bits[:])
	return string(text[:])
}

// finish logs the request and turns a panic into a response. It is deferred, and
// so the one place that may recover.
func (h *wrapper) finish(x *exchange, r *http.Request, start time.Time) {
	panicked := recover()
	if panicked != nil && panicked != http.ErrAbortHandler {
		h.Log.LogAttrs(r.Context(), slog.LevelError, "handler panicked", slog.Any("panic", panicked),
			slog.String("route", route(r)), slog.String("request_id", x.context.id), slog.String("stack", string(debug.Stack())))
		if x.response.status == 0 {
			h.Panicked(&x.response, r)
			panicked = nil
		}
	}
	h.log(x, r, time.Since(start), panicked != nil)
	if panicked != nil {
		panic(http.ErrAbortHandler) // half a response must not look like a whole one
	}
}

// log writes the access log. The path, the query, the headers and the body stay
// out of it: each may hold a token, a password or a person.
func (h *wrapper) log(x *exchange, r *http.Request, took time.Duration, aborted bool) {
	status := x.response.status
	if status == 0 {
		status = http.StatusOK
	}
	slow := took
	if x.context.patient {
		slow = 0
	}
	level, message := h.level(status, slow), "request"
	if aborted {
		level, message = slog.LevelWarn, "request aborted"
	}
	if !h.Log.Enabled(r.Context(), level) {
		return
	}
	h.Log.LogAttrs(r.Context(), level, message,
		slog.String("method", method(r)), slog.String("route", route(r)), slog.Int("status", status),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000),
		slog.String("request_id", x.context.id), slog.String("client", ClientAddress(r.Context())), who(&x.context))
}

// Identify says for the access log which account and which registered client a
// request comes from; empty is nobody. Call it from the request's goroutine,
// and only with what was proved.
func Identify(ctx context.Context, account, client string) {
	if c, ok := ctx.Value(contextKey{}).(*requestContext); ok {
		c.account, c.through = account, client
	}
}

// who is the part of the access line that joins it with the events.
func who(c *requestContext) slog.Attr {
	var known []slog.Attr
	if c.account != "" {
		known = append(known, slog.String("account_id", c.account))
	}
	if c.through != "" {
		known = append(known, slog.String("client_id", c.through))
	}
	return slog.GroupAttrs("", known...)
}

// level tells news from noise: thousands of good requests a second are none,
// and a service that says it is busy has not failed.
func (h *wrapper) level(status int, took time.Duration) slog.Level {
	switch {
	case status >= 500 && status != http.StatusServiceUnavailable:
		return slog.LevelError
	case h.SlowRequest > 0 && took >= h.SlowRequest:
		return slog.LevelWarn
	case status >= 400:
		return slog.LevelInfo
	default:
		return slog.LevelDebug
	}
}

// route is the pattern that matched, because the path may hold what is nobody's
// business.
func route(r *http.Request) string {
	if r.Pattern == "" {
		return "none"
	}
	return r.Pattern
}

// method bounds what a client may write into the log.
func method(r *http.Request) string {
	const longest = 16
	if len(r.Method) > longest {
		return r.Method[:longest]
	}
	return r.Method
}

// response remembers the status.
type response struct {
	http.ResponseWriter
	status int
}

// WriteHeader sends the status line; informational responses may come first.
func (w *response) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write sends a part of the body, and the status 200 before the first.
func (w *response) Write(data []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(data)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }
