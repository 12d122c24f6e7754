package push_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/internal/webhook/push"
)

func TestAnswersOfReceivers(t *testing.T) {
	tests := map[string]struct {
		answer  http.HandlerFunc
		token   bool
		status  int
		failure push.Failure
	}{
		"ok":                     {answer: says(200, ""), status: 200},
		"accepted":               {answer: says(202, ""), status: 202, token: true},
		"no content":             {answer: says(204, ""), status: 204},
		"gone":                   {answer: says(410, ""), status: 410, failure: push.FailGone},
		"broken":                 {answer: says(500, "secret words"), status: 500, failure: push.FailStatus},
		"not modified":           {answer: says(304, ""), status: 304, failure: push.FailRedirect},
		"wrong key":              {answer: says(400, `{"err":"invalid_key","description":"x"}`), token: true, status: 400, failure: "refused:invalid_key"},
		"own code":               {answer: says(400, `{"err":"<script>"}`), token: true, status: 400, failure: push.FailStatus},
		"no JSON":                {answer: says(400, strings.Repeat("x", 100_000)), token: true, status: 400, failure: push.FailStatus},
		"a code elsewhere":       {answer: says(400, `{"err":"invalid_key"}`), status: 400, failure: push.FailStatus},
		"hangs up":               {answer: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, failure: push.FailConnect},
		"huge body":              {answer: func(w http.ResponseWriter, _ *http.Request) { pour(w, 1<<30) }, status: 200},
		"huge body of a refusal": {answer: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(400); pour(w, 1<<30) }, token: true, status: 400, failure: push.FailStatus},
		"huge header":            {answer: func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 64<<10)) }, failure: push.FailConnect},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(test.answer)
			t.Cleanup(server.Close)
			status, failure := push.Send(t.Context(), true, push.Target{URL: server.URL, Token: test.token})
			if status != test.status || failure != test.failure {
				t.Errorf("got %d %q, want %d %q", status, failure, test.status, test.failure)
			}
		})
	}
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// An answer is not read to its end.
func TestHugeAnswersAreNotRead(t *testing.T) {
	for _, status := range []int{200, 400, 500} {
		written := make(chan int, 1)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			written <- pour(w, 1<<30)
		}))
		t.Cleanup(server.Close)
		push.Send(t.Context(), true, push.Target{URL: server.URL, Token: true})
		if n := <-written; n > 64<<20 {
			t.Errorf("%d: %d bytes were taken", status, n)
		}
	}
}

// pour writes until the other side has had enough.
func pour(w http.ResponseWriter, n int) (written int) {
	part := make([]byte, 64<<10)
	for written < n {
		if _, err := w.Write(part); err != nil {
			break
		}
		written += len(part)
	}
	return written
}

// A redirect would lead around the check of the URL, and take the signature
// elsewhere.
func TestRedirectsAreNotFollowed(t *testing.T) {
	var reached atomic.Int64
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	t.Cleanup(target.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := httptest.NewServer(http.RedirectHandler(target.URL, status))
		t.Cleanup(server.Close)
		got, failure := push.Send(t.Context(), true, push.Target{URL: server.URL})
		if got != status || failure != push.FailRedirect {
			t.Errorf("%d: got %d %q", status, got, failure)
		}
	}
	if reached.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

// The address is checked when it is dialled: a name that leads to this machine
// is no way around the check, however it got there.
func TestNamesThatLeadInsideAreRefused(t *testing.T) {
	var reached atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"localhost", "127.0.0.1", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]", "127.1.2.3", "169.254.169.254"} {
		for _, private := range []bool{false, true} {
			sub := push.Target{URL: fmt.Sprintf("http://%s:%s/", host, port), Private: private}
			if status, failure := push.Send(t.Context(), false, sub); failure != push.FailAddress {
				t.Errorf("%s: got %d %q", host, status, failure)
			}
		}
	}
	if reached.Load() != 0 {
		t.Error("the service inside was reached")
	}
}

// The proxy of the environment would be asked to resolve the name, and to go
// where we must not.
func TestNoProxyIsAsked(t *testing.T) {
	var asked atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(proxy.Close)
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	_, failure := push.Send(t.Context(), true, push.Target{URL: "http://nowhere.invalid/"})
	if failure != push.FailName || asked.Load() != 0 {
		t.Errorf("got %q; the proxy was asked %d times", failure, asked.Load())
	}
}

func TestCertificateOfTheReceiverIsChecked(t *testing.T) {
	server := httptest.NewTLSServer(says(200, ""))
	t.Cleanup(server.Close)
	server.Config.ErrorLog = nil
	if _, failure := push.Send(t.Context(), true, push.Target{URL: server.URL}); failure != push.FailTLS {
		t.Errorf("unknown authority: %q", failure)
	}
	plain := httptest.NewServer(says(200, ""))
	t.Cleanup(plain.Close)
	if _, failure := push.Send(t.Context(), true, push.Target{URL: strings.Replace(plain.URL, "http", "https", 1)}); failure != push.FailTLS {
		t.Errorf("no TLS: %q", failure)
	}
}

func TestReceiverThatDoesNotAnswer(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	if _, failure := push.Send(t.Context(), true, push.Target{URL: closed.URL}); failure != push.FailConnect {
		t.Errorf("nobody listens: %q", failure)
	}
	busy := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-busy }))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(busy) })
	ctx, cancel := context.WithTimeout(t.Context(), 1)
	defer cancel()
	if _, failure := push.Send(ctx, true, push.Target{URL: server.URL}); failure != push.FailTimeout {
		t.Errorf("hangs: %q", failure)
	}
}

func TestRequestIsAPostWithoutCookies(t *testing.T) {
	var got *http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
	}))
	t.Cleanup(server.Close)
	for range 2 {
		push.Send(t.Context(), true, push.Target{URL: server.URL + "/x?y=z"})
	}
	want := []string{"POST", "/x?y=z", "1", "Portaria-Webhook/1", ""}
	have := []string{got.Method, got.RequestURI, got.Header.Get("webhook-id"), got.UserAgent(), got.Header.Get("Cookie")}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}
}
