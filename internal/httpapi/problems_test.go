package httpapi

import (
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/internal/httpapi/oauth"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/password"
	"github.com/portaria/portaria/internal/problem"
	"github.com/portaria/portaria/internal/store"
	"github.com/portaria/portaria/internal/token"
)

// withoutRow lists exported errors that never reach a caller of the API, each
// with the reason. Everything else must have a row.
var withoutRow = map[string]string{
	"keyring":               "keys are opened at start-up; later failures are ours",
	"account.ErrCredential": "no route adds another credential than a password",
	"account.ErrAttributes": "no route sets attributes",
	"account.ErrPresent":    "an import reports it for each account",
	"account.ErrID":         "an import reports it for each account",
	"account.ErrIDTaken":    "an import reports it for each account",
	"account.ErrLink":       "no route adds links",
	"account.ErrLinkTaken":  "no route adds links",
	"flow":                  "no route begins a flow",
	"issue.ErrScope":        "the token endpoint answers as RFC 6749 has it",
	"issue.ErrPower":        "the token endpoint answers as RFC 6749 has it",
	"issue.ErrTarget":       "a token.ErrAudience, and answered as one",
	"token.ErrAudience":     "the API names the field instead",
	"token.ErrUnknown":      "the routes of OAuth answer as their RFCs have it",
	"token.ErrClaims":       "a mistake of ours while minting",
	"token.ErrTooLarge":     "a mistake of ours while minting, or issue.ErrScope",
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
	"password.ErrSlow":      "a command reports it",
	"password.ErrClosed":    "only after the API has stopped",
}

// sameAsInvalid lists the errors that wrap verify.ErrInvalid and get its answer.
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
	table := strings.Builder{}
	files, err := filepath.Glob("*/problems.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		table.Write(text)
	}
	found := 0
	for _, pkg := range []string{"account", "clients", "issue", "signin", "flow", "password", "session", "store", "token", "keyring", "revoke", "webhook", "verify"} {
		for _, name := range exportedErrors(t, folder(pkg)) {
			found++
			full := pkg + "." + name
			if withoutRow[pkg] != "" || withoutRow[full] != "" || sameAsInvalid[full] {
				continue
			}
			if !strings.Contains(table.String(), "{Err: "+full+",") && !strings.Contains(table.String(), "("+full+"),") {
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

// TestWhatPassesIs503: what passes by itself is no 500, and says when to come back.
func TestWhatPassesIs503(t *testing.T) {
	for _, err := range []error{keyring.ErrNoActiveKey, keyring.ErrStale, token.ErrNoEncryptionKey, token.ErrUndecided, store.ErrUnavailable, &password.BusyError{After: 2e9}} {
		a := Problems().Of(fmt.Errorf("wrapped: %w", err))
		if a.Status != http.StatusServiceUnavailable || a.RetryAfter == 0 || a.Unexpected != errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%v: %+v", err, a)
		}
	}
}

// A caller learns from each problem what failed and what to do.
func TestProblemsSayWhatToDo(t *testing.T) {
	for _, r := range Problems().Rows() {
		if !strings.HasSuffix(r.Title, ".") || !strings.HasSuffix(r.Detail, ".") {
			t.Errorf("%s: title %q and detail %q must be sentences", r.Code, r.Title, r.Detail)
		}
	}
}

// Two rows of one error, or two statuses of one code, would contradict each other.
func TestProblemsDoNotContradict(t *testing.T) {
	status, known := map[string]int{}, map[error]bool{}
	for _, r := range Problems().Rows() {
		if other, ok := status[r.Code]; ok && other != r.Status {
			t.Errorf("%s: statuses %d and %d", r.Code, other, r.Status)
		}
		if r.Err != nil && known[r.Err] {
			t.Errorf("%s: a second row for %v", r.Code, r.Err)
		}
		status[r.Code], known[r.Err] = r.Status, true
	}
}

// TestOAuthCodes: the documents have each code that the OAuth routes return, and no other.
func TestOAuthCodes(t *testing.T) {
	var listed []string
	for _, c := range oauth.Codes() {
		listed = append(listed, c.Code)
	}
	slices.Sort(listed)
	if diff := cmp.Diff(codesIn(t, "oauth/*.go"), listed); diff != "" {
		t.Error(diff)
	}
}

// codesIn returns the codes of problems and OAuth errors in source files, sorted.
func codesIn(t *testing.T, pattern string) (codes []string) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile(`(?:Code: |invalidClient = |grant = )"([a-z_]+)"`)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range code.FindAllStringSubmatch(string(text), -1) {
			codes = append(codes, found[1])
		}
	}
	if len(codes) == 0 {
		t.Fatalf("no code in %s: the search is broken", pattern)
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// onlyVerify are the codes of package verify that the service itself does not have.
const onlyVerify = "| `forbidden` | 403 | The access token does not allow this. | Use an account or a client with the permission. |\n" +
	"| `invalid_request` | 400 | The request has more than one access token, or cannot be read. | Send one access token: in the header Authorization, or in the cookie. |\n"

const problemsPage = "../../docs/reference/problems.md"

// TestGeneratedProblems fails when docs/reference/problems.md is older than the rows.
func TestGeneratedProblems(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Problems\n\nMade by `go generate`; do not edit.\n\n" +
		"An error is answered with a problem (RFC 9457, `application/problem+json`). Decide by `code`, which is stable; `title` and\n" +
		"`detail` are for people. `request_id` finds the request in the log. A 503 has `Retry-After`. The routes below `/oauth2`\n" +
		"answer with `error` and `error_description` (RFC 6749) instead: see the end of this page.\n\n" +
		"| code | status | what failed | what to do |\n|---|---|---|---|\n")
	rows := Problems().Rows()
	slices.SortStableFunc(rows, func(a, b problem.Row) int { return strings.Compare(a.Code, b.Code) })
	written := map[string]bool{}
	for _, r := range rows {
		line := fmt.Sprintf("| `%s` | %d | %s | %s |\n", r.Code, r.Status, r.Title, r.Detail)
		if !written[line] {
			b.WriteString(line)
		}
		written[line] = true
	}
	b.WriteString("\n## Problems of your services\n\nA service with the package `verify` answers with the codes about access tokens above, and with these:\n\n" +
		"| code | status | what failed | what to do |\n|---|---|---|---|\n" + onlyVerify)
	for _, code := range codesIn(t, "../../verify/*.go") {
		if !strings.Contains(b.String(), "| `"+code+"` |") {
			t.Errorf("package verify answers %s, which the page does not have", code)
		}
	}
	b.WriteString("\n## Errors of OAuth\n\nThe status is 400, and 401 with `invalid_client` if the client authenticated in the header.\n\n" +
		"| error | what failed | what to do |\n|---|---|---|\n")
	for _, c := range oauth.Codes() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", c.Code, c.Reason, c.Advice)
	}
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(problemsPage, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(problemsPage)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b.String(), string(got)); diff != "" {
		t.Errorf("%s is outdated; run `make generate`:\n%s", problemsPage, diff)
	}
}
