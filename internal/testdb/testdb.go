// Package testdb gives each test a PostgreSQL database of its own, on a server
// that the test binary starts when the first test asks for one. The server
// listens on a Unix socket in a private folder only, and is gone with the
// binary, however that ends.
//
// PORTARIA_TEST_POSTGRES, a URL of an administrator, names a running server to
// use instead (to try another version of PostgreSQL).
package testdb

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the "pgx" driver
)

// variable names a server to use instead of starting one.
const variable = "PORTARIA_TEST_POSTGRES"

// The servers of this test binary, started at most once each. They are globals because
// go test offers packages nothing else that outlives one test.
var (
	quick   = sync.OnceValues(func() (*server, error) { return start("-c", "fsync=off", "-c", "full_page_writes=off") })
	durable = sync.OnceValues(func() (*server, error) { return start() })
)

// Postgres returns the URL of a new, empty database that is dropped when the
// test ends. Its server does not sync to disk: what it holds outlives crashes
// of the program under test, not of the machine. When PostgreSQL is not
// installed the test fails.
func Postgres(t testing.TB) string {
	t.Helper()
	return database(t, quick)
}

// DurablePostgres is Postgres with a server that syncs to disk as it would in
// production, for measuring.
func DurablePostgres(t testing.TB) string {
	t.Helper()
	return database(t, durable)
}

// OwnPostgres returns the URL of the administrator of a PostgreSQL server that only
// this test uses, and that ends with it. The test may change settings of the whole
// server.
func OwnPostgres(t testing.TB) string {
	t.Helper()
	server, err := start("-c", "fsync=off", "-c", "full_page_writes=off")
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	t.Cleanup(func() { _ = server.lifeline.Close() })
	return server.admin
}

func database(t testing.TB, begin func() (*server, error)) string {
	t.Helper()
	admin := os.Getenv(variable)
	if admin == "" {
		server, err := begin()
		if err != nil {
			t.Fatalf("start PostgreSQL: %v", err)
		}
		admin = server.admin
	}
	name := "portaria_test_" + strings.ToLower(rand.Text())
	execute(t, admin, "CREATE DATABASE "+name)
	t.Cleanup(func() {
		// FORCE, because a killed program's connections may linger.
		execute(t, admin, "DROP DATABASE "+name+" WITH (FORCE)")
	})
	u, err := url.Parse(admin)
	if err != nil {
		t.Fatalf("read %s: %v", variable, err)
	}
	u.Path = "/" + name
	return u.String()
}

func execute(t testing.TB, admin, statement string) {
	t.Helper()
	db, err := sql.Open("pgx", admin)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	// Not the test's context: it is over when the database is dropped.
	if _, err := db.ExecContext(context.Background(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}
