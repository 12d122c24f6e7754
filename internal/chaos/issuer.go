package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/portaria/portaria/client"
)

// patience is how long a process may take to become ready.
const patience = 20 * time.Second

// build compiles a command without the race detector: a hundred verifiers and
// their issuers share two processors.
func build(into, name, pkg string) (string, error) {
	binary := filepath.Join(into, name)
	cmd := exec.Command("go", "build", "-trimpath", "-o", binary, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", name, err, out)
	}
	return binary, nil
}

// issuer is a portaria process that can be killed and comes back on the same
// address.
type issuer struct {
	binary, folder, address string
	settings                []string

	mu      sync.Mutex
	process *os.Process
	ended   chan struct{}
	log     bytes.Buffer
	api     *client.Client
}

func newIssuer(binary, folder string, settings []string) (*issuer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	i := &issuer{binary: binary, folder: folder, address: address, settings: settings}
	i.api = client.New("http://"+address, &http.Client{Timeout: 5 * time.Second})
	return i, errors.Join(l.Close(), i.start())
}

// start runs the process until it is ready. One that ends because the database
// is recovering is started again, as a supervisor would.
func (i *issuer) start() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for ctx.Err() == nil {
		if err := i.launch(); err != nil {
			return err
		}
		if i.ready(ctx) {
			return nil
		}
	}
	return fmt.Errorf("issuer does not become ready\n%s", i.log.Bytes())
}

func (i *issuer) launch() error {
	cmd := exec.Command(i.binary, "serve", "--listen", i.address)
	cmd.Dir, cmd.Env = i.folder, i.environment()
	cmd.Stdout, cmd.Stderr = &i.log, &i.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start issuer: %w", err)
	}
	ended := make(chan struct{})
	i.process, i.ended = cmd.Process, ended
	go func() {
		_ = cmd.Wait() // it is killed again and again
		close(ended)
	}()
	return nil
}

func (i *issuer) environment() []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + i.folder}, i.settings...)
}

// ready waits until the process answers; it is false when it ended instead.
func (i *issuer) ready(ctx context.Context) bool {
	for ctx.Err() == nil {
		if resp, err := http.Get("http://" + i.address + "/readyz"); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return true
			}
		}
		select {
		case <-i.ended:
			return false
		case <-time.After(5 * time.Millisecond):
		}
	}
	return false
}

// kill ends the process at once, as a failing machine does.
func (i *issuer) kill() {
	i.mu.Lock()
	defer i.mu.Unlock()
	_ = i.process.Kill()
	<-i.ended
}

// command runs a command of the same binary, in the same folder.
func (i *issuer) command(args ...string) ([]byte, error) {
	cmd := exec.Command(i.binary, args...)
	cmd.Dir, cmd.Env = i.folder, append(i.environment(), "PORTARIA_LISTEN="+i.address)
	var fault bytes.Buffer
	cmd.Stderr = &fault
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%v: %w\n%s", args, err, fault.Bytes())
	}
	return out, nil
}
