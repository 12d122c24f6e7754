// Package examples_test runs every example against a live Portaria: each takes
// a good token, and refuses the others for the right reason.
package examples_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds what nothing announces, on a busy machine.
const patience = 30 * time.Second

// process is a service that runs beside the tests.
type process struct {
	// url is where it said that it answers.
	url string
	log transcript

	cmd    *exec.Cmd
	exited chan struct{}
	status error // of the exit; set before exited is closed
}

// launch starts a program in a folder and returns once it has said where it
// answers. The test's end stops it.
func launch(t testing.TB, dir string, environ []string, program ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(program[0], program[1:]...), exited: make(chan struct{})}
	greeted := make(chan string, 1)
	p.log.greeted = greeted
	p.cmd.Dir, p.cmd.Env = dir, append(os.Environ(), environ...)
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", program[0], err)
	}
	go func() {
		p.status = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(p.stop)
	select {
	case p.url = <-greeted:
	case <-p.exited:
		t.Fatalf("%v ended (%v): %s", program, p.status, &p.log)
	case <-time.After(patience):
		t.Fatalf("%v is not ready after %v: %s", program, patience, &p.log)
	}
	return p
}

// stop asks the process to end, and insists if it does not.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended before
	select {
	case <-p.exited:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
}

// greeting is how Portaria, the examples and Flask's server say where they are.
var greeting = regexp.MustCompile(`(?:answers at|listening on|Running on) (http://[0-9.]+:[0-9]+)`)

// transcript keeps what a process wrote, and passes on the address in its
// greeting.
type transcript struct {
	mu      sync.Mutex
	text    bytes.Buffer
	greeted chan<- string // nil when no greeting is awaited
}

// Write keeps b.
func (tr *transcript) Write(b []byte) (int, error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.text.Write(b)
	// Only whole lines: the port may still be on its way.
	whole := tr.text.Bytes()[:bytes.LastIndexByte(tr.text.Bytes(), '\n')+1]
	if match := greeting.FindSubmatch(whole); match != nil && tr.greeted != nil {
		tr.greeted <- string(match[1])
		tr.greeted = nil
	}
	return len(b), nil
}

// String answers everything so far.
func (tr *transcript) String() string { return tr.since(0) }

// since answers what was written after the first n bytes.
func (tr *transcript) since(n int) string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return string(tr.text.Bytes()[n:])
}

func (tr *transcript) len() int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.text.Len()
}

// until tries again and again until it works or time is up.
func until(limit time.Duration, try func() error) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
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
