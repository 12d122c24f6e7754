package main

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/printer"
	"go/token"
	"hash/fnv"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// mutant is one break: the file as it would be.
type mutant struct {
	file, function, kind string
	line                 int
	before, after        string // the piece of code
	nth                  int    // among the equal pieces of code of one function
	source               []byte
}

// id names a break independently of line numbers.
func (m mutant) id() string {
	return fmt.Sprintf("%s:%s:%s:%d:%s", filepath.ToSlash(m.file), m.function, m.kind, m.nth, strings.Join(strings.Fields(m.before), "_"))
}

// breaksOf lists every break of a package's own code. Generated files and tests
// are left out.
func breaksOf(dir string) ([]mutant, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		return nil, cmp.Or(err, fmt.Errorf("%s: no Go files", dir))
	}
	var all []mutant
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if bytes.HasPrefix(source, []byte("// Code generated")) {
			continue
		}
		found, err := breaksOfFile(file, source)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// choose puts the breaks into an order that depends on the seed and on each
// break alone: a change elsewhere in the package does not change it.
func choose(all []mutant, seed int64) []mutant {
	rank := func(m mutant) uint64 {
		h := fnv.New64a()
		fmt.Fprintf(h, "%d %s", seed, m.id())
		return h.Sum64()
	}
	slices.SortFunc(all, func(a, b mutant) int { return cmp.Compare(rank(a), rank(b)) })
	return all
}

func breaksOfFile(file string, source []byte) ([]mutant, error) {
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, file, source, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	var all []mutant
	for _, d := range parsed.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Body == nil {
			continue
		}
		c := collector{file: file, function: nameOf(f), fset: fset, source: source, seen: map[string]int{}}
		ast.Inspect(f.Body, c.visit)
		all = append(all, c.found...)
	}
	return all, nil
}

func nameOf(f *ast.FuncDecl) string {
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return f.Name.Name
	}
	t := f.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if index, ok := t.(*ast.IndexExpr); ok {
		t = index.X
	}
	if name, ok := t.(*ast.Ident); ok {
		return name.Name + "." + f.Name.Name
	}
	return f.Name.Name
}

// collector gathers the breaks of one function.
type collector struct {
	file, function string
	fset           *token.FileSet
	source         []byte
	seen           map[string]int
	found          []mutant
}

// swaps are the operators that are confused, each for one other.
var swaps = map[token.Token]string{
	token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">",
	token.EQL: "!=", token.NEQ: "==", token.LAND: "||", token.LOR: "&&",
	token.ADD: "-", token.SUB: "+",
}

func (c *collector) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		if other, ok := swaps[n.Op]; ok && !isText(n) {
			c.replace("operator", n, c.text(n.X)+" "+other+" "+c.text(n.Y))
		}
	case *ast.IfStmt:
		c.replace("condition", n.Cond, "!("+c.text(n.Cond)+")")
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			c.replace("negation", n, c.text(n.X))
		}
	case *ast.ExprStmt, *ast.IncDecStmt:
		c.replace("statement", n, "")
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			c.replace("statement", n, "")
		}
	case *ast.ReturnStmt:
		c.visitReturn(n)
	}
	return true
}

// visitReturn forgets the error that is returned.
func (c *collector) visitReturn(n *ast.ReturnStmt) {
	if len(n.Results) == 0 {
		return
	}
	if name, ok := n.Results[len(n.Results)-1].(*ast.Ident); ok && name.Name == "err" {
		c.replace("error", name, "nil")
	}
}

// isText reports whether an addition joins texts, as far as can be seen.
func isText(n *ast.BinaryExpr) bool {
	for _, side := range []ast.Expr{n.X, n.Y} {
		switch side := side.(type) {
		case *ast.BasicLit:
			if side.Kind == token.STRING {
				return n.Op == token.ADD
			}
		case *ast.BinaryExpr:
			if isText(side) {
				return true
			}
		}
	}
	return false
}

func (c *collector) text(n ast.Node) string {
	var b bytes.Buffer
	if err := printer.Fprint(&b, c.fset, n); err != nil {
		return ""
	}
	return b.String()
}

func (c *collector) replace(kind string, n ast.Node, with string) {
	from, to := c.fset.Position(n.Pos()), c.fset.Position(n.End())
	broken := slices.Concat(c.source[:from.Offset], []byte(with), c.source[to.Offset:])
	if _, err := format.Source(broken); err != nil {
		return
	}
	m := mutant{file: c.file, function: c.function, kind: kind, line: from.Line,
		before: c.text(n), after: cmp.Or(with, "(nothing)"), source: broken}
	m.nth = c.seen[kind+m.before]
	c.seen[kind+m.before]++
	c.found = append(c.found, m)
}
