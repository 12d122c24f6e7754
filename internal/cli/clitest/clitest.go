// Package clitest tests the tables of the commands.
package clitest

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/portaria/portaria/internal/cli"
)

// maxColumns is what a terminal of usual width shows.
const maxColumns = 100

// Tables checks every function of the package in the working directory that returns a
// table: the test must have made a table with it, and no line of it is longer than 100 columns.
func Tables(t *testing.T, made map[string]cli.Table) {
	t.Helper()
	for _, name := range functions(t) {
		if _, ok := made[name]; !ok {
			t.Errorf("the test makes no table with %s", name)
		}
	}
	for name, table := range made {
		var out bytes.Buffer
		call := &cli.Call{Surroundings: cli.Surroundings{Stdout: &out}, Globals: &cli.Globals{}}
		if err := call.Show(table); err != nil {
			t.Error(err)
		}
		for line := range strings.SplitSeq(out.String(), "\n") {
			if n := utf8.RuneCountInString(line); n > maxColumns {
				t.Errorf("%s: %d columns: %s", name, n, line)
			}
		}
		for _, column := range table.Columns {
			if !strings.Contains(out.String(), column.Name) {
				t.Errorf("%s: column %s is cut:\n%s", name, column.Name, out.String())
			}
		}
	}
}

// functions lists the functions that return a [cli.Table].
func functions(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil || files == nil {
		t.Fatalf("no source files: %v", err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Type.Results == nil || len(f.Type.Results.List) != 1 {
				continue
			}
			if result, ok := f.Type.Results.List[0].Type.(*ast.SelectorExpr); ok && result.Sel.Name == "Table" {
				names = append(names, f.Name.Name)
			}
		}
	}
	return names
}

// Filled returns a value of which every field is set, to something long where it can be.
func Filled[T any]() (filled T) {
	fill(reflect.ValueOf(&filled).Elem())
	return filled
}

func fill(v reflect.Value) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf(time.Date(2026, 11, 30, 23, 59, 59, 0, time.UTC)))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(strings.Repeat("long-and-", 20) + "longer")
	case reflect.Int, reflect.Int64:
		v.SetInt(3_600_000)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 3, 3))
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i))
			}
		}
	}
}
