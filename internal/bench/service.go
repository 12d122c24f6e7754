package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// build compiles the service as `make build` does.
func build(into string) (string, error) {
	binary := filepath.Join(into, "portaria")
	cmd := exec.Command("go", "build", "-trimpath", "-o", binary, "./cmd/portaria")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build portaria: %w\n%s", err, out)
	}
	return binary, nil
}

// service is a portaria process.
type service struct {
	address string
	process *os.Process
	log     bytes.Buffer
	ended   chan error
}

// cheapHash makes a password hash cost next to nothing, to see what a login
// costs beside it.
var cheapHash = []string{
	"PORTARIA_INSECURE_PASSWORD_HASH=true",
	"PORTARIA_ARGON2_MEMORY=8",
	"PORTARIA_ARGON2_ITERATIONS=1",
	// One person signs in thousands of times here, and ending the oldest
	// sessions is not what a login costs.
	"PORTARIA_SESSIONS_PER_ACCOUNT=0",
	// All clients of the benchmark have one address.
	"PORTARIA_GUARD_ADDRESS_FAILURES=1000000",
	"PORTARIA_GUARD_ACCOUNTS_FAILURES=1000000",
	"PORTARIA_GUARD_NETWORK_FAILURES=1000000",
	"PORTARIA_GUARD_STRANGERS_FAILURES=1000",
}

// onPostgres are the settings for a database there.
func onPostgres(url string) []string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return []string{"PORTARIA_DATABASE=" + url, "PORTARIA_MASTER_KEY=" + base64.StdEncoding.EncodeToString(key)}
}

// readyPause is between two looks whether the service listens.
const readyPause = 200 * time.Microsecond

// launch starts the service in a folder and waits until it is ready. cold is
// how long that took.
func launch(binary, folder string, settings ...string) (s *service, cold time.Duration, err error) {
	s = &service{ended: make(chan error, 1)}
	if s.address, err = freeAddress(); err != nil {
		return nil, 0, err
	}
	cmd := exec.Command(binary, "serve", "--listen", s.address)
	cmd.Dir, cmd.Env = folder, append([]string{"PATH=" + os.Getenv("PATH")}, settings...)
	cmd.Stdout, cmd.Stderr = &s.log, &s.log
	// It must not outlive us, however we end.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, 0, fmt.Errorf("start service: %w", err)
	}
	s.process = cmd.Process
	go func() { s.ended <- cmd.Wait() }()
	if err := s.awaitReady(); err != nil {
		return nil, 0, errors.Join(err, s.stop())
	}
	return s, time.Since(began), nil
}

// awaitReady asks until the answer is 200. The service listens before it is
// ready and the question waits for it, so this is exact.
func (s *service) awaitReady() error {
	question := get("/readyz", "")
	for until := time.Now().Add(answerPatience); time.Now().Before(until); time.Sleep(readyPause) {
		select {
		case err := <-s.ended:
			s.ended <- err
			return fmt.Errorf("service ended: %w", err)
		default:
		}
		conn, err := dial(s.address)
		if err != nil {
			continue
		}
		r, err := conn.exchange(question)
		if err := conn.Close(); err != nil {
			return err
		}
		if err == nil && r.status == 200 {
			return nil
		}
	}
	return errors.New("service does not become ready")
}

// stop ends the service as an operator would.
func (s *service) stop() error {
	// An error means that it has ended already.
	_ = s.process.Signal(syscall.SIGTERM)
	if err := <-s.ended; err != nil {
		return fmt.Errorf("service: %w\n%s", err, s.log.Bytes())
	}
	return nil
}

// freeAddress is one that was free a moment ago.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// ask makes one exchange on a connection of its own; want is the status.
func (s *service) ask(request []byte, want int) ([]byte, error) {
	conn, err := dial(s.address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	r, err := conn.exchange(request)
	if err != nil {
		return nil, err
	}
	if r.status != want {
		return nil, fmt.Errorf("status %d instead of %d: %s", r.status, want, r.body)
	}
	return r.body, nil
}
