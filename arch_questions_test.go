package portaria_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// These tests ask questions. A reason is an answer: write it where the test looks for it.
const (
	// maxPackage is the number of lines, without tests and generated files, above which the
	// package comment has to give a reason.
	maxPackage = 1550
	// maxFields is the number of fields above which a struct needs a reason.
	maxFields = 15
	// maxDepth is the number of steps in a chain of imports above which a package needs a
	// reason.
	maxDepth = 7
)

// sizeReason begins the sentence of a package comment that gives the reason.
const sizeReason = "has more than 1,500 lines because"

// largeStructs are the structs with more than maxFields fields, each with its reason.
func largeStructs() map[string]string {
	const wireType = "a type of the API: the standard or the documentation lists its members"
	return map[string]string{
		"api.ClientDescription":           wireType,
		"api.Introspection":               wireType,
		"cmd/portaria.commands":           "the command line: one field a command",
		"internal/app.App":                "the wiring of the process: one field a part, and only New and Close know it",
		"internal/config.Config":          "the settings: one field a setting or section",
		"internal/revoke.Hub":             "one reader of the log for all followers of a process; a lock guards its fields together",
		"internal/clients.Client":         "one client as the settings and the API describe it: one field a setting",
		"internal/session.Session":        "one row of a session; a step reads and writes it as a whole",
		"internal/token.Claims":           "the claims of an access token (RFC 9068)",
		"verify.Config":                   "the settings of a verifier: one documented field a setting",
		"verify/internal/follow.Follower": "one connection to the feed; its fields are only read in the goroutine that owns them",
	}
}

// crypto lists the packages that may import crypto/… or golang.org/x/crypto/…, with what they
// use it for. TLS settings and X.509 roots count, too.
func crypto() map[string]string {
	return map[string]string{
		"internal/app":               "X.509 roots for outgoing requests",
		"internal/cli":               "TLS to the service that a command calls",
		"internal/clients":           "client secrets and their hashes",
		"internal/flow":              "random single-use values and their hashes",
		"internal/guard":             "keyed hashes of the counters, signed device cookies",
		"internal/httpapi":           "entity tags",
		"internal/jose":              "signatures and key agreement, around the JOSE library",
		"internal/keyfile":           "formats of private keys: PEM, OpenSSH, PKCS #8",
		"internal/keyring":           "random secrets, kids",
		"internal/keyring/masterkey": "sealing under the master key",
		"internal/outbound":          "TLS settings and roots for outgoing requests",
		"internal/password":          "password hashes",
		"internal/password/breach":   "hashes by which breached passwords are published",
		"internal/password/legacy":   "password hashes of other systems",
		"internal/publickey":         "recognising public keys",
		"internal/recipient":         "X.509 roots for outgoing requests",
		"internal/revoke":            "keyed hash of rules",
		"internal/revoke/rule":       "hash of rules",
		"internal/serve":             "TLS of the service",
		"internal/session":           "refresh tokens and csrf values",
		"internal/store/sqlstore":    "random ids, TLS to PostgreSQL",
		"internal/token":             "random jti",
		"internal/webhook":           "secrets of webhooks, random names in leases",
		"internal/webhook/message":   "signatures of webhooks",
		"internal/webhook/push":      "TLS to the receivers of webhooks",
		"verify":                     "keys of the token cache",
		"verify/internal/follow":     "random name of the verifier, hash of the snapshot",
		"verify/internal/view":       "hashes of values that rules name",
	}
}

// deepPackages are the packages with a chain of imports of more than maxDepth steps.
func deepPackages() map[string]string {
	return map[string]string{
		"internal/httpapi": "only the list of routes; each room below it is at most 7 deep",
		"internal/app":     "the wiring: one step above the list of routes",
	}
}

func TestQuestions(t *testing.T) {
	for _, problem := range questions(readSources(t, ".")) {
		t.Error(problem)
	}
}

// questions returns what has no answer, sorted.
func questions(sources map[string]string) []string {
	var found []string
	lines, docs, fields := map[string]int{}, map[string]string{}, map[string]int{}
	usesCrypto := map[string]bool{}
	for name, text := range sources {
		pkg := path.Dir(name)
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(text, "// Code generated ") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			found = append(found, err.Error())
			continue
		}
		lines[pkg] += strings.Count(text, "\n")
		docs[pkg] += strings.Join(strings.Fields(file.Doc.Text()), " ")
		for _, spec := range file.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			usesCrypto[pkg] = usesCrypto[pkg] || strings.HasPrefix(imported, "crypto/") || strings.HasPrefix(imported, "golang.org/x/crypto/")
		}
		countFields(file, pkg, fields)
	}
	for pkg, n := range lines {
		if n > maxPackage && !strings.Contains(docs[pkg], sizeReason) {
			found = append(found, fmt.Sprintf("%s has %d lines: split it, or say in its package comment that it %s …", pkg, n, sizeReason))
		}
		if usesCrypto[pkg] && crypto()[pkg] == "" && !table()[pkg].testing {
			found = append(found, pkg+" imports crypto: use a package that may, or add it to the list with what it uses")
		}
	}
	for name, n := range fields {
		if n > maxFields && largeStructs()[name] == "" {
			found = append(found, fmt.Sprintf("%s has %d fields: split it, or add it to the list with a reason", name, n))
		}
	}
	slices.Sort(found)
	return found
}

func countFields(file *ast.File, pkg string, fields map[string]int) {
	ast.Inspect(file, func(node ast.Node) bool {
		named, ok := node.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if s, ok := named.Type.(*ast.StructType); ok {
			for _, field := range s.Fields.List {
				fields[pkg+"."+named.Name.Name] += max(1, len(field.Names))
			}
		}
		return true
	})
}

// TestAnswersAreNeeded keeps the lists short: an entry that answers no question goes.
func TestAnswersAreNeeded(t *testing.T) {
	fields, usesCrypto := map[string]int{}, map[string]bool{}
	for name, text := range readSources(t, ".") {
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "_test.go") {
			countFields(file, path.Dir(name), fields)
			for _, spec := range file.Imports {
				if strings.HasPrefix(spec.Path.Value, `"crypto/`) || strings.HasPrefix(spec.Path.Value, `"golang.org/x/crypto/`) {
					usesCrypto[path.Dir(name)] = true
				}
			}
		}
	}
	for name := range largeStructs() {
		if fields[name] <= maxFields {
			t.Errorf("%s has %d fields and needs no reason", name, fields[name])
		}
	}
	for pkg := range crypto() {
		if !usesCrypto[pkg] {
			t.Errorf("%s does not import crypto", pkg)
		}
	}
}

// TestImportDepth asks for a reason where the longest chain of imports below a package has
// more than maxDepth steps. It looks at internal/app and what that imports.
func TestImportDepth(t *testing.T) {
	imports := map[string][]string{}
	for name, text := range readSources(t, ".") {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			if own, ok := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), module+"/"); ok {
				imports[path.Dir(name)] = append(imports[path.Dir(name)], own)
			}
		}
	}
	deep := map[string]bool{}
	for _, pkg := range longest("internal/app", imports) {
		chain := longest(pkg, imports)
		deep[pkg] = len(chain)-1 > maxDepth
		if deep[pkg] && deepPackages()[pkg] == "" {
			t.Errorf("%s is %d imports deep: %s", pkg, len(chain)-1, strings.Join(chain, " → "))
		}
	}
	for pkg := range deepPackages() {
		if !deep[pkg] {
			t.Errorf("%s is not deep and needs no reason", pkg)
		}
	}
}

// longest returns the longest chain of imports that begins with a package.
func longest(pkg string, imports map[string][]string) []string {
	known := map[string][]string{}
	var walk func(string) []string
	walk = func(pkg string) []string {
		if chain, ok := known[pkg]; ok {
			return chain
		}
		var below []string
		for _, imported := range imports[pkg] {
			if chain := walk(imported); len(chain) > len(below) {
				below = chain
			}
		}
		known[pkg] = append([]string{pkg}, below...)
		return known[pkg]
	}
	return walk(pkg)
}

// TestQuestionsAreAsked feeds the checker one package for each question.
func TestQuestionsAreAsked(t *testing.T) {
	long := strings.Repeat("\n", maxPackage)
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"small":           {"// Package x is.\npackage x", nil},
		"long":            {"// Package x is.\npackage x" + long + "\n", []string{"internal/x has 1552 lines: split it, or say in its package comment that it " + sizeReason + " …"}},
		"long, a reason":  {"// Package x has more\n// than 1,500 lines because.\npackage x" + long + "\n", nil},
		"long, generated": {"// Code generated by x.\npackage x" + long, nil},
		"many fields":     {"package x\ntype T struct { a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p int }", []string{"internal/x.T has 16 fields: split it, or add it to the list with a reason"}},
		"crypto":          {"package x\nimport _ \"crypto/sha256\"", []string{"internal/x imports crypto: use a package that may, or add it to the list with what it uses"}},
		"x/crypto":        {"package x\nimport _ \"golang.org/x/crypto/ssh\"", []string{"internal/x imports crypto: use a package that may, or add it to the list with what it uses"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, questions(map[string]string{"internal/x/x.go": test.text})); diff != "" {
				t.Error(diff)
			}
		})
	}
	chain := longest("a", map[string][]string{"a": {"d", "b"}, "b": {"c"}, "c": {"d"}})
	if diff := cmp.Diff([]string{"a", "b", "c", "d"}, chain); diff != "" {
		t.Error(diff)
	}
}
