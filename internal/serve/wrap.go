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

// Wrap adds to a handler what all requests have in common: limits, base headers, request id,
// access log, and the response to a panic. It runs for each request, so it allocates little:
// one exchange, the copy of the request that carries it, and the request id.
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
	// account and through identify the caller in the access log.
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

// ServeHTTP runs the handler. It ignores an X-Request-Id of the client, which could copy the
// id of another request or break the log.
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
	// net/http enforces an announced length. For other bodies only its own reader will do:
	// it makes the server wait, before it closes the connection, until the client has read
	// the response.
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

// newID returns 128 random bits. They are not secret, so the fast generator is enough; it is
// also unpredictable.
func newID() string {
	var bits [16]byte
	binary.LittleEndian.PutUint64(bits[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(bits[8:], rand.Uint64())
	var text [32]byte
	hex.Encode(text[:], bits[:])
	return string(text[:])
}

// finish logs the request and turns a panic into a response. It is deferred, so only it can
// recover.
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
		panic(http.ErrAbortHandler) // a partial response must not look complete
	}
}

// log writes the access log. It never writes the path, the query, headers or the body: each
// may contain a token, a password or personal data.
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

// Identify sets the account and the registered client of a request for the access log; empty
// means none. Call it from the request's goroutine, and only with what was proved.
func Identify(ctx context.Context, account, client string) {
	if c, ok := ctx.Value(contextKey{}).(*requestContext); ok {
		c.account, c.through = account, client
	}
}

// who returns the attributes that join the access log with events.
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

// level returns the level of a request. Successful requests are frequent, so they are logged
// at debug. A 503 is no error: a busy service has not failed.
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

// route returns the pattern that matched, because the path may contain personal data.
func route(r *http.Request) string {
	if r.Pattern == "" {
		return "none"
	}
	return r.Pattern
}

// method returns the method, at most 16 bytes of it: clients choose it.
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
