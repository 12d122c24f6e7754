package testdb

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// RedisServer is a Redis server that only one test uses.
type RedisServer struct {
	// URL is where it listens: a socket, so no port can be taken.
	URL string

	t      testing.TB
	socket string
	cmd    *exec.Cmd
}

// Redis starts a Redis server that ends with the test. When the program is not
// installed the test fails.
func Redis(t testing.TB) *RedisServer {
	t.Helper()
	// In /tmp, because the path of a socket may have only 107 characters.
	dir, err := os.MkdirTemp("/tmp", "portaria-redis-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &RedisServer{t: t, socket: filepath.Join(dir, "s")}
	s.URL = "unix://" + s.socket
	t.Cleanup(s.Kill)
	s.Start()
	return s
}

// Start starts the server, empty, after a Kill.
func (s *RedisServer) Start() {
	s.t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		s.t.Fatal("no redis-server: install Redis (Debian: apt-get install redis-server)")
	}
	s.cmd = exec.Command(program, "--port", "0", "--unixsocket", s.socket, "--save", "", "--appendonly", "no", "--dir", filepath.Dir(s.socket))
	// It must not outlive this process, however that ends.
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("start Redis: %v", err)
	}
	for until := time.Now().Add(30 * time.Second); ; {
		conn, err := net.Dial("unix", s.socket)
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(until) {
			s.t.Fatal(fmt.Errorf("redis does not listen: %w", err))
		}
	}
}

// Kill ends the server at once. What it held is lost.
func (s *RedisServer) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	_ = os.Remove(s.socket)
	s.cmd = nil
}
