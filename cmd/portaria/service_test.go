package main

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"
)

// startPatience bounds the start of a service on a busy machine, with the race
// detector.
const startPatience = 30 * time.Second

// raceOptions let a data race end the process at once, with a report, and
// spare each exit the second that the detector sleeps by default.
const raceOptions = "GORACE=halt_on_error=1 atexit_sleep_ms=10"

// service is `portaria serve`, a process of its own.
type service struct {
	// url is where it said that it answers.
	url      string
	out, err transcript

	cmd    *exec.Cmd
	exited chan struct{}
	status error // of the exit; set before exited is closed
}

// launch starts the service and returns once it can be called: when it says
// so, its address is bound. A service that ends instead is an error that holds
// what it said.
func launch(dir string, environ []string, args ...string) (*service, error) {
	return launchProgram("portaria", dir, environ, args...)
}

// launchProgram is launch for another binary.
func launchProgram(program, dir string, environ []string, args ...string) (*service, error) {
	s := &service{cmd: exec.Command(program, append([]string{"serve"}, args...)...), exited: make(chan struct{})}
	s.cmd.Dir, s.cmd.Env = dir, environ
	greeted := make(chan string, 1)
	s.out.greeted = greeted
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.err
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		s.status = s.cmd.Wait()
		close(s.exited)
	}()
	select {
	case s.url = <-greeted:
		return s, nil
	case <-s.exited:
		return nil, fmt.Errorf("the service ended (%v): %s", s.status, s.err.String())
	case <-time.After(startPatience):
		return nil, fmt.Errorf("not ready after %v: %w\n%s", startPatience, s.end(syscall.SIGKILL), s.err.String())
	}
}

// end sends a signal and answers how the process ended.
func (s *service) end(signal syscall.Signal) error {
	if err := s.cmd.Process.Signal(signal); err != nil {
		return fmt.Errorf("it had already ended (%w): %s", err, s.err.String())
	}
	<-s.exited
	return s.status
}

// kill ends the process as a power cut of its machine would, and fails when it
// had ended by itself before.
func (s *service) kill() error {
	err := s.end(syscall.SIGKILL)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		return nil
	}
	return fmt.Errorf("it did not die of the signal: %w\n%s", err, s.err.String())
}

// greeting is what the service says when it can be called.
var greeting = regexp.MustCompile(`(?m)^Portaria answers at (\S+)$`)

// transcript keeps what a process wrote, and passes on the address in its
// greeting.
type transcript struct {
	mu      sync.Mutex
	text    bytes.Buffer
	greeted chan<- string // nil when no greeting is awaited
}

// Write keeps p.
func (tr *transcript) Write(p []byte) (int, error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	n, err := tr.text.Write(p)
	if tr.greeted == nil {
		return n, err
	}
	if match := greeting.FindSubmatch(tr.text.Bytes()); match != nil {
		tr.greeted <- string(match[1])
		tr.greeted = nil
	}
	return n, err
}

// String answers everything so far.
func (tr *transcript) String() string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.text.String()
}

// writeMasterKey makes a master key as an operator does for PostgreSQL, with
// openssl rand -base64 32.
func writeMasterKey(dir string) error {
	var key [32]byte
	crand.Read(key[:])
	text := base64.StdEncoding.EncodeToString(key[:]) + "\n"
	return os.WriteFile(filepath.Join(dir, "portaria-master.key"), []byte(text), 0o600)
}

// freeAddress is an address for a service that starts again and again on the
// same one. Linux has a whole network for this machine: on a random address of
// it, no other process takes the port between two starts.
func freeAddress(t testing.TB) string {
	t.Helper()
	address := fmt.Sprintf("127.%d.%d.%d:0", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))
	l, err := net.Listen("tcp", address)
	if err != nil {
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// until tries again and again until it works or time is up, for what nothing
// announces.
func until(limit time.Duration, try func() error) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not within %v: %w", limit, err)
		case <-again.C:
		}
	}
}
