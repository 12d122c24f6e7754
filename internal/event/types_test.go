package event_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"testing"

	"github.com/portaria/portaria/internal/event"
)

// A type that is missing in the list could not be subscribed to.
func TestTypesListsEveryConstant(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "event.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "Type" {
			return true
		}
		found++
		name := spec.Values[0].(*ast.BasicLit).Value
		if !slices.Contains(event.Types(), event.Type(name[1:len(name)-1])) {
			t.Errorf("%s is not among Types()", name)
		}
		return true
	})
	if found < 15 || found != len(event.Types()) {
		t.Errorf("%d constants, %d in the list", found, len(event.Types()))
	}
}
