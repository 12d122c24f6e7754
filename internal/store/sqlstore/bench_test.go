package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/store/sqlstore"
	"github.com/portaria/portaria/internal/testdb"
)

// BenchmarkStore measures the hot paths with durable commits. cpu-µs/op is this
// process's CPU alone: PostgreSQL's server comes on top. tmp is where SQLite's
// file lies, so TMPDIR chooses the disk.
func BenchmarkStore(b *testing.B) {
	durable := map[string]func(testing.TB) string{"SQLite": engines["SQLite"], "PostgreSQL": testdb.DurablePostgres}
	for name, url := range durable {
		b.Run(name, func(b *testing.B) {
			store := open(b, url(b))
			for _, clients := range []int{1, 16, 64} {
				b.Run(fmt.Sprintf("read/%d", clients), func(b *testing.B) { benchmark(b, store, clients, readSession) })
				b.Run(fmt.Sprintf("refresh/%d", clients), func(b *testing.B) { benchmark(b, store, clients, refresh) })
				b.Run(fmt.Sprintf("sign-in/%d", clients), func(b *testing.B) { benchmark(b, store, clients, signIn) })
			}
		})
	}
}

// BenchmarkOpen is what the database adds to a cold start.
func BenchmarkOpen(b *testing.B) {
	for name, url := range engines {
		b.Run(name, func(b *testing.B) {
			existing := url(b)
			open(b, existing)
			for b.Loop() {
				store, err := sqlstore.Open(b.Context(), existing, sqlstore.Options{})
				if err = errors.Join(err, store.Ping(b.Context())); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				store.Close()
				b.StartTimer()
			}
		})
	}
	b.Run("SQLite, first start", func(b *testing.B) {
		for b.Loop() {
			store, err := sqlstore.Open(b.Context(), "sqlite:"+filepath.Join(b.TempDir(), "new.db"), sqlstore.Options{})
			if err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			store.Close()
			b.StartTimer()
		}
	})
}

// client is one of those who use a store at once; each has its own account.
type client struct {
	*testing.B
	store   *sqlstore.Store
	account account.Account
	session session.Session
}

func benchmark(b *testing.B, store *sqlstore.Store, clients int, op func(*client) error) {
	all := make([]*client, clients)
	for i := range all {
		a := someone()
		all[i] = &client{B: b, store: store, account: a, session: deviceOf(a)}
		if err := errors.Join(store.CreateAccount(b.Context(), a), startSession(store, a, all[i].session)); err != nil {
			b.Fatal(err)
		}
	}
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ResetTimer()
	before := cpu(b)
	var group sync.WaitGroup
	for _, c := range all {
		group.Go(func() {
			for left.Add(-1) >= 0 {
				if err := op(c); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	b.ReportMetric(float64(cpu(b)-before)/1e3/float64(b.N), "cpu-µs/op")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
}

func cpu(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func readSession(c *client) error {
	_, err := c.store.Session(c.Context(), c.session.ID)
	return err
}

func refresh(c *client) error {
	s, err := c.store.Session(c.Context(), c.session.ID)
	if err != nil {
		return err
	}
	won, err := c.store.Rotate(c.Context(), session.Rotation{
		ID: s.ID, From: s.Generation, To: s.Generation + 1, Use: session.Use{At: moment, Address: s.Address, UserAgent: s.UserAgent},
		ExpiresAt: s.ExpiresAt,
	})
	if err == nil && !won {
		err = errors.New("not rotated")
	}
	return err
}

func signIn(c *client) error { return startSession(c.store, c.account, deviceOf(c.account)) }

func startSession(store *sqlstore.Store, a account.Account, s session.Session) error {
	_, err := store.StartSession(context.Background(), issue.Start{Session: s, Account: a})
	return err
}

var moment = time.UnixMilli(1_800_000_000_000).UTC()

func someone() account.Account {
	id := uuid.NewString()
	return account.Account{
		ID: id, Identifier: "ana." + id + "@example.org", Canonical: "ana." + id + "@example.org",
		PasswordHash: "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$UgR3dCBhcmUgYSBmaW5lIHRoaW5nIHRvIGhhdmUgaGVyZQ",
		CreatedAt:    moment, PasswordChangedAt: moment,
	}
}

func deviceOf(a account.Account) session.Session {
	return session.Session{
		ID: uuid.NewString(), AccountID: a.ID, ClientID: "web",
		CreatedAt: moment, Proofs: session.Proofs{{Method: "pwd", At: moment}}, UsedAt: moment,
		Address: "2001:db8::1", UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
		Salt: [16]byte{1}, ExpiresAt: moment.Add(time.Hour), AbsoluteExpiry: moment.Add(24 * time.Hour),
	}
}
