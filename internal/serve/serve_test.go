package serve_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/portaria/portaria/internal/serve"
)

// After it has refused a request, net/http lingers on the connection for half a
// second, so that the client can read why.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// server is a running one.
type server struct {
	address string
	stop    context.CancelFunc
	ended   <-chan error
}

// start runs a server until the end of the test.
func start(t *testing.T, c serve.Config, handler http.Handler) server {
	t.Helper()
	c.Listen = "127.0.0.1:0"
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s, err := serve.Listen(c, handler)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended, done := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(done)
		ended <- s.Run(ctx)
	}()
	t.Cleanup(func() { stop(); <-done })
	return server{s.Addr().String(), stop, ended}
}

// waiting is a handler that says when it began and ends when it is told to.
type waiting struct{ began, end, cancelled chan struct{} }

func newWaiting() waiting {
	return waiting{make(chan struct{}), make(chan struct{}), make(chan struct{})}
}

func (h waiting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	close(h.began)
	select {
	case <-h.end:
		_, _ = io.WriteString(w, "done")
	case <-r.Context().Done():
		close(h.cancelled)
	}
}

// get asks in the background.
func get(address string) <-chan string {
	result := make(chan string, 1)
	go func() {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		response, err := client.Get("http://" + address)
		if err != nil {
			result <- "error"
			return
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		result <- string(body)
	}()
	return result
}

func TestShutdownLetsRequestsFinish(t *testing.T) {
	handler := newWaiting()
	s := start(t, serve.Config{ShutdownGrace: time.Minute}, handler)
	result := get(s.address)
	<-handler.began
	s.stop()
	refused(t, s.address)
	select {
	case err := <-s.ended:
		t.Fatalf("Run returned while a request was running: %v", err)
	default:
	}
	close(handler.end)
	if got := <-result; got != "done" {
		t.Errorf("the running request got %q", got)
	}
	if err := <-s.ended; err != nil {
		t.Error(err)
	}
}

// TestShutdownDelay: for that long, requests are served on connections that
// their clients then close.
func TestShutdownDelay(t *testing.T) {
	const delay = time.Second
	s := start(t, serve.Config{ShutdownDelay: delay, ShutdownGrace: time.Minute}, http.NotFoundHandler())
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	closes := func() bool {
		response, err := client.Get("http://" + s.address)
		if err != nil {
			t.Fatalf("refused before the end of the delay: %v", err)
		}
		response.Body.Close()
		return response.Close
	}
	if closes() {
		t.Error("connections are closed before the shutdown")
	}
	began := time.Now()
	s.stop()
	for !closes() {
	}
	if err := <-s.ended; err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took < delay {
		t.Errorf("the listener closed after %v", took)
	}
	client.CloseIdleConnections()
}

// refused waits until the address takes no more connections.
func refused(t *testing.T, address string) {
	t.Helper()
	for {
		connection, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		connection.Close()
	}
}

func TestShutdownCutsOffWhatTakesTooLong(t *testing.T) {
	handler := newWaiting()
	s := start(t, serve.Config{ShutdownGrace: time.Millisecond}, handler)
	result := get(s.address)
	<-handler.began
	s.stop()
	if err := <-s.ended; !errors.Is(err, serve.ErrCutOff) {
		t.Errorf("Run returned %v", err)
	}
	<-handler.cancelled
	if got := <-result; got == "done" {
		t.Error("half a response looks like a whole one")
	}
}

// TestShutdownEndsContexts of requests whose body nobody reads, too: net/http
// does not notice that their connection is closed.
func TestShutdownEndsContexts(t *testing.T) {
	handler := newWaiting()
	s := start(t, serve.Config{}, handler)
	connection, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if _, err := io.WriteString(connection, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nx"); err != nil {
		t.Fatal(err)
	}
	<-handler.began
	s.stop()
	<-handler.cancelled
}

// TestShutdownClosesConnections of handlers that do not listen to their context.
func TestShutdownClosesConnections(t *testing.T) {
	began, end, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	s := start(t, serve.Config{}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		defer close(ended)
		close(began)
		<-end
	}))
	result := get(s.address)
	<-began
	s.stop()
	if got := <-result; got != "error" {
		t.Errorf("the client got %q", got)
	}
	close(end)
	<-ended
}

func TestListen(t *testing.T) {
	c := serve.Config{Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)}
	s, err := serve.Listen(c, answer(200))
	if err != nil {
		t.Fatal(err)
	}
	c.Listen = s.Addr().String()
	if _, err := serve.Listen(c, answer(200)); err == nil || !strings.Contains(err.Error(), "listen on "+c.Listen) {
		t.Errorf("a taken address: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Run(t.Context()); err == nil {
		t.Error("a closed server runs")
	}
}

// raw sends a request as it is and returns the status line.
func raw(t *testing.T, address, request string) string {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	go func() { _, _ = io.WriteString(connection, request) }()
	line, err := bufio.NewReader(connection).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

func TestHeaderLimit(t *testing.T) {
	s := start(t, serve.Config{}, answer(204))
	for size, want := range map[int]string{20_000: "HTTP/1.1 204 No Content", 60_000: "HTTP/1.1 431 Request Header Fields Too Large"} {
		request := fmt.Sprintf("GET / HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n", strings.Repeat("x", size))
		if got := raw(t, s.address, request); got != want {
			t.Errorf("%d bytes: %s", size, got)
		}
	}
}

func TestBodyLimitOnAConnection(t *testing.T) {
	s := start(t, serve.Config{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}
	}))
	for size, want := range map[int]string{64 << 10: "HTTP/1.1 200 OK", 64<<10 + 1: "HTTP/1.1 413 Request Entity Too Large"} {
		request := fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", size, strings.Repeat("x", size))
		if got := raw(t, s.address, request); got != want {
			t.Errorf("%d bytes: %s", size, got)
		}
	}
}

func TestResponseControllerReachesTheConnection(t *testing.T) {
	s := start(t, serve.Config{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Hour)); err != nil {
			_, _ = io.WriteString(w, err.Error())
		}
	}))
	if got := <-get(s.address); got != "" {
		t.Error(got)
	}
}

// A stream can outlive the deadlines of ordinary requests, is not logged as slow,
// and ends when the server stops.
func TestStreamEndsAtShutdown(t *testing.T) {
	log, lines := logger(slog.LevelDebug)
	s := start(t, serve.Config{Log: log, SlowRequest: time.Nanosecond, ShutdownGrace: time.Minute},
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			serve.Patient(r.Context())
			control := http.NewResponseController(w)
			for _, extend := range []func(time.Time) error{control.SetReadDeadline, control.SetWriteDeadline} {
				if err := extend(time.Time{}); err != nil {
					t.Error(err)
				}
			}
			_, _ = io.WriteString(w, "hello\n")
			if err := control.Flush(); err != nil {
				t.Error(err)
			}
			<-serve.Stopping(r.Context())
			_, _ = io.WriteString(w, "bye\n")
		}))
	resp, err := http.Get("http://" + s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body := bufio.NewReader(resp.Body)
	if line, err := body.ReadString('\n'); err != nil || line != "hello\n" {
		t.Fatalf("%q, %v", line, err)
	}
	s.stop()
	if line, err := body.ReadString('\n'); err != nil || line != "bye\n" {
		t.Errorf("%q, %v", line, err)
	}
	if err := <-s.ended; err != nil {
		t.Error(err)
	}
	for _, line := range lines() {
		if line["level"] == "WARN" {
			t.Errorf("logged as slow: %v", line)
		}
	}
}

// Outside of a server nothing stops.
func TestStoppingOutsideOfAServer(t *testing.T) {
	if serve.Stopping(t.Context()) != nil {
		t.Error("something stops")
	}
}
