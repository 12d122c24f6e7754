package testdb_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/testdb"
)

func TestPostgres(t *testing.T) {
	first, second := testdb.Postgres(t), testdb.Postgres(t)
	run(t, first, "CREATE TABLE seen (id BIGINT)")
	run(t, second, "CREATE TABLE seen (id BIGINT)") // fails if they are one database
}

func TestDatabaseIsDropped(t *testing.T) {
	var gone string
	t.Run("inner", func(t *testing.T) {
		gone = testdb.Postgres(t)
		keepOpen(t, gone)
	})
	db := open(t, gone)
	if err := db.Ping(); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("database after its test: %v", err)
	}
}

func TestDurablePostgres(t *testing.T) {
	var fsync string
	if err := open(t, testdb.DurablePostgres(t)).QueryRow("SHOW fsync").Scan(&fsync); err != nil || fsync != "on" {
		t.Errorf("fsync %q, %v", fsync, err)
	}
}

// TestNothingIsLeft ends a test binary in the middle of a test, in the ways
// that give it least time, and looks for the server's folder.
func TestNothingIsLeft(t *testing.T) {
	if os.Getenv("PORTARIA_TEST_POSTGRES") != "" {
		t.Log("an outside server is used: nothing is started")
		return
	}
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGINT, syscall.SIGQUIT} {
		t.Run(sig.String(), func(t *testing.T) {
			child := exec.Command(os.Args[0], "-test.run=^TestChild$", "-test.v")
			child.Env = append(os.Environ(), "TESTDB_CHILD=1")
			out, err := child.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			folder := announced(t, out)
			if _, err := os.Stat(folder); err != nil {
				t.Fatalf("server's folder: %v", err)
			}
			child.Process.Signal(sig)
			child.Wait()
			awaitRemoval(t, folder)
		})
	}
}

// TestChild is the body of TestNothingIsLeft's child process.
func TestChild(t *testing.T) {
	if os.Getenv("TESTDB_CHILD") == "" {
		return
	}
	u, err := url.Parse(testdb.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("folder %s\n", u.Query().Get("host"))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGUSR2)
	defer stop()
	<-ctx.Done()
}

func announced(t *testing.T, out io.Reader) string {
	t.Helper()
	var word, folder string
	for word != "folder" {
		if _, err := fmt.Fscan(out, &word); err != nil {
			t.Fatalf("child ended early: %v", err)
		}
	}
	if _, err := fmt.Fscan(out, &folder); err != nil {
		t.Fatal(err)
	}
	return folder
}

func awaitRemoval(t *testing.T, folder string) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for {
		if _, err := os.Stat(folder); errors.Is(err, os.ErrNotExist) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s is still there", folder)
		}
	}
}

func open(t *testing.T, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func run(t *testing.T, url, statement string) {
	t.Helper()
	if _, err := open(t, url).Exec(statement); err != nil {
		t.Fatal(err)
	}
}

// keepOpen leaves a connection behind, as a killed program does.
func keepOpen(t *testing.T, url string) {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Ping(); err != nil {
		t.Fatal(err)
	}
}
