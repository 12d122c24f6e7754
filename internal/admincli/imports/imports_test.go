package imports_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/client"
	"github.com/portaria/portaria/internal/admincli/imports"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/cli"
)

// lossy forwards to a service, and loses the answers of some requests: the service
// has done what was asked, and the caller does not know.
type lossy struct {
	*httptest.Server
	lose atomic.Bool
}

func lossyProxy(t *testing.T, to string) *lossy {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	l, proxy := &lossy{}, httputil.NewSingleHostReverseProxy(target)
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !l.lose.Load() {
			proxy.ServeHTTP(w, r)
			return
		}
		proxy.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(l.Close)
	return l
}

func file(t *testing.T, lines int) string {
	t.Helper()
	var text bytes.Buffer
	for i := range lines {
		fmt.Fprintf(&text, "{\"identifier\":\"user %d\",\"id\":%d}\n", i, i)
	}
	path := filepath.Join(t.TempDir(), "users.jsonl")
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

type result struct{ Imported, Present, Refused, Irregular int }

func run(t *testing.T, a *apptest.App, url string, c imports.Command) (out result, stderr string, err error) {
	t.Helper()
	var stdout, errs bytes.Buffer
	call := &cli.Call{Context: t.Context(), Surroundings: cli.Surroundings{Stdout: &stdout, Stderr: &errs}, Globals: &cli.Globals{JSON: true}}
	c.Wrap = "weak"
	err = c.RunWith(call, func() (*client.Client, error) {
		return client.New(url, http.DefaultClient).WithToken(a.AdminToken()), nil
	})
	if stdout.Len() > 0 {
		if err := json.Unmarshal(stdout.Bytes(), &out); err != nil {
			t.Fatal(err)
		}
	}
	return out, errs.String(), err
}

func accounts(t *testing.T, a *apptest.App) int {
	t.Helper()
	n, cursor := 0, ""
	for {
		page, err := a.Admin().Accounts(t.Context(), api.AccountPage{Page: api.Page{Cursor: cursor, Limit: api.MaxPage}})
		if err != nil {
			t.Fatal(err)
		}
		if n, cursor = n+len(page.Accounts), page.NextCursor; cursor == "" {
			return n
		}
	}
}

// An import that was stopped goes on, also when the last answer was lost: no account
// is missing, doubled or refused.
func TestImportGoesOn(t *testing.T) {
	a := apptest.Start(t)
	proxy, path := lossyProxy(t, a.URL), file(t, 700)
	proxy.lose.Store(true)
	if _, _, err := run(t, a, proxy.URL, imports.Command{File: path}); err == nil || !strings.Contains(err.Error(), "stopped after entry 0; run the same command again") {
		t.Fatalf("a lost answer: %v", err)
	}
	first := accounts(t, a)
	if first == 0 || first == 700 {
		t.Fatalf("%d accounts were imported before the answer was lost", first)
	}
	proxy.lose.Store(false)
	got, stderr, err := run(t, a, proxy.URL, imports.Command{File: path})
	if want := (result{700 - first, first, 0, 700}); err != nil || got != want {
		t.Errorf("%+v, want %+v; %v %s", got, want, err, stderr)
	}
	if n := accounts(t, a); n != 700 {
		t.Errorf("%d accounts", n)
	}
	if _, err := os.Stat(path + ".import"); !os.IsNotExist(err) {
		t.Errorf("the note is still there: %v", err)
	}
}

// Collisions are found across requests in a dry run, where nothing is written.
func TestDryRunFindsCollisions(t *testing.T) {
	a := apptest.Start(t)
	path := file(t, 600)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(text, []byte(`{"identifier":"USER 3"}`)...), 0o600); err != nil {
		t.Fatal(err)
	}
	got, stderr, err := run(t, a, a.URL, imports.Command{File: path, DryRun: true})
	if want := (result{600, 0, 1, 600}); err == nil || got != want || !strings.Contains(stderr, "entry 601: identifier_taken: identifier is that of entry 4\n") {
		t.Errorf("%+v, want %+v; %v %s", got, want, err, stderr)
	}
	if n := accounts(t, a); n != 0 {
		t.Errorf("a dry run made %d accounts", n)
	}
}

// Few refusals are printed; the report has all.
func TestRefusalsAreListed(t *testing.T) {
	a := apptest.Start(t)
	path := filepath.Join(t.TempDir(), "users.jsonl")
	if err := os.WriteFile(path, []byte(strings.Repeat("{}\n", 50)+`{"identifier":"ok"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	report := filepath.Join(t.TempDir(), "report")
	got, stderr, err := run(t, a, a.URL, imports.Command{File: path, Report: report})
	if want := (result{1, 0, 50, 0}); err == nil || got != want || strings.Count(stderr, "entry_invalid") != 20 || !strings.Contains(stderr, "30 more are not shown") {
		t.Errorf("%+v, want %+v; %v %s", got, want, err, stderr)
	}
	text, err := os.ReadFile(report)
	if err != nil || strings.Count(string(text), "\n") != 50 {
		t.Errorf("report: %s, %v", text, err)
	}
}
