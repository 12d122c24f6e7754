package sqlstore_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/portaria/portaria/internal/store/sqlstore"
	"github.com/portaria/portaria/internal/store/storetest"
)

// TestOnlyThisRow makes every change beside a second owner's rows, which must
// stay as they are.
func TestOnlyThisRow(t *testing.T) {
	for name, url := range engines {
		t.Run(name, func(t *testing.T) {
			for _, change := range storetest.Changes() {
				t.Run(change.Name, func(t *testing.T) {
					t.Parallel()
					if err := change.Check(t, stores(t, open(t, url(t)))); err != nil {
						t.Error(err)
					}
				})
			}
		})
	}
}

// oneRow are the statements about tables with a single row, which has no
// second owner. What their conditions compare is proved by the promises.
var oneRow = []string{"TakeEvents", "TakeRevisions", "RaiseEpoch", "AdvanceSteady"}

// TestEveryConditionIsProved loosens each condition of each UPDATE and DELETE
// statement, one after another, and looks whether a change notices.
func TestEveryConditionIsProved(t *testing.T) {
	template := filepath.Join(t.TempDir(), "migrated.db")
	if err := openStore(t, "sqlite:"+template).Close(); err != nil {
		t.Fatal(err)
	}
	migrated, err := os.ReadFile(template)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range statements(t) {
		if slices.Contains(oneRow, s.name) {
			continue
		}
		for _, loose := range s.loosened() {
			t.Run(s.name+" "+loose.condition, func(t *testing.T) {
				t.Parallel()
				covered := false
				for _, change := range storetest.Changes() {
					if !slices.Contains(change.Statements, s.name) {
						continue
					}
					covered = true
					path := filepath.Join(t.TempDir(), "portaria.db")
					if err := os.WriteFile(path, migrated, 0o600); err != nil {
						t.Fatal(err)
					}
					store := open(t, "sqlite:"+path)
					if err := store.Swap(t.Context(), s.text, loose.text); err != nil {
						t.Fatal(err)
					}
					if change.Check(t, stores(t, store)) != nil {
						return
					}
				}
				if !covered {
					t.Fatal("no change in storetest names this statement: add one beside a second owner's row")
				}
				t.Error("the changes that name this statement also pass without this condition")
			})
		}
	}
}

func stores(t *testing.T, store *sqlstore.Store) storetest.Stores {
	return storetest.Stores{
		Store: store, Keys: store.Keyring(), Webhooks: store.Webhooks(),
		Rows: func() []string {
			rows, err := store.Rows(t.Context())
			if err != nil {
				t.Error(err)
			}
			return rows
		},
	}
}

// statement is a generated query that changes or deletes rows.
type statement struct{ name, text string }

// statements reads them from the generated code.
func statements(t *testing.T) []statement {
	files, err := filepath.Glob("query/*.sql.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no generated queries", err)
	}
	var found []statement
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			head := regexp.MustCompile(`^-- name: (\w+) `).FindStringSubmatch(text)
			if head != nil && regexp.MustCompile(`(?m)^(UPDATE|DELETE) `).MatchString(text) {
				found = append(found, statement{head[1], text})
			}
			return true
		})
	}
	return found
}

type loosened struct{ condition, text string }

// conditions are comparisons with an argument, or of one table's id with
// another's, and tests for NULL.
var conditions = regexp.MustCompile(`[a-z_.]+ (=|<>|<=|>=|<|>) (CAST\(\$\d+ AS \w+\)|\$\d+|1|webhooks\.client_id)|[a-z_.]+ IS (NOT )?NULL`)

// mute are conditions on the state of a row: promises of storetest and not
// another owner's rows hold them.
var mute = regexp.MustCompile(`IS (NOT )?NULL|created_at <=|old\.id >`)

func (s statement) loosened() []loosened {
	where := strings.Index(s.text, "WHERE")
	if where < 0 {
		return []loosened{{"no WHERE", s.text}}
	}
	var all []loosened
	for _, span := range conditions.FindAllStringIndex(s.text[where:], -1) {
		from, to := where+span[0], where+span[1]
		if condition := s.text[from:to]; !mute.MatchString(condition) {
			all = append(all, loosened{condition, s.text[:from] + "(" + condition + " OR TRUE)" + s.text[to:]})
		}
	}
	return all
}
