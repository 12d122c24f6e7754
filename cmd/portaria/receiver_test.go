package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// webhookReceiver is a service that webhooks are sent to.
type webhookReceiver struct {
	mu     sync.Mutex
	status int
	got    []delivered
}

type delivered struct {
	header http.Header
	body   string
}

func (w *webhookReceiver) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.mu.Lock()
	defer w.mu.Unlock()
	rw.WriteHeader(w.status)
	if w.status < 300 {
		w.got = append(w.got, delivered{r.Header.Clone(), string(body)})
	}
}

// receive starts a receiver: receive VARIABLE, which becomes its URL.
func receive(ts *testscript.TestScript, neg bool, args []string) {
	w := &webhookReceiver{status: http.StatusNoContent}
	server := httptest.NewServer(w)
	ts.Defer(server.Close)
	the(ts).receivers[args[0]] = w
	ts.Setenv(args[0], server.URL)
}

// answers has a receiver answer so from now on: answers VARIABLE STATUS
func answers(ts *testscript.TestScript, neg bool, args []string) {
	status, err := strconv.Atoi(args[1])
	ts.Check(err)
	w := the(ts).receivers[args[0]]
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status = status
}

// received waits until so many deliveries have matched, and have been signed
// with a secret: received VARIABLE SECRET COUNT PATTERN. Their headers and
// bodies can be looked at with stderr and stdout.
func received(ts *testscript.TestScript, neg bool, args []string) {
	w, secret, pattern := the(ts).receivers[args[0]], args[1], regexp.MustCompile(args[3])
	count, err := strconv.Atoi(args[2])
	ts.Check(err)
	var found []delivered
	ts.Check(until(15*time.Second, func() error {
		if found = w.matching(pattern); len(found) < count {
			return fmt.Errorf("%d deliveries of %s", len(found), pattern)
		}
		return nil
	}))
	if len(found) > count {
		ts.Fatalf("%d deliveries of %s, want %d", len(found), pattern, count)
	}
	for _, d := range found {
		if !d.signedWith(secret) {
			ts.Fatalf("not signed with this secret: %v", d.header)
		}
		fmt.Fprintln(ts.Stdout(), d.body)
		ts.Check(d.header.Write(ts.Stderr()))
	}
}

func (w *webhookReceiver) matching(pattern *regexp.Regexp) (found []delivered) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.got {
		if pattern.MatchString(d.body) {
			found = append(found, d)
		}
	}
	return found
}

// signedWith checks a signature of Standard Webhooks.
func (d delivered) signedWith(secret string) bool {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", d.header.Get("Webhook-Id"), d.header.Get("Webhook-Timestamp"), d.body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	return strings.Contains(" "+d.header.Get("Webhook-Signature")+" ", " "+want+" ")
}
