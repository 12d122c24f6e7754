package sqlstore_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/store/sqlstore"
)

// Other processes on the same database are played by this test binary, told by
// these variables what to do on which database.
const (
	roleVariable = "SQLSTORE_TEST_ROLE"
	urlVariable  = "SQLSTORE_TEST_URL"
)

// TestOtherProcess is what those processes run.
func TestOtherProcess(t *testing.T) {
	switch os.Getenv(roleVariable) {
	case "create":
		createAccounts(t, open(t, os.Getenv(urlVariable)))
	case "refresh":
		refreshUntilKilled(t, open(t, os.Getenv(urlVariable)))
	}
}

func otherProcess(t *testing.T, role, url string) (*exec.Cmd, io.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestOtherProcess$")
	cmd.Env = append(os.Environ(), roleVariable+"="+role, urlVariable+"="+url)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out
}

const created = 100

func createAccounts(t *testing.T, store *sqlstore.Store) {
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range created / 4 {
				if err := store.CreateAccount(context.Background(), someone()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}

// TestSeveralProcesses writes to a new database from three processes at once,
// as a service and its CLI may.
func TestSeveralProcesses(t *testing.T) {
	for name, fresh := range engines {
		t.Run(name, func(t *testing.T) {
			url := fresh(t)
			first, firstOut := otherProcess(t, "create", url)
			second, secondOut := otherProcess(t, "create", url)
			store := open(t, url)
			createAccounts(t, store)
			for cmd, out := range map[*exec.Cmd]io.Reader{first: firstOut, second: secondOut} {
				text, _ := io.ReadAll(out)
				if err := cmd.Wait(); err != nil {
					t.Errorf("%v: %s", err, text)
				}
			}
			if accounts, err := store.Accounts(t.Context(), account.Page{Limit: 1000}); err != nil || len(accounts) != 3*created {
				t.Errorf("%d accounts, %v", len(accounts), err)
			}
		})
	}
}

// TestAcknowledgedSurvivesKill kills a process in the midst of refreshing many
// sessions, some times over; the store must hold every generation that it
// acknowledged.
func TestAcknowledgedSurvivesKill(t *testing.T) {
	for name, fresh := range engines {
		t.Run(name, func(t *testing.T) {
			url := fresh(t)
			for range 4 {
				acknowledged := refreshAndKill(t, url)
				store := open(t, url)
				for id, generation := range acknowledged {
					s, err := store.Session(t.Context(), id)
					if err != nil || s.Generation < generation {
						t.Errorf("session %s: generation %d of %d acknowledged (%v)", id, s.Generation, generation, err)
					}
				}
			}
		})
	}
}

func refreshAndKill(t *testing.T, url string) map[string]int64 {
	t.Helper()
	cmd, out := otherProcess(t, "refresh", url)
	acknowledged := map[string]int64{}
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		id, text, ok := strings.Cut(lines.Text(), " ")
		generation, err := strconv.ParseInt(text, 10, 64)
		if !ok || err != nil {
			t.Fatalf("the other process said %q", lines.Text())
		}
		acknowledged[id] = max(acknowledged[id], generation)
		if n == 500 {
			cmd.Process.Kill() // what it has said until then is still read
		}
	}
	cmd.Wait()
	if len(acknowledged) == 0 {
		t.Error("nothing was acknowledged")
	}
	return acknowledged
}

func refreshUntilKilled(t *testing.T, store *sqlstore.Store) {
	var mu sync.Mutex // a line is one write, which a kill does not divide
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			a := someone()
			s := deviceOf(a)
			if err := store.CreateAccount(context.Background(), a); err != nil {
				t.Error(err)
				return
			}
			if err := startSession(store, a, s); err != nil {
				t.Error(err)
				return
			}
			for generation := int64(0); ; generation++ {
				won, err := store.Rotate(context.Background(), session.Rotation{
					ID: s.ID, From: generation, To: generation + 1, Use: session.Use{At: moment}, ExpiresAt: s.ExpiresAt,
				})
				if err != nil || !won {
					t.Error(won, err)
					return
				}
				mu.Lock()
				fmt.Printf("%s %d\n", s.ID, generation+1)
				mu.Unlock()
			}
		})
	}
	group.Wait()
}
