package problem_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/password"
	"github.com/portaria/portaria/internal/problem"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/store"
	"github.com/portaria/portaria/internal/token"
)

// silent lists exported errors that never reach a caller of the API, each
// with the reason. Everything else must have a row.
var silent = map[string]string{
	"keyring":               "keys are opened at start-up; later failures are ours",
	"login.ErrScope":        "the token endpoint answers as RFC 6749 has it",
	"login.ErrPower":        "the token endpoint answers as RFC 6749 has it",
	"login.ErrTarget":       "a token.ErrAudience, and answered as one",
	"login.ErrGrantRefused": "the token endpoint answers as RFC 6749 has it",
	"token.ErrAudience":     "the API names the field instead",
	"token.ErrUnknown":      "the doors answer as their RFCs have it",
	"token.ErrClaims":       "a mistake of ours while minting",
	"token.ErrTooLarge":     "a mistake of ours while minting, or login.ErrScope",
	"clients.ErrInvalid":    "the API names the fields instead",
	"webhook.ErrInvalid":    "the API names the field instead",
	"clients.ErrReplayed":   "clients turns it into ErrNotProved",
	"verify.ErrConfig":      "at start-up",
	"verify.ErrDegraded":    "Health returns it, no request",
	"verify.ErrScope":       "Require and Check return it; the service answers by its own routes' rule",
	"verify.ErrNotFresh":    "as verify.ErrScope",
	"verify.ErrForbidden":   "as verify.ErrScope",
	"password.ErrMalformed": "a damaged row is ours to mend",
	"password.ErrMismatch":  "account turns it into ErrNotProved",
	"password.ErrClosed":    "only after the API has stopped",
}

// sameAsInvalid lists what wraps verify.ErrInvalid, and is answered alike.
var sameAsInvalid = map[string]bool{
	"verify.ErrMalformed": true, "verify.ErrType": true, "verify.ErrAlgorithm": true, "verify.ErrKey": true,
	"verify.ErrSignature": true, "verify.ErrDecrypt": true, "verify.ErrClaims": true, "verify.ErrIssuer": true,
	"verify.ErrAudience": true,
}

// folder is where a package lives.
func folder(pkg string) string {
	if pkg == "verify" {
		return "../../verify"
	}
	return filepath.Join("..", pkg)
}

func TestEveryExportedErrorHasARow(t *testing.T) {
	table, err := os.ReadFile("table.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, pkg := range []string{"account", "clients", "login", "password", "session", "store", "token", "keyring", "revoke", "webhook", "verify"} {
		for _, name := range exportedErrors(t, folder(pkg)) {
			found++
			full := pkg + "." + name
			if silent[pkg] != "" || silent[full] != "" || sameAsInvalid[full] {
				continue
			}
			if !strings.Contains(string(table), "{"+full+",") {
				t.Errorf("%s has no row", full)
			}
		}
	}
	if found < 15 {
		t.Fatalf("found only %d exported errors: the search is broken", found)
	}
}

// exportedErrors lists the package-level variables Err… of a folder.
func exportedErrors(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s (%v)", dir, err)
	}
	var names []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(gotoken.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range parsed.Decls {
			names = append(names, errorVars(decl)...)
		}
	}
	return names
}

func errorVars(decl ast.Decl) []string {
	general, ok := decl.(*ast.GenDecl)
	if !ok || general.Tok != gotoken.VAR {
		return nil
	}
	var names []string
	for _, spec := range general.Specs {
		for _, name := range spec.(*ast.ValueSpec).Names {
			if strings.HasPrefix(name.Name, "Err") {
				names = append(names, name.Name)
			}
		}
	}
	return names
}

func TestWrappedErrorsKeepTheirRow(t *testing.T) {
	a := problem.Of(fmt.Errorf("refresh: %w", session.ErrEnded))
	if a.Status != http.StatusUnauthorized || a.Code != "session_ended" || a.Unexpected {
		t.Fatalf("%+v", a)
	}
}

func TestUnknownErrorsSayNothing(t *testing.T) {
	a := problem.Of(errors.New("pq: password authentication failed for user admin"))
	if a.Status != http.StatusInternalServerError || !a.Unexpected || strings.Contains(string(a.Encode()), "pq:") {
		t.Fatalf("%s", a.Encode())
	}
}

func TestHeaders(t *testing.T) {
	h := http.Header{}
	problem.Of(&password.BusyError{RetryAfter: 1500 * time.Millisecond}).WriteHeaders(h)
	if h.Get("Retry-After") != "2" || h.Get("Content-Type") != "application/problem+json" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("%v", h)
	}
	h = http.Header{}
	problem.Of(problem.InsufficientScope("a:b")).WriteHeaders(h)
	if h.Get("WWW-Authenticate") != `Bearer error="insufficient_scope", scope="a:b"` {
		t.Errorf("%v", h)
	}
}

func TestADatabaseThatIsNotThere(t *testing.T) {
	a := problem.Of(fmt.Errorf("find session: %w: dial tcp 10.0.0.1: refused", store.ErrUnavailable))
	if a.Status != http.StatusServiceUnavailable || a.RetryAfter == 0 || !a.Unexpected || strings.Contains(string(a.Encode()), "10.0.0.1") {
		t.Fatalf("%+v", a)
	}
}

func TestEvery503SaysWhenToComeBack(t *testing.T) {
	// A key was killed a moment ago: another one signs in the next.
	if a := problem.Of(keyring.ErrNoActiveKey); a.Status != http.StatusServiceUnavailable || a.RetryAfter == 0 {
		t.Errorf("no key to sign with: %+v", a)
	}
	if a := problem.Of(token.ErrNoEncryptionKey); a.Status != http.StatusServiceUnavailable || a.RetryAfter == 0 || a.Unexpected {
		t.Fatalf("%+v", a)
	}
}

func TestACallerWhoHasGoneIsNoFaultOfOurs(t *testing.T) {
	if a := problem.Of(fmt.Errorf("find session: %w", context.Canceled)); a.Status != 499 || a.Unexpected {
		t.Fatalf("%+v", a)
	}
}

func TestFieldNamesAndNumberAreBounded(t *testing.T) {
	fields := make([]api.ProblemField, 1000)
	for i := range fields {
		fields[i] = api.ProblemField{Field: strings.Repeat("é", 1000), Detail: "unknown field"}
	}
	a := problem.Of(problem.Fields(fields...))
	if len(a.Errors) != 16 || len([]rune(a.Errors[0].Field)) > 65 {
		t.Fatalf("%d fields, the first of %d characters", len(a.Errors), len([]rune(a.Errors[0].Field)))
	}
	var p api.Problem
	if err := json.Unmarshal(a.Encode(), &p); err != nil || p.Status != 422 {
		t.Fatalf("%v %+v", err, p)
	}
}
