package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// slow is a request whose handler runs: it has begun to read the body, and
// waits for the rest.
type slow struct {
	conn net.Conn
	in   *bufio.Reader
}

const slowBody = `{"identifier":"ana","password":"correct horse battery"}`

// sendSlowly begins a sign-up. The server's 100 Continue tells that the
// handler is reading.
func sendSlowly(t *testing.T, address string) slow {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(startPatience)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "POST /v1/accounts HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"+
		"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n", address, len(slowBody))
	s := slow{conn, bufio.NewReader(conn)}
	line, err := s.in.ReadString('\n')
	if err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("the handler does not read: %q, %v", line, err)
	}
	if _, err := s.in.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	return s
}

// finish sends the body and reads the answer.
func (s slow) finish() (*http.Response, error) {
	if _, err := io.WriteString(s.conn, slowBody); err != nil {
		return nil, err
	}
	return http.ReadResponse(s.in, nil)
}

// stopAccepting sends SIGTERM and waits until nobody new is let in.
func stopAccepting(t *testing.T, s *service, address string) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	err := until(startPatience, func() error {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return nil
		}
		conn.Close()
		return errors.New("it still accepts connections")
	})
	if err != nil {
		t.Fatal(err)
	}
}

func launchFor(t *testing.T, dir, address string) *service {
	t.Helper()
	s, err := launch(dir, []string{raceOptions, "PORTARIA_LISTEN=" + address})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill() }) // an error means that it has ended
	return s
}

// TestShutdownLetsRequestsFinish: those in flight are answered, then the
// database is closed, and what was answered is in it.
func TestShutdownLetsRequestsFinish(t *testing.T) {
	dir, address := t.TempDir(), freeAddress(t)
	s := launchFor(t, dir, address)
	request := sendSlowly(t, address)
	stopAccepting(t, s, address)
	resp, err := request.finish()
	if err != nil || resp.StatusCode != http.StatusCreated {
		t.Fatalf("the request in flight got %v, %v\n%s", resp, err, s.err.String())
	}
	if <-s.exited; s.status != nil {
		t.Errorf("it ended with %v: %s", s.status, s.err.String())
	}
	// SQLite removes its log when the last connection is closed in order.
	if _, err := os.Stat(filepath.Join(dir, "portaria.db-wal")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the database was not closed: %v", err)
	}
	again := launchFor(t, dir, address)
	r, err := parseRequest("POST", []string{"/v1/login", slowBody, "->", "200"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	hc, err := freshClient("")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.send(hc, again.url); err != nil {
		t.Errorf("the account is not there: %v", err)
	}
	if err := again.end(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}

// TestSecondSignalDoesNotWait: who presses Ctrl-C twice means it.
func TestSecondSignalDoesNotWait(t *testing.T) {
	address := freeAddress(t)
	s := launchFor(t, t.TempDir(), address)
	sendSlowly(t, address)
	stopAccepting(t, s, address)
	var exit *exec.ExitError
	if err := s.end(syscall.SIGTERM); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
		t.Errorf("it ended with %v", err)
	}
}
