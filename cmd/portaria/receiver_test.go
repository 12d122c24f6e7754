package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
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

// receive starts a receiver: receive VARIABLE [CAFILE], which becomes its URL. With a
// file, the receiver has an inner address of this machine, VARIABLE_NETWORK becomes a
// network with that address alone, and the file the authority of its certificate.
func receive(ts *testscript.TestScript, neg bool, args []string) {
	w := &webhookReceiver{status: http.StatusNoContent}
	server := httptest.NewUnstartedServer(w)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	ts.Defer(server.Close)
	the(ts).receivers[args[0]] = w
	if len(args) == 1 {
		server.Start()
	} else {
		receiveInside(ts, server, args[0], args[1])
	}
	ts.Setenv(args[0], server.URL)
}

func receiveInside(ts *testscript.TestScript, server *httptest.Server, name, caFile string) {
	inner, err := innerAddress()
	ts.Check(err)
	listener, err := net.Listen("tcp", netip.AddrPortFrom(inner, 0).String())
	ts.Check(err)
	ts.Check(server.Listener.Close())
	server.Listener = listener
	cert, key, err := selfSigned(listener.Addr().String())
	ts.Check(err)
	pair, err := tls.X509KeyPair(cert, key)
	ts.Check(err)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.StartTLS()
	ts.Check(os.WriteFile(ts.MkAbs(caFile), cert, 0o600))
	ts.Setenv(name+"_NETWORK", netip.PrefixFrom(inner, inner.BitLen()).String())
}

// innerAddress returns an address of this machine in a private network.
func innerAddress() (netip.Addr, error) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return netip.Addr{}, err
	}
	for _, a := range addresses {
		prefix, err := netip.ParsePrefix(a.String())
		if err == nil && prefix.Addr().IsPrivate() {
			return prefix.Addr(), nil
		}
	}
	return netip.Addr{}, errors.New("this machine has no address in a private network")
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
