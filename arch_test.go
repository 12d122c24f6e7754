// Package portaria_test holds the rules of the house as tests: which package
// may know which other, and a few habits that reviews would otherwise have to
// repeat. It parses the files itself, because a test that runs `go list` stays
// green from the test cache after the files have changed.
package portaria_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const module = "github.com/portaria/portaria"

// rule is one row of the import table in docs/architecture.md.
type rule struct {
	imports []string // of this module; "..." allows anything
	domain  bool     // knows neither net/http nor database/sql; of log/slog only how to print a secret
	joseLib bool     // may import the JOSE library
	testing bool     // exists for tests: only tests and packages with this mark import it
}

var domain = []string{
	"internal/account", "internal/clients", "internal/event", "internal/flow", "internal/guard", "internal/issue", "internal/jose", "internal/keyring",
	"internal/password", "internal/revoke", "internal/revoke/fleet", "internal/revoke/rule", "internal/session", "internal/signin", "internal/token",
}

// table says what each package may import. Arrows point down; change a row and
// the code in one commit that gives the reason, never by exception.
func table() map[string]rule {
	anything := []string{"..."}
	hidden := []string{"internal/secret"}
	http := append([]string{"api", "internal/feed", "internal/problem", "internal/serve", "internal/store", "internal/webhook", "verify"}, domain...)
	// What every room of the API needs to know its callers.
	admission := []string{"api", "internal/account", "internal/clients", "internal/endpoint", "internal/event", "internal/issue", "internal/problem",
		"internal/revoke", "internal/revoke/rule", "internal/serve", "internal/session"}
	admission = slices.Clip(admission)
	return map[string]rule{
		"api":    {},
		"verify": {imports: []string{"api", "internal/background", "internal/jose", "internal/problem", "internal/strictjson"}, joseLib: true},
		// Its rooms: the errors that they share, and the reading of claims.
		"verify/internal/refusal":  {domain: true},
		"verify/internal/payload":  {imports: []string{"internal/jose", "verify/internal/refusal", "internal/strictjson"}, domain: true},
		"verify/internal/keyset":   {imports: []string{"internal/background", "internal/jose", "verify/internal/payload", "verify/internal/refusal", "internal/strictjson"}},
		"verify/internal/view":     {imports: []string{"api", "internal/background", "internal/revoke/rule", "internal/skew", "verify/internal/refusal", "verify/internal/rules"}},
		"verify/internal/follow":   {imports: []string{"api", "internal/background", "internal/feed", "internal/jose", "verify/internal/refusal", "verify/internal/rules", "verify/internal/upstream", "verify/internal/view"}},
		"verify/internal/upstream": {imports: []string{"api"}},
		"verify/internal/rules":    {imports: []string{"api", "internal/revoke/rule"}, domain: true},
		// Both sides of the feed's wire format: the issuer, relays and verifiers.
		"internal/feed": {imports: []string{"api", "internal/problem"}},
		// The test issuer signs as the real one does, with the guard's keys.
		"verify/verifytest": {imports: []string{"api", "verify", "internal/feed", "verify/internal/rules", "internal/jose", "internal/revoke/rule"}, testing: true},
		"client":            {imports: []string{"api"}},

		// The answers of RFC 9457, for the service and for verify.
		"internal/problem": {imports: []string{"api"}},
		// JSON of tokens and of requests is read in one way.
		"internal/strictjson": {domain: true},
		"internal/secret":     {domain: true},
		"internal/publickey":  {domain: true},
		"internal/skew":       {domain: true},
		// What runs beside requests, and what a panic there becomes.
		"internal/background": {},
		// No secret of any kind may be a public key: the guard checks each.
		"internal/jose":            {imports: []string{"internal/secret", "internal/publickey", "internal/strictjson"}, domain: true, joseLib: true},
		"internal/password":        {imports: hidden, domain: true},
		"internal/password/legacy": {domain: true},
		"internal/password/policy": {imports: []string{"internal/password"}, domain: true},
		// It asks a service over HTTP, for package policy, which must not.
		"internal/password/breach":          {imports: []string{"internal/outbound", "internal/password", "internal/password/policy"}},
		"internal/password/policy/makelist": {imports: []string{"internal/password/policy"}},
		"internal/flow":                     {imports: hidden, domain: true},
		"internal/guard":                    {domain: true},
		"internal/guard/guardtest":          {imports: []string{"internal/guard"}, testing: true},
		"internal/session":                  {imports: hidden, domain: true},
		"internal/event":                    {domain: true},
		// A client's keys are read, and what it signs with them is a JWT.
		"internal/clients":           {imports: []string{"internal/clients/redirect", "internal/secret", "internal/jose", "internal/strictjson"}, domain: true},
		"internal/clients/redirect":  {domain: true},
		"internal/keyfile":           {imports: []string{"internal/secret", "internal/jose", "internal/publickey", "internal/strictjson"}, domain: true},
		"internal/keyring/masterkey": {imports: []string{"internal/secret"}, domain: true},
		"internal/keyring":           {imports: []string{"internal/secret", "internal/jose", "internal/keyring/masterkey"}, domain: true, joseLib: true},
		"internal/token":             {imports: []string{"internal/secret", "internal/keyring", "internal/jose", "internal/strictjson"}, domain: true, joseLib: true},
		"internal/account":           {imports: []string{"internal/password", "internal/password/legacy", "internal/password/policy", "internal/secret", "internal/strictjson"}, domain: true},
		// A verifier imports rule alone: what a rule is, and its hash.
		"internal/revoke/rule":  {domain: true},
		"internal/revoke/fleet": {imports: []string{"api", "internal/revoke/rule"}, domain: true},
		"internal/revoke":       {imports: []string{"internal/event", "internal/revoke/rule"}, domain: true},
		"internal/issue": {imports: []string{"internal/account", "internal/clients", "internal/event", "internal/session",
			"internal/token"}, domain: true},
		"internal/signin": {imports: []string{"internal/account", "internal/event", "internal/guard", "internal/issue",
			"internal/password", "internal/session"}, domain: true},

		"internal/mail":    {},
		"internal/captcha": {},
		"internal/serve":   {imports: []string{"api", "internal/problem"}},
		// The HTTP client for addresses that others choose.
		"internal/outbound": {},
		// It follows key sets over HTTP, for package token, which must not.
		"internal/recipient": {imports: []string{"internal/jose", "internal/outbound", "internal/token"}},
		// The secret types are for what it signs with.
		"internal/webhook": {imports: []string{"internal/background", "internal/event", "internal/secret"}},
		// What is sent, and how one attempt is sent. They know no subscriptions.
		"internal/webhook/message": {imports: []string{"internal/event", "internal/secret"}},
		"internal/webhook/push":    {imports: []string{"internal/outbound", "internal/webhook/message"}},

		"internal/pgurl":                {domain: true},
		"internal/store":                {domain: true},
		"internal/store/sqlstore":       {imports: append([]string{"internal/background", "internal/pgurl", "internal/secret", "internal/store", "internal/store/sqlstore/turn", "internal/webhook", "internal/webhook/push"}, domain...)},
		"internal/store/sqlstore/turn":  {},
		"internal/store/sqlstore/query": {},
		"internal/store/redisstore":     {imports: []string{"internal/guard"}},
		"internal/store/storetest":      {imports: append([]string{"internal/secret", "internal/testdb", "internal/webhook", "internal/webhook/push"}, domain...), testing: true},

		// The service verifies its own tokens as everyone else does.
		// The HTTP kit knows nothing of the domain.
		"internal/endpoint": {imports: []string{"api", "internal/problem", "internal/strictjson"}},
		// The list of all routes, and what no single room can decide.
		"internal/httpapi": {imports: []string{"api", "internal/endpoint", "internal/event", "internal/httpapi/access", "internal/httpapi/admin",
			"internal/httpapi/feed", "internal/httpapi/oauth", "internal/httpapi/people", "internal/jose", "internal/keyring", "internal/problem", "internal/serve"}},
		"internal/httpapi/access": {imports: append(admission, "internal/store", "internal/token", "verify")},
		"internal/httpapi/people": {imports: append(admission, "internal/guard", "internal/httpapi/access", "internal/keyring", "internal/password", "internal/password/policy", "internal/signin", "internal/token", "verify")},
		"internal/httpapi/oauth":  {imports: append(admission, "internal/httpapi/access", "internal/token")},
		"internal/httpapi/feed":   {imports: append(admission, "internal/feed", "internal/httpapi/access", "internal/keyring", "internal/revoke/fleet")},
		// An administrator sees accounts and sessions as people see their own.
		"internal/httpapi/admin": {imports: append(admission, "internal/guard", "internal/httpapi/access", "internal/httpapi/people", "internal/signin", "internal/password", "internal/password/legacy", "internal/webhook",
			"internal/webhook/message")},
		"internal/webui":   {imports: http},
		"internal/gateway": {imports: []string{"api", "internal/serve", "verify"}},
		"internal/config":  {imports: append([]string{"internal/keyring/masterkey", "internal/outbound", "internal/password/policy", "internal/pgurl", "internal/secret"}, domain...)},
		// It reads structs of any package, and knows none of them.
		"internal/config/setting":  {imports: []string{"internal/config/suggest", "internal/config/yamlfile"}, domain: true},
		"internal/config/suggest":  {domain: true},
		"internal/config/yamlfile": {domain: true},

		"internal/jose/josetest": {imports: []string{"internal/jose"}, testing: true},

		"internal/app":         {imports: anything},
		"internal/app/apptest": {imports: anything, testing: true},
		// The service as a verifier of its own tokens.
		"internal/app/counting":   {imports: []string{"internal/guard", "internal/store/redisstore"}},
		"internal/app/selfverify": {imports: []string{"api", "internal/httpapi/access", "internal/jose", "internal/keyring", "internal/token", "verify"}},
		"internal/testdb":         {testing: true},
		"internal/bench":          {imports: anything, testing: true},
		"internal/mutants":        {testing: true},
		"internal/chaos":          {imports: []string{"api", "client", "verify", "internal/jose", "internal/testdb", "internal/strictjson"}, testing: true},
		"internal/cli":            {imports: []string{"api", "client", "internal/app", "internal/config", "internal/password"}},
		"internal/cli/clitest":    {imports: []string{"internal/cli"}, testing: true},
		// The commands for keys and tokens work without a service, on files:
		// they are a face of jose, keyfile and keyring as the API is one of signin and issue.
		"internal/workbench":           {imports: []string{"internal/cli", "internal/config", "internal/jose", "internal/strictjson"}},
		"internal/workbench/keysource": {imports: []string{"internal/cli", "internal/jose", "internal/keyfile", "internal/keyring", "internal/strictjson", "internal/workbench/refusal"}},
		"internal/workbench/refusal":   {imports: []string{"internal/cli", "internal/jose", "internal/keyfile"}},
		"internal/keycli":              {imports: []string{"api", "internal/app", "internal/cli", "internal/config", "internal/jose", "internal/keyfile", "internal/keyring", "internal/workbench/keysource"}},
		"internal/admincli":            {imports: []string{"api", "client", "internal/app", "internal/cli", "internal/config", "internal/jose", "internal/keycli", "internal/strictjson"}},
		"internal/admincli/imports":    {imports: []string{"api", "client", "internal/admincli/exports", "internal/cli"}},
		"internal/admincli/exports":    {imports: []string{"api"}},
		"cmd/portaria": {imports: []string{"api", "internal/admincli", "internal/app", "internal/cli", "internal/config", "internal/keycli", "internal/password", "internal/problem",
			"internal/serve", "internal/workbench"}},
	}
}

func TestArchitecture(t *testing.T) {
	for _, problem := range violations(readSources(t, ".")) {
		t.Error(problem)
	}
}

// readSources returns every Go file of the module, by its path.
func readSources(t *testing.T, root string) map[string]string {
	t.Helper()
	sources := map[string]string{}
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && name != "." && ignored(root, name) {
			return fs.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		text, err := os.ReadFile(path.Join(root, name))
		sources[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sources
}

// ignored reports whether the go command would skip a folder: by its name, or because
// it is a module of its own.
func ignored(root, folder string) bool {
	name := path.Base(folder)
	_, err := os.Stat(path.Join(root, folder, "go.mod"))
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") ||
		name == "testdata" || name == "node_modules" || err == nil
}

// violations returns the broken rules of a set of files, sorted.
func violations(sources map[string]string) []string {
	var found []string
	documented := map[string]bool{}
	for name, text := range sources {
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			found = append(found, err.Error())
			continue
		}
		pkg := path.Dir(name)
		isTest := strings.HasSuffix(name, "_test.go")
		if !isTest || pkg == "." {
			documented[pkg] = documented[pkg] || hasPackageComment(file)
		}
		found = append(found, checkImports(name, file, isTest)...)
		found = append(found, checkHabits(name, file, isTest)...)
	}
	for pkg, ok := range documented {
		if _, listed := table()[pkg]; !listed && pkg != "." {
			found = append(found, pkg+": not in the import table of arch_test.go")
		}
		if !ok {
			found = append(found, pkg+": no package comment")
		}
	}
	slices.Sort(found)
	return found
}

func hasPackageComment(file *ast.File) bool {
	doc := file.Doc.Text()
	return strings.HasPrefix(doc, "Package "+file.Name.Name+" ") ||
		file.Name.Name == "main" && strings.HasPrefix(doc, "Command ")
}

func checkImports(name string, file *ast.File, isTest bool) []string {
	var found []string
	row := table()[path.Dir(name)]
	for _, spec := range file.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		if why := forbidden(path.Dir(name), row, imported, isTest); why != "" {
			found = append(found, fmt.Sprintf("%s: imports %s: %s", name, imported, why))
		}
	}
	return found
}

// forbidden gives the reason why pkg may not import a package, or "". Tests may
// reach for any package: the compiler already forbids what would be circular.
func forbidden(pkg string, row rule, imported string, isTest bool) string {
	if isTest {
		return ""
	}
	if own, ok := strings.CutPrefix(imported, module+"/"); ok {
		return forbiddenOwn(pkg, row, own)
	}
	switch {
	case strings.HasPrefix(imported, "github.com/go-jose/") && !row.joseLib:
		return "only jose, keyring, token and verify know the JOSE library"
	case row.domain && (imported == "net/http" || imported == "database/sql"):
		return "a domain package knows neither HTTP nor SQL"
	case row.domain && imported == "log":
		return "a domain package does not log"
	case imported == "testing" && !row.testing:
		return "testing belongs into tests"
	}
	return ""
}

func forbiddenOwn(pkg string, row rule, own string) string {
	switch {
	case table()[own].testing && !row.testing:
		return "it exists for tests"
	case slices.Contains(row.imports, "..."), slices.Contains(row.imports, own):
		return ""
	case strings.HasPrefix(own, pkg+"/"): // its own parts
		return ""
	}
	return "not in its row of the import table"
}

// checkHabits finds init functions, and tests that wait for the wall clock.
func checkHabits(name string, file *ast.File, isTest bool) []string {
	var found []string
	ast.Inspect(file, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.FuncDecl:
			if n.Name.Name == "init" && n.Recv == nil {
				found = append(found, name+": has an init function")
			}
		case *ast.CallExpr:
			// Inside a synctest bubble, Sleep only moves the virtual clock.
			if isCall(n, "synctest", "Test") {
				return false
			}
			if isTest && isCall(n, "time", "Sleep") {
				found = append(found, name+": sleeps; wait for the event, or use testing/synctest")
			}
		case *ast.SelectorExpr:
			if logs(n) && !isTest && table()[path.Dir(name)].domain {
				found = append(found, name+": slog."+n.Sel.Name+": a domain package does not log")
			}
		}
		return true
	})
	return found
}

// logs reports the use of a name of log/slog, other than what a type needs to
// say how it is logged by others.
func logs(name *ast.SelectorExpr) bool {
	ident, ok := name.X.(*ast.Ident)
	return ok && ident.Name == "slog" && !slices.Contains([]string{"LogValuer", "Value", "StringValue", "GroupValue"}, name.Sel.Name)
}

func isCall(call *ast.CallExpr, pkg, function string) bool {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || selector.Sel.Name != function {
		return false
	}
	ident, ok := selector.X.(*ast.Ident)
	return ok && ident.Name == pkg
}

// TestArchitectureChecker feeds the checker files that break one rule each.
func TestArchitectureChecker(t *testing.T) {
	const own = `"github.com/portaria/portaria/`
	tests := map[string]struct {
		file, text string
		want       []string
	}{
		"clean":       {"internal/token/t.go", "// Package token is.\npackage token\nimport _ " + own + `internal/jose"`, nil},
		"anything":    {"internal/app/a.go", "// Package app is.\npackage app\nimport _ " + own + `internal/httpapi"`, nil},
		"command":     {"cmd/portaria/main.go", "// Command portaria is.\npackage main", nil},
		"own part":    {"internal/store/sqlstore/s.go", "// Package sqlstore is.\npackage sqlstore\nimport _ " + own + `internal/store/sqlstore/query"`, nil},
		"bubble":      {"internal/session/s_test.go", "package session_test\nfunc f() { synctest.Test(t, func() { time.Sleep(1) }) }", nil},
		"test import": {"internal/session/s_test.go", "package session_test\nimport _ " + own + `internal/testdb"`, nil},
		"unlisted":    {"internal/util/u.go", "// Package util is.\npackage util", []string{"internal/util: not in the import table of arch_test.go"}},
		"upward": {"internal/session/s.go", "// Package session is.\npackage session\nimport _ " + own + `internal/signin"`,
			[]string{"internal/session/s.go: imports github.com/portaria/portaria/internal/signin: not in its row of the import table"}},
		"test package": {"internal/app/a.go", "// Package app is.\npackage app\nimport _ " + own + `internal/testdb"`,
			[]string{"internal/app/a.go: imports github.com/portaria/portaria/internal/testdb: it exists for tests"}},
		"JOSE library": {"internal/httpapi/a.go", "// Package httpapi is.\npackage httpapi\nimport _ \"github.com/go-jose/go-jose/v4\"",
			[]string{"internal/httpapi/a.go: imports github.com/go-jose/go-jose/v4: only jose, keyring, token and verify know the JOSE library"}},
		"HTTP in a domain": {"internal/signin/l.go", "// Package signin is.\npackage signin\nimport _ \"net/http\"",
			[]string{"internal/signin/l.go: imports net/http: a domain package knows neither HTTP nor SQL"}},
		"SQL in a domain": {"internal/account/l.go", "// Package account is.\npackage account\nimport _ \"database/sql\"",
			[]string{"internal/account/l.go: imports database/sql: a domain package knows neither HTTP nor SQL"}},
		"log in a domain": {"internal/account/l.go", "// Package account is.\npackage account\nimport \"log/slog\"\nfunc f() { slog.Info(\"x\") }",
			[]string{"internal/account/l.go: slog.Info: a domain package does not log"}},
		"secret in a log": {"internal/account/l.go", "// Package account is.\npackage account\nfunc (T) LogValue() slog.Value { return slog.StringValue(\"\") }", nil},
		"testing in the binary": {"internal/app/a.go", "// Package app is.\npackage app\nimport _ \"testing\"",
			[]string{"internal/app/a.go: imports testing: testing belongs into tests"}},
		"no comment": {"api/a.go", "package api", []string{"api: no package comment"}},
		"init":       {"api/a.go", "// Package api is.\npackage api\nfunc init() {}", []string{"api/a.go: has an init function"}},
		"sleep": {"api/a_test.go", "package api_test\nfunc f() { time.Sleep(1) }",
			[]string{"api/a_test.go: sleeps; wait for the event, or use testing/synctest"}},
		"broken": {"api/a.go", "package", []string{"api/a.go:1:8: expected 'IDENT', found 'EOF'"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := violations(map[string]string{test.file: test.text})
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestTableIsSound keeps typing errors out of the table: an allowed import must
// itself have a row, and arrows point down.
func TestTableIsSound(t *testing.T) {
	for pkg := range table() {
		if chain := circle(pkg, nil); chain != nil {
			t.Errorf("import circle: %s", strings.Join(chain, " → "))
		}
		for _, imported := range table()[pkg].imports {
			if _, listed := table()[imported]; !listed && imported != "..." {
				t.Errorf("%s may import %s, which has no row", pkg, imported)
			}
		}
	}
}

func circle(pkg string, above []string) []string {
	above = append(slices.Clone(above), pkg)
	if slices.Contains(above[:len(above)-1], pkg) {
		return above
	}
	for _, imported := range table()[pkg].imports {
		if chain := circle(imported, above); chain != nil {
			return chain
		}
	}
	return nil
}

// A reader must find every package in the one page that explains them.
func TestArchitecturePageNamesEveryPackage(t *testing.T) {
	page, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range readSources(t, ".") {
		folder := path.Dir(name)
		if folder != "." && !strings.HasPrefix(folder, "tools/") && !strings.Contains(string(page), "| `"+folder+"` |") {
			t.Errorf("docs/architecture.md has no line for %s", folder)
		}
	}
}
