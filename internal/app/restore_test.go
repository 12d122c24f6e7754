package app_test

import (
	"database/sql"
	"encoding/base64"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/testdb"
	"github.com/portaria/portaria/verify"
)

// vault is a database that can be set back to what it was.
type vault interface {
	url() string
	// backup keeps the database as it is; nobody uses it meanwhile.
	backup(t *testing.T)
	// restore puts the backup in its place.
	restore(t *testing.T)
}

type sqliteVault struct{ path string }

func (v sqliteVault) url() string { return "sqlite:" + v.path }

func (v sqliteVault) backup(t *testing.T) { copyFile(t, v.path, v.path+".backup") }

func (v sqliteVault) restore(t *testing.T) {
	for _, companion := range []string{"-wal", "-shm"} {
		_ = os.Remove(v.path + companion) // it is another database's
	}
	copyFile(t, v.path+".backup", v.path)
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// postgresVault is a database and a copy of it on the same server: a dump, or a
// replica that came no further.
type postgresVault struct{ main, copy string }

func newPostgresVault(t *testing.T) postgresVault {
	return postgresVault{testdb.Postgres(t), testdb.Postgres(t)}
}

func (v postgresVault) url() string { return v.main }

func (v postgresVault) backup(t *testing.T) { replace(t, v.copy, v.main) }

func (v postgresVault) restore(t *testing.T) { replace(t, v.main, v.copy) }

// replace makes one database a copy of the other.
func replace(t *testing.T, target, source string) {
	t.Helper()
	u, err := url.Parse(source)
	if err != nil {
		t.Fatal(err)
	}
	from := u.Path[1:]
	u.Path = "/postgres"
	db, err := sql.Open("pgx", u.String())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	to, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"DROP DATABASE " + to.Path[1:] + " WITH (FORCE)", "CREATE DATABASE " + to.Path[1:] + " TEMPLATE " + from} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// lives runs a Portaria on the same database and address again and again.
type lives struct {
	*testing.T
	vault   vault
	key     string
	address string
	clock   time.Duration
	// service follows it through all its lives.
	service *verify.Verifier
}

func newLives(t *testing.T, v vault) *lives {
	key := filepath.Join(t.TempDir(), "master.key")
	writeKey(t, key, []byte(base64.StdEncoding.EncodeToString([]byte("a master key of thirty-two bytes"))+"\n"))
	return &lives{T: t, vault: v, key: key, address: freeAddress(t)}
}

// live lets it run for as long as do takes.
func (l *lives) live(name string, do func(e *everywhere)) {
	l.Helper()
	l.Run(name, func(t *testing.T) {
		a := apptest.Start(t, apptest.OnPostgres(t, l.vault.url(), l.key), func(c *config.Config) { c.Listen = l.address })
		a.Clock.Move(l.clock)
		l.clock += time.Second
		e := &everywhere{T: t, issuer: a, service: l.service}
		if l.service != nil {
			e.eventually("the verifier follows again", func() bool { return l.service.Stats().Feed == verify.FeedCurrent })
		}
		do(e)
	})
	if l.Failed() {
		l.FailNow()
	}
}

// follow begins to follow.
func (l *lives) follow(e *everywhere) {
	e.Helper()
	made, err := e.issuer.Admin().CreateClient(e.Context(), api.NewClient{ClientDescription: api.ClientDescription{
		ID: readerID, Kind: "service", Scopes: []string{api.RevocationReadScope}}})
	if err != nil {
		e.Fatal(err)
	}
	began := time.Now()
	start := e.issuer.Clock.Now()
	// It has the background's context: it outlives the service's first life.
	v, err := verify.New(l.Context(), verify.Config{Issuer: e.issuer.URL, Audience: "portaria", ClientID: readerID,
		ClientSecret: verify.Secret(made.ClientSecret), Now: func() time.Time { return start.Add(time.Since(began)) }})
	if err != nil {
		e.Fatal(err)
	}
	l.Cleanup(v.Close)
	l.service, e.service = v, v
}

func (e *everywhere) revokeSession(p person) api.Receipt {
	e.Helper()
	receipt, err := e.issuer.Admin().Revoke(e.Context(), api.Revoke{Target: api.Target{Session: p.claims.SessionID()}}, 0)
	if err != nil {
		e.Fatal(err)
	}
	return receipt
}

func (e *everywhere) revoked(p person) bool {
	_, err := e.service.Verify(e.Context(), p.token)
	return errors.Is(err, verify.ErrRevoked)
}

// TestDatabaseIsSetBack: an old backup is restored, or a replica that lags is
// made the master. What verifiers refused they refuse; what is revoked then is
// refused by them too, though the log begins again at places that they know.
func TestDatabaseIsSetBack(t *testing.T) {
	for name, v := range map[string]vault{
		"SQLite":     sqliteVault{filepath.Join(t.TempDir(), "portaria.db")},
		"PostgreSQL": newPostgresVault(t),
	} {
		t.Run(name, func(t *testing.T) {
			l := newLives(t, v)
			var kept, lost, later person
			var before api.Receipt
			l.live("until the backup", func(e *everywhere) {
				l.follow(e)
				kept, lost, later = e.signUp("kept"), e.signUp("lost"), e.signUp("later")
				e.revokeSession(kept)
				e.eventually("refused", func() bool { return e.revoked(kept) })
			})
			v.backup(t)
			l.live("what the backup does not know", func(e *everywhere) {
				for range 3 {
					before = e.revokeSession(lost)
				}
				e.eventually("refused", func() bool { return e.revoked(lost) })
			})
			v.restore(t)
			l.live("set back", func(e *everywhere) {
				if !e.revoked(kept) || !e.revoked(lost) || e.revoked(later) {
					t.Error("the verifier takes something back")
				}
				// The token knows as much of the log as ever a rule of the
				// first life was given.
				e.eventually("the epoch rises", func() bool { return l.service.Stats().Position>>32 > before.Seq>>32 })
				receipt := e.revokeSession(later)
				if receipt.Seq <= before.Seq {
					t.Errorf("place %d after %d", receipt.Seq, before.Seq)
				}
				e.eventually("what is revoked then is refused", func() bool { return e.revoked(later) })
				e.signIn("later")
				if !e.revoked(kept) || !e.revoked(lost) {
					t.Error("un-revoked")
				}
			})
		})
	}
}
