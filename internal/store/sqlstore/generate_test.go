package sqlstore_test

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "note what the generated code was made from")

const noted = "query/inputs.sha256"

// TestGeneratedCodeIsCurrent compares sqlc's input and output with the note
// that go generate left, which takes no time; to build sqlc takes minutes.
func TestGeneratedCodeIsCurrent(t *testing.T) {
	sum := digest(t, "sqlc.yaml", "migrations/*.sql", "queries/*.sql", "query/*.sql.go", "query/db.go", "query/models.go",
		"../../../tools/sqlc/go.mod")
	if *update {
		if err := os.WriteFile(noted, []byte(sum), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(noted)
	if err != nil || string(want) != sum {
		t.Errorf("the code in query/ is not what sqlc made of queries/ and migrations/: run make generate (%v)", err)
	}
}

func digest(t *testing.T, patterns ...string) string {
	t.Helper()
	hash := sha256.New()
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(hash, "%s %d\n", file, len(text))
			hash.Write(text)
		}
	}
	return fmt.Sprintf("%x\n", hash.Sum(nil))
}

// TestQueriesSuitBothEngines holds the rules by which one text serves SQLite
// and PostgreSQL.
func TestQueriesSuitBothEngines(t *testing.T) {
	files, err := filepath.Glob("query/*.sql.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, query := range regexp.MustCompile("(?s)= `-- name: .*?`").FindAllString(string(text), -1) {
			name := strings.Fields(query)[3]
			if order := firstUses(query); !slices.IsSorted(order) {
				t.Errorf("%s: parameters first appear in the order %v; SQLite numbers them by appearance", name, order)
			}
			for _, word := range []string{"::", "FOR UPDATE", "ILIKE", "now()"} {
				if strings.Contains(query, word) {
					t.Errorf("%s: has %s", name, word)
				}
			}
		}
	}
}

func TestColumnsSuitBothEngines(t *testing.T) {
	files, err := filepath.Glob("migrations/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		// Some migrations only build indexes.
		if strings.Contains(string(text), "TABLE") {
			checkTypes(t, file)
		}
	}
}

func firstUses(query string) []int {
	var order []int
	for _, match := range regexp.MustCompile(`\$(\d+)`).FindAllStringSubmatch(query, -1) {
		n, _ := strconv.Atoi(match[1])
		if !slices.Contains(order, n) {
			order = append(order, n)
		}
	}
	return order
}

// checkTypes allows the types that mean the same to both engines.
func checkTypes(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	columns := regexp.MustCompile(`(?m)^(?:    |.*ADD COLUMN )[a-z_]+ +([A-Z]+)`).FindAllStringSubmatch(string(text), -1)
	if len(columns) == 0 {
		t.Errorf("%s: no columns found", file)
	}
	for _, column := range columns {
		if !slices.Contains([]string{"TEXT", "BIGINT", "BYTEA", "BOOLEAN", "INTEGER"}, column[1]) {
			t.Errorf("%s: type in %q", file, column[0])
		}
	}
}
