package sqlstore_test

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/store"
	"github.com/portaria/portaria/internal/store/sqlstore"
)

func TestRepeat(t *testing.T) {
	lost, other := &pgconn.PgError{Code: "40P01"}, errors.New("other")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := map[string]struct {
		ctx      context.Context
		errs     []error // of one run after the other; the last stays
		want     error
		wantRuns int
	}{
		"at once":             {t.Context(), []error{nil}, nil, 1},
		"another error":       {t.Context(), []error{other}, other, 1},
		"a deadlock":          {t.Context(), []error{lost, lost, nil}, nil, 3},
		"a conflict of order": {t.Context(), []error{&pgconn.PgError{Code: "40001"}, nil}, nil, 2},
		"for ever":            {t.Context(), []error{lost}, lost, 10},
		"nobody waits":        {cancelled, []error{lost}, lost, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			runs := 0
			err := sqlstore.Repeat(test.ctx, func() error {
				runs++
				return test.errs[min(runs, len(test.errs))-1]
			})
			if !errors.Is(err, test.want) || runs != test.wantRuns {
				t.Errorf("got %v after %d runs, want %v after %d", err, runs, test.want, test.wantRuns)
			}
		})
	}
}

// TestUnavailable: what PostgreSQL says that will pass is no fault of a caller.
func TestUnavailable(t *testing.T) {
	for code, want := range map[string]bool{
		"25006": true, "57P01": true, "57P03": true, "57014": true, "53300": true, "53100": true, "08006": true, "08P01": true,
		"55P03": true, "40001": true, "40P01": true, "26000": true, "42P05": true, "0A000": true, "28P01": true, "58030": true,
		"42601": false, "42501": false, "22003": false, "23505": false,
	} {
		if got := errors.Is(sqlstore.Translate(&pgconn.PgError{Code: code}), store.ErrUnavailable); got != want {
			t.Errorf("%s is unavailable: %t, want %t", code, got, want)
		}
	}
}

// TestPostgresPool bounds the connections that a store keeps.
func TestPostgresPool(t *testing.T) {
	db, err := sqlstore.Open(t.Context(), engines["PostgreSQL"](t), sqlstore.Options{Connections: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if got := db.Pool().Stats().MaxOpenConnections; got != 3 {
		t.Errorf("%d connections, want 3", got)
	}
}

// line is a TCP proxy to PostgreSQL that can be held, as if the server had
// stopped, or cut, as if it had gone.
type line struct {
	t        *testing.T
	listener net.Listener
	flow     sync.RWMutex // held for writing: nothing passes
	mu       sync.Mutex
	open     []net.Conn
}

// through answers the URL of a database with a line in front of it.
func through(t *testing.T, location string) (*line, string) {
	t.Helper()
	target, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{t: t, listener: listener}
	network, address := "tcp", target.Host
	query := target.Query()
	if folder := query.Get("host"); folder != "" {
		network, address = "unix", filepath.Join(folder, ".s.PGSQL."+cmp.Or(query.Get("port"), "5432"))
		query.Del("host")
		query.Del("port")
	}
	go l.accept(network, address)
	t.Cleanup(func() { l.listener.Close(); l.cut() })
	target.Host, target.RawQuery = listener.Addr().String(), query.Encode()
	return l, target.String()
}

func (l *line) accept(network, address string) {
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial(network, address)
		if err != nil {
			near.Close()
			continue
		}
		l.mu.Lock()
		l.open = append(l.open, near, far)
		l.mu.Unlock()
		go l.copy(near, far)
		go l.copy(far, near)
	}
}

func (l *line) copy(to, from net.Conn) {
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		l.flow.RLock()
		_, err = to.Write(buffer[:n])
		l.flow.RUnlock()
		if err != nil {
			return
		}
	}
}

// cut ends all connections; new ones can be made.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range l.open {
		conn.Close()
	}
	l.open = nil
}

func TestPostgresThatHangsIsUnavailable(t *testing.T) {
	l, location := through(t, engines["PostgreSQL"](t))
	db, err := sqlstore.Open(t.Context(), location, sqlstore.Options{StepTimeout: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	l.flow.Lock()
	began := time.Now()
	_, readErr := db.Session(t.Context(), "x")
	_, writeErr := db.PruneSessions(t.Context(), time.Now())
	_, stepErr := db.EndSessions(t.Context(), session.EndMany{AccountID: "x", At: began})
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("three steps took %v", took)
	}
	l.flow.Unlock()
	for name, err := range map[string]error{"read": readErr, "portions": writeErr, "write": stepErr} {
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: got %v, want %v", name, err, store.ErrUnavailable)
		}
	}
	if err := db.Ping(t.Context()); err != nil {
		t.Errorf("after the server went on: %v", err)
	}
}

func TestRestartOfPostgresIsNotNoticed(t *testing.T) {
	l, location := through(t, engines["PostgreSQL"](t))
	db, err := sqlstore.Open(t.Context(), location, sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for range 5 {
		if err := db.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		l.cut()
	}
	l.listener.Close()
	l.cut()
	if err := db.Ping(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("without a server: got %v, want %v", err, store.ErrUnavailable)
	}
}
