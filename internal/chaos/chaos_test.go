package main

import (
	"cmp"
	"context"
	"database/sql"
	"os"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/portaria/portaria/internal/testdb"
)

// TestChaos: under kill -9 of issuers, verifiers and the database, under cut,
// stalled and slow networks, no acknowledged revocation is missed, and none is
// late. PORTARIA_TEST_CHAOS is how long it goes on.
func TestChaos(t *testing.T) {
	length, err := time.ParseDuration(cmp.Or(os.Getenv("PORTARIA_TEST_CHAOS"), "60s"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chdir("../.."); err != nil {
		t.Fatal(err)
	}
	url := testdb.DurablePostgres(t)
	p := plan{length: length, folder: t.TempDir(), postgres: url, crash: func() error { return crashPostgres(t.Context(), url) }, out: os.Stdout}
	if err := p.run(t.Context()); err != nil {
		t.Error(err)
	}
}

// crashPostgres kills the process behind a connection: PostgreSQL then takes
// its memory to be broken, drops everybody and recovers from its log, as after
// a power cut.
func crashPostgres(ctx context.Context, url string) error {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return err
	}
	defer db.Close()
	var pid int
	if err := db.QueryRowContext(ctx, "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		return err
	}
	return syscall.Kill(pid, syscall.SIGKILL)
}
