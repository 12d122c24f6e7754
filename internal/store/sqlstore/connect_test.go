package sqlstore_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/store"
	"github.com/portaria/portaria/internal/store/sqlstore"
	"github.com/portaria/portaria/internal/testdb"
)

// impostor listens where a PostgreSQL is expected and notes what it is sent. It
// answers a request for TLS with one byte: "N" refuses, "S" accepts and then
// shows a certificate that nobody signed.
type impostor struct {
	port string
	mu   sync.Mutex
	seen bytes.Buffer
}

func pretend(t *testing.T, answer byte) *impostor {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	i := &impostor{port: port}
	certificate := selfSigned(t)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go i.serve(conn, answer, certificate)
		}
	}()
	return i
}

func (i *impostor) serve(conn net.Conn, answer byte, certificate tls.Certificate) {
	defer conn.Close()
	for {
		var length [4]byte
		if _, err := io.ReadFull(conn, length[:]); err != nil {
			return
		}
		message := make([]byte, max(0, int(binary.BigEndian.Uint32(length[:]))-4))
		if _, err := io.ReadFull(conn, message); err != nil {
			return
		}
		i.mu.Lock()
		i.seen.Write(message)
		i.mu.Unlock()
		if len(message) != 4 {
			return // no request for TLS: whatever it was is noted
		}
		_, _ = conn.Write([]byte{answer})
		if answer == 'S' {
			conn = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{certificate}})
		}
	}
}

func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "impostor"}, NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"impostor"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestPasswordStaysHome: 0.0.0.0 leads to this machine, but is not one of the
// addresses that are known to; so it stands for another machine.
func TestPasswordStaysHome(t *testing.T) {
	authority := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: selfSigned(t).Certificate[0]}), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		answer   byte
		query    string
		insecure bool
		want     error
	}{
		"refuses TLS":                        {'N', "", false, sqlstore.ErrRefused},
		"unknown certificate":                {'S', "", false, sqlstore.ErrRefused},
		"certificate of another name":        {'S', "?sslrootcert=" + authority, false, sqlstore.ErrRefused},
		"another host in the query":          {'N', "?host=0.0.0.0", false, sqlstore.ErrRefused},
		"one of two hosts":                   {'N', "?host=localhost,0.0.0.0", false, nil},
		"sslmode=disable":                    {'N', "?sslmode=disable", false, sqlstore.ErrInsecureTLS},
		"sslmode=allow":                      {'N', "?sslmode=allow", false, sqlstore.ErrInsecureTLS},
		"sslmode=prefer":                     {'N', "?sslmode=prefer", false, sqlstore.ErrInsecureTLS},
		"sslmode=require":                    {'N', "?sslmode=require", false, sqlstore.ErrInsecureTLS},
		"sslmode=verify-ca":                  {'N', "?sslmode=verify-ca", false, sqlstore.ErrInsecureTLS},
		"ssl=true":                           {'N', "?ssl=true", false, sqlstore.ErrRefused},
		"insecure, refuses TLS":              {'N', "", true, sqlstore.ErrRefused},
		"insecure, with a way to plain text": {'N', "?sslmode=prefer", true, sqlstore.ErrInsecureTLS},
		"insecure, allow":                    {'N', "?sslmode=allow", true, sqlstore.ErrInsecureTLS},
	} {
		t.Run(name, func(t *testing.T) {
			i := pretend(t, test.answer)
			db, err := sqlstore.Open(t.Context(), "postgres://ana:hunter2@0.0.0.0:"+i.port+"/portaria"+test.query, sqlstore.Options{InsecureTLS: test.insecure})
			if err == nil {
				db.Close()
			}
			if err == nil || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			i.mu.Lock()
			defer i.mu.Unlock()
			if seen := i.seen.String(); strings.Contains(seen, "ana") || strings.Contains(seen, "hunter2") {
				t.Errorf("the server was sent %q", seen)
			}
		})
	}
	// What was asked for by both the URL and the setting is done.
	i := pretend(t, 'N')
	_, _ = sqlstore.Open(t.Context(), "postgres://ana:hunter2@0.0.0.0:"+i.port+"/portaria?sslmode=disable", sqlstore.Options{InsecureTLS: true})
	i.mu.Lock()
	defer i.mu.Unlock()
	if !strings.Contains(i.seen.String(), "ana") {
		t.Errorf("the impostor notices nothing: %q", i.seen.String())
	}
}

// TestErrorsOfURLs: what was not understood is not repeated.
func TestErrorsOfURLs(t *testing.T) {
	for _, location := range []string{
		"postgres://ana:87#hunter2@localhost/portaria", "postgres://ana:87/hunter2@localhost/portaria",
		"postgres://ana:87?hunter2@localhost/portaria", "postgres://ana:hunter2@localhost/portaria?sslmode=hunter2",
		"postgres://ana:hunter2@localhost/portaria?connect_timeout=hunter2", "postgres://localhost/portaria?sslrootcert=/hunter2",
		"postgres://localhost/portaria?target_session_attrs=hunter2", "postgres://localhost/portaria?port=hunter2",
		"postgres://localhost/portaria?min_protocol_version=hunter2", "postgres://localhost/p?default_query_exec_mode=hunter2",
	} {
		_, err := sqlstore.Open(t.Context(), location, sqlstore.Options{})
		if !errors.Is(err, sqlstore.ErrURL) || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "87") {
			t.Errorf("%s: %v", location, err)
		}
	}
}

// TestReadOnlyServer makes the server of open connections read-only, as when
// its role in a cluster changes, and writable again.
func TestReadOnlyServer(t *testing.T) {
	location := testdb.OwnPostgres(t)
	db, err := sqlstore.Open(t.Context(), location, sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	write := func() error { return db.CreateAccount(t.Context(), someone()) }
	if err := errors.Join(write(), db.ProveWritable(t.Context(), moment)); err != nil {
		t.Fatal(err)
	}
	admin, err := sql.Open("pgx", location)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	readOnly := func(value string) {
		t.Helper()
		conn, err := admin.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		for _, statement := range []string{"SET default_transaction_read_only = off", "ALTER SYSTEM SET default_transaction_read_only = " + value, "SELECT pg_reload_conf()"} {
			if _, err := conn.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		await(t, func() bool {
			fresh, err := sql.Open("pgx", location)
			if err != nil {
				t.Fatal(err)
			}
			defer fresh.Close()
			var now string
			return fresh.QueryRowContext(t.Context(), "SHOW default_transaction_read_only").Scan(&now) == nil && now == value
		})
	}
	readOnly("on")
	for i := range 3 {
		for name, err := range map[string]error{"write": write(), "prove": db.ProveWritable(t.Context(), moment), "append": db.Append(t.Context(), failures(1))} {
			if !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%s %d: got %v, want ErrUnavailable", name, i, err)
			}
		}
	}
	if err := db.Ping(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("read from what may be a standby: %v", err)
	}
	readOnly("off")
	for name, err := range map[string]error{"write": write(), "prove": db.ProveWritable(t.Context(), moment), "append": db.Append(t.Context(), failures(1)), "read": db.Ping(t.Context())} {
		if err != nil {
			t.Errorf("%s afterwards: %v", name, err)
		}
	}
	if life := db.Pool().Stats(); life.MaxOpenConnections == 0 {
		t.Error("the pool has no limit")
	}
}

// await tries until something is so, for at most ten seconds.
func await(t *testing.T, so func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("it never came to be so")
		}
	}
}

// TestPgBouncer runs everything that the store relies on through a pooler that
// changes the connection with each transaction.
func TestPgBouncer(t *testing.T) {
	direct := testdb.Postgres(t)
	location := testdb.PgBouncer(t, direct)
	var opening sync.WaitGroup
	for range 4 { // and nobody's lock for the migration stays behind
		opening.Go(func() {
			db, err := sqlstore.Open(t.Context(), location, sqlstore.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	opening.Wait()
	db, err := sqlstore.Open(t.Context(), location, sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if !db.Pooled() || open(t, direct).Pooled() {
		t.Error("a pooler is not told from a server")
	}
	var all sync.WaitGroup
	for range 24 {
		all.Go(func() {
			a := someone()
			if err := db.CreateAccount(t.Context(), a); err != nil {
				t.Error(err)
			}
			if _, err := db.Account(t.Context(), a.ID); err != nil {
				t.Error(err)
			}
			if err := errors.Join(db.Append(t.Context(), failures(2)), db.Ping(t.Context()), db.ProveWritable(t.Context(), moment)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	var locks int
	raw, err := sql.Open("pgx", direct)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if err := raw.QueryRow("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").Scan(&locks); err != nil || locks != 0 {
		t.Errorf("%d locks are left, %v", locks, err)
	}
	if _, err := raw.Exec("ALTER ROLE postgres IN DATABASE " + databaseName(t, direct) + " SET synchronous_commit = off"); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlstore.Open(t.Context(), testdb.PgBouncer(t, direct), sqlstore.Options{}); !errors.Is(err, sqlstore.ErrNotDurable) {
		t.Errorf("without durable commits: got %v, want ErrNotDurable", err)
	}
}

func databaseName(t *testing.T, location string) string {
	t.Helper()
	_, rest, _ := strings.Cut(location, ":///")
	name, _, _ := strings.Cut(rest, "?")
	return name
}

// failures are events to append.
func failures(n int) []event.Event {
	events := make([]event.Event, n)
	for i := range events {
		events[i] = event.Event{Type: event.LoginFailed, At: moment, Reason: "unknown_account"}
	}
	return events
}

func TestPruneUnknownLogins(t *testing.T) {
	for name, fresh := range engines {
		t.Run(name, func(t *testing.T) {
			db := open(t, fresh(t))
			of := event.Event{Type: event.LoginFailed, At: moment, AccountID: "a", Reason: "wrong_password"}
			other := event.Event{Type: event.ClientCreated, At: moment, ClientID: "c"}
			if err := db.Append(t.Context(), append(failures(30), of, other)); err != nil {
				t.Fatal(err)
			}
			if err := db.Append(t.Context(), failures(5)); err != nil {
				t.Fatal(err)
			}
			for _, want := range []int{25, 0} {
				if n, err := db.PruneUnknownLogins(t.Context(), 10); err != nil || n != want {
					t.Errorf("pruned %d, %v; want %d", n, err, want)
				}
			}
			page, err := db.Events(t.Context(), 0, event.Filter{}, 100)
			left := page.Events
			if err != nil || len(left) != 12 || left[len(left)-1].Seq != 37 {
				t.Errorf("%d events are left, %v", len(left), err)
			}
		})
	}
}
