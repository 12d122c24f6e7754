package app_test

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/app"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/keyring/masterkey"
	"github.com/portaria/portaria/internal/store"
	"github.com/portaria/portaria/internal/testdb"
)

// heard calls a function for each line of a log.
type heard func(line string)

func (h heard) Write(line []byte) (int, error) {
	h(string(line))
	return len(line), nil
}

// waiting are the settings of a service whose database is at an address.
func waiting(t *testing.T, database string, wait time.Duration, line func(string)) app.Env {
	t.Helper()
	c, err := config.Load(config.Sources{Environ: []string{"PORTARIA_MASTER_KEY=" + string(masterkey.New())}})
	if err != nil {
		t.Fatal(err)
	}
	if c.Database, err = config.ParseDatabase(database); err != nil {
		t.Fatal(err)
	}
	c.DatabaseWait, c.InsecurePasswordHash, c.Argon2.MemoryKiB, c.Argon2.Iterations = wait, true, 8, 1
	return app.Env{Config: c, Issuer: "http://localhost", Log: slog.New(slog.NewTextHandler(heard(line), nil)), Now: time.Now}
}

// TestStartWaitsForTheDatabase starts the database when the service has said
// that it waits.
func TestStartWaitsForTheDatabase(t *testing.T) {
	location := testdb.Postgres(t)
	target, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(target.Query().Get("host"), ".s.PGSQL.5432")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	var up bool
	env := waiting(t, "postgres://postgres@"+address+target.Path+"?sslmode=disable", time.Minute, func(line string) {
		if up || !strings.Contains(line, "database cannot be reached yet") {
			return
		}
		up = true
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { l.Close() })
		go pass(l, socket)
	})
	a, err := app.Open(t.Context(), env)
	if err != nil || !up {
		t.Fatalf("%v; was said to wait: %t", err, up)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

// pass copies connections to a socket.
func pass(l net.Listener, socket string) {
	for {
		near, err := l.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("unix", socket)
		if err != nil {
			near.Close()
			continue
		}
		go func() { defer near.Close(); _, _ = io.Copy(near, far) }()
		go func() { defer far.Close(); _, _ = io.Copy(far, near) }()
	}
}

func TestStartGivesUp(t *testing.T) {
	const nobody = "postgres://ana:hunter2@127.0.0.1:1/portaria"
	said := 0
	_, err := app.Open(t.Context(), waiting(t, nobody, 300*time.Millisecond, func(string) { said++ }))
	if !errors.Is(err, store.ErrUnavailable) || said == 0 {
		t.Errorf("after the time: %v, %d lines", err, said)
	}
	said = 0
	_, err = app.Open(t.Context(), waiting(t, nobody, 0, func(string) { said++ }))
	if !errors.Is(err, store.ErrUnavailable) || said != 0 {
		t.Errorf("at once: %v, %d lines", err, said)
	}
	stopped, stop := context.WithCancel(t.Context())
	_, err = app.Open(stopped, waiting(t, nobody, time.Hour, func(string) { stop() }))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("told to stop: %v", err)
	}
}

// TestReadinessOfALockedFile: a file that another process holds can be read, but
// nothing can be written.
func TestReadinessOfALockedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "portaria.db")
	a := apptest.Start(t, func(c *config.Config) {
		var err error
		if c.Database, err = config.ParseDatabase("sqlite:" + path); err != nil {
			t.Fatal(err)
		}
	})
	ready := func() int {
		r, err := http.NewRequest("GET", a.URL+"/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, _ := a.Do(r)
		return response.StatusCode
	}
	if got := ready(); got != http.StatusOK {
		t.Fatalf("at first: %d", got)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return ready() == http.StatusServiceUnavailable })
	if _, err := conn.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return ready() == http.StatusOK })
}

// until tries until something is so, for at most twenty seconds.
func until(t *testing.T, so func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("it never came to be so")
		}
	}
}
