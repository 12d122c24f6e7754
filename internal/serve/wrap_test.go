package serve_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/internal/serve"
)

// logger returns a log at a level, and what was written to it so far.
func logger(level slog.Level) (*slog.Logger, func() []map[string]any) {
	var text bytes.Buffer
	read := func() (lines []map[string]any) {
		for decoder := json.NewDecoder(bytes.NewReader(text.Bytes())); ; {
			var line map[string]any
			if decoder.Decode(&line) != nil {
				return lines
			}
			lines = append(lines, line)
		}
	}
	return slog.New(slog.NewJSONHandler(&text, &slog.HandlerOptions{Level: level})), read
}

func answer(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

func ask(c serve.Config, handler http.Handler, r *http.Request) *httptest.ResponseRecorder {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	w := httptest.NewRecorder()
	serve.Wrap(c, handler).ServeHTTP(w, r)
	return w
}

func TestRequestIDs(t *testing.T) {
	var seen []string
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		child, cancel := context.WithCancel(r.Context())
		defer cancel()
		seen = append(seen, serve.RequestID(child))
	})
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-Request-Id", "forged")
	for i := range 2 {
		if got := ask(serve.Config{}, handler, r).Header().Get("X-Request-Id"); got != seen[i] {
			t.Errorf("header %q, context %q", got, seen[i])
		}
		if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(seen[i]) {
			t.Errorf("id %q", seen[i])
		}
	}
	if seen[0] == seen[1] {
		t.Error("two requests have one id")
	}
	if id, address := serve.RequestID(t.Context()), serve.ClientAddress(t.Context()); id != "" || address != "" {
		t.Errorf("outside of a request: %q, %q", id, address)
	}
}

func TestBaseHeaders(t *testing.T) {
	want := http.Header{
		"Cache-Control":                {"no-store"},
		"Content-Security-Policy":      {"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"},
		"Cross-Origin-Opener-Policy":   {"same-origin"},
		"Cross-Origin-Resource-Policy": {"same-origin"},
		"Referrer-Policy":              {"no-referrer"},
		"X-Content-Type-Options":       {"nosniff"},
	}
	r := httptest.NewRequest("GET", "/", nil)
	got := ask(serve.Config{}, answer(204), r).Header()
	got.Del("X-Request-Id")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for name, c := range map[string]serve.Config{"own certificate": {CertFile: "x"}, "a proxy ends TLS": {HTTPS: true}} {
		if got := ask(c, answer(204), r).Header().Get("Strict-Transport-Security"); got != "max-age=31536000; includeSubDomains" {
			t.Errorf("%s: HSTS %q", name, got)
		}
	}
}

func TestHandlersReplaceBaseHeaders(t *testing.T) {
	handler := serve.Wrap(serve.Config{Log: slog.New(slog.DiscardHandler)}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/keys" {
			w.Header().Set("Cache-Control", "max-age=60")
			w.Header().Add("Referrer-Policy", "origin")
		}
	}))
	for path, want := range map[string]string{"/keys": "max-age=60", "/": "no-store"} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if got := w.Header().Get("Cache-Control"); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
		if got := w.Header()["Referrer-Policy"]; path == "/" && len(got) != 1 {
			t.Errorf("one response changed the headers of another: %q", got)
		}
	}
}

func TestAccessLog(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /people/{name}", answer(200))
	log, lines := logger(slog.LevelDebug)
	r := httptest.NewRequest("GET", "/people/maria?token=hunter2", nil)
	r.Header.Set("Authorization", "Bearer hunter2")
	r.Header.Set("Cookie", "session=hunter2")
	r.RemoteAddr = "192.0.2.7:1234"
	id := ask(serve.Config{Log: log}, mux, r).Header().Get("X-Request-Id")
	line := lines()[0]
	if took, ok := line["duration_ms"].(float64); !ok || took < 0 {
		t.Errorf("duration_ms %v", line["duration_ms"])
	}
	delete(line, "duration_ms")
	delete(line, "time")
	want := map[string]any{"level": "DEBUG", "msg": "request", "method": "GET", "route": "GET /people/{name}",
		"status": 200.0, "request_id": id, "client": "192.0.2.7"}
	if diff := cmp.Diff(want, line); diff != "" {
		t.Error(diff)
	}
}

func TestUnroutedRequestsDoNotFillTheLog(t *testing.T) {
	log, lines := logger(slog.LevelInfo)
	r := httptest.NewRequest(strings.Repeat("A", 1000), "/"+strings.Repeat("a", 1000), nil)
	ask(serve.Config{Log: log}, http.NewServeMux(), r)
	line := lines()[0]
	if line["route"] != "none" || line["method"] != strings.Repeat("A", 16) || len(line) > 9 {
		t.Error(line)
	}
}

func TestLogLevels(t *testing.T) {
	tests := []struct {
		status int
		took   time.Duration
		want   string
	}{
		{200, 0, "DEBUG"}, {304, 0, "DEBUG"}, {401, 0, "INFO"}, {404, 0, "INFO"}, {503, 0, "INFO"}, {500, 0, "ERROR"},
		{200, 999 * time.Millisecond, "DEBUG"}, {200, time.Second, "WARN"}, {401, time.Second, "WARN"}, {500, time.Second, "ERROR"},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			log, lines := logger(slog.LevelDebug)
			ask(serve.Config{Log: log, SlowRequest: time.Second}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				time.Sleep(test.took)
				w.WriteHeader(test.status)
			}), httptest.NewRequest("GET", "/", nil))
			if got := lines()[0]["level"]; got != test.want {
				t.Errorf("%d after %v is logged at %v, want %v", test.status, test.took, got, test.want)
			}
		})
	}
}

func TestStatusOfSilentHandlers(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"nothing":       func(http.ResponseWriter, *http.Request) {},
		"only a body":   func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("x")) },
		"early hints":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103); w.WriteHeader(200) },
		"status twice":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200); w.WriteHeader(500) },
		"status behind": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(nil); w.WriteHeader(500) },
	} {
		log, lines := logger(slog.LevelDebug)
		ask(serve.Config{Log: log}, handler, httptest.NewRequest("GET", "/", nil))
		if got := lines()[0]["status"]; got != 200.0 {
			t.Errorf("%s: status %v", name, got)
		}
	}
}

func TestPanicBecomesAProblem(t *testing.T) {
	log, lines := logger(slog.LevelInfo)
	c := serve.Config{Log: log, Panicked: func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(500)
		_, _ = io.WriteString(w, "sorry "+serve.RequestID(r.Context()))
	}}
	w := ask(c, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oops") }), httptest.NewRequest("GET", "/", nil))
	if id := w.Header().Get("X-Request-Id"); w.Code != 500 || w.Body.String() != "sorry "+id {
		t.Errorf("%d %q", w.Code, w.Body)
	}
	got := lines()
	if len(got) != 2 || got[0]["panic"] != "oops" || got[1]["status"] != 500.0 {
		t.Fatal(got)
	}
	if stack, _ := got[0]["stack"].(string); !strings.Contains(stack, "TestPanicBecomesAProblem") {
		t.Errorf("stack: %s", stack)
	}
}

func TestPanicWithoutHook(t *testing.T) {
	w := ask(serve.Config{}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oops") }), httptest.NewRequest("GET", "/", nil))
	if w.Code != 500 || w.Body.Len() != 0 {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}

func TestPanicAfterTheResponseBeganAborts(t *testing.T) {
	for name, value := range map[string]any{"panic": "oops", "abort": http.ErrAbortHandler} {
		log, lines := logger(slog.LevelWarn)
		func() {
			defer func() {
				if recover() != http.ErrAbortHandler {
					t.Errorf("%s: the connection goes on", name)
				}
			}()
			ask(serve.Config{Log: log}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(200)
				panic(value)
			}), httptest.NewRequest("GET", "/", nil))
		}()
		got := lines()
		if got[len(got)-1]["msg"] != "request aborted" {
			t.Errorf("%s: %v", name, got)
		}
		if value == http.ErrAbortHandler && len(got) != 1 {
			t.Errorf("a handler that means to abort is said to panic: %v", got)
		}
	}
}

func TestBodyLimit(t *testing.T) {
	tests := map[string]struct {
		size      int
		announced bool
		want      int
	}{
		"empty": {0, true, 0}, "limit": {100, true, 100}, "limit, chunked": {100, false, 100},
		"above": {101, true, -1}, "above, chunked": {101, false, -1}, "far above, chunked": {100_000, false, -1},
	}
	for name, test := range tests {
		for _, step := range []int{1, 7, 100, 101, 4096} {
			r := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader(strings.Repeat("x", test.size))))
			r.ContentLength = -1
			if test.announced {
				r.ContentLength = int64(test.size)
			}
			ask(serve.Config{MaxBody: 100}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if got := readAll(t, r.Body, step); got != test.want {
					t.Errorf("%s, in steps of %d: read %d, want %d", name, step, got, test.want)
				}
			}), r)
		}
	}
}

// A client that announces the end of its connection, and is still sending, must
// get to read that its body is too large, not a broken pipe.
func TestRefusedBodyIsAnsweredBeforeTheConnectionEnds(t *testing.T) {
	server := httptest.NewServer(serve.Wrap(serve.Config{MaxBody: 100, Log: slog.New(slog.DiscardHandler)}, http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.ReadAll(r.Body); err != nil {
				w.WriteHeader(http.StatusRequestEntityTooLarge)
			}
		})))
	t.Cleanup(server.Close)
	for range 20 {
		r, err := http.NewRequest("POST", server.URL, strings.NewReader(strings.Repeat("x", 1<<20)))
		if err != nil {
			t.Fatal(err)
		}
		r.Close = true
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusRequestEntityTooLarge {
			t.Fatal(response.Status)
		}
	}
}

// readAll reads a body in steps and returns its length, or -1 if it was too long.
func readAll(t *testing.T, body io.Reader, step int) int {
	t.Helper()
	total, buffer := 0, make([]byte, step)
	for {
		n, err := body.Read(buffer)
		total += n
		var tooLarge *http.MaxBytesError
		switch {
		case errors.Is(err, io.EOF):
			return total
		case errors.As(err, &tooLarge):
			if again, err := body.Read(buffer); again != 0 || !errors.As(err, &tooLarge) || tooLarge.Limit != 100 || total > 100 {
				t.Errorf("after %d bytes: %d, %v", total, again, err)
			}
			return -1
		case err != nil:
			t.Fatal(err)
		}
	}
}

// nowhere is a response that costs nothing, to measure the wrapper alone.
type nowhere struct{ header http.Header }

func (w nowhere) Header() http.Header            { return w.header }
func (w nowhere) Write(data []byte) (int, error) { return len(data), nil }
func (w nowhere) WriteHeader(int)                {}

// TestWrapIsLean keeps the path of every request short: the exchange, the
// request that carries it, and the id.
func TestWrapIsLean(t *testing.T) {
	handler := serve.Wrap(serve.Config{Log: slog.New(slog.NewTextHandler(io.Discard, nil))}, answer(200))
	w, r := nowhere{http.Header{}}, httptest.NewRequest("GET", "/", nil)
	if got := testing.AllocsPerRun(100, func() { handler.ServeHTTP(w, r) }); got > 3 {
		t.Errorf("%v allocations a request", got)
	}
}

func BenchmarkWrap(b *testing.B) {
	for name, level := range map[string]slog.Level{"info": slog.LevelInfo, "debug": slog.LevelDebug} {
		b.Run(name, func(b *testing.B) {
			log := slog.New(slog.NewJSONHandler(io.Discard, &slog.HandlerOptions{Level: level}))
			handler := serve.Wrap(serve.Config{Log: log}, answer(200))
			w, r := nowhere{http.Header{}}, httptest.NewRequest("POST", "/", strings.NewReader("x"))
			b.ReportAllocs()
			for b.Loop() {
				handler.ServeHTTP(w, r)
			}
		})
	}
}
