// Package yamlfile reads files: a settings file in YAML as plain nodes, and small
// files that hold one value. It never shows the content of a file in an error.
package yamlfile

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// The parser recurses; these bounds keep a hostile or broken file from
// exhausting memory before it can be refused.
const (
	maxColumn = 4096
	maxFlow   = 8
)

const notMapping = "the file must be lines of name: value"

// Problem is one thing that is wrong with a file.
type Problem struct {
	// Where is a line of the file (portaria.yaml:3), or another position.
	Where string
	// Text says what is wrong. It never contains the value of a secret.
	Text string
}

// Form is the shape of a value.
type Form int

// The forms of a value.
const (
	Empty Form = iota // a name without a value
	Scalar
	List
	Mapping
)

// Node is a value as a source gave it, before its setting gives it a meaning.
type Node struct {
	Where string
	Form  Form
	Text  string // of a scalar, as it was written
	Items []Node // of a list
	Pairs []Pair // of a mapping
}

// Pair is one name with its value.
type Pair struct {
	Name, Where string
	Value       Node
}

// Parse reads a mapping of settings.
func Parse(name, text string) ([]Pair, []Problem) {
	where := func(tk *token.Token) string { return fmt.Sprintf("%s:%d", name, tk.Position.Line) }
	tokens := lexer.Tokenize(text)
	if bad, why := unfit(tokens); bad != nil {
		return nil, []Problem{{where(bad), why}}
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, []Problem{syntaxProblem(name, err)}
	}
	t := tree{where: where}
	var pairs []Pair
	for _, document := range file.Docs {
		switch body := document.Body.(type) {
		case nil, *ast.CommentGroupNode:
		case *ast.MappingNode:
			pairs = append(pairs, t.pairs(body.Values)...)
		case *ast.MappingValueNode:
			pairs = append(pairs, t.pairs([]*ast.MappingValueNode{body})...)
		default:
			t.problem(body.GetToken(), notMapping)
		}
	}
	return pairs, t.problems
}

// ParseValue reads a list or mapping that a variable, a flag or a quoted text
// holds as JSON. All of it comes from one position.
func ParseValue(where, text string) (Node, bool) {
	pairs, problems := Parse("", "value: "+strings.ReplaceAll(text, "\n", " "))
	if len(problems) > 0 || len(pairs) != 1 {
		return Node{}, false
	}
	value := pairs[0].Value
	value.moveTo(where)
	return value, true
}

// moveTo gives a value and all that is in it one position.
func (n *Node) moveTo(where string) {
	n.Where = where
	for i := range n.Items {
		n.Items[i].moveTo(where)
	}
	for i := range n.Pairs {
		n.Pairs[i].Where = where
		n.Pairs[i].Value.moveTo(where)
	}
}

// tree turns the syntax tree of a file into nodes.
type tree struct {
	where    func(*token.Token) string
	problems []Problem
}

func (t *tree) problem(at *token.Token, text string) {
	t.problems = append(t.problems, Problem{t.where(at), text})
}

func (t *tree) pairs(values []*ast.MappingValueNode) []Pair {
	pairs := []Pair{}
	for _, value := range values {
		key := value.Key.GetToken()
		name, ok := scalarText(value.Key)
		if !ok {
			t.problem(key, notMapping)
			continue
		}
		pairs = append(pairs, Pair{Name: name, Where: t.where(key), Value: t.node(value.Value, t.where(key))})
	}
	return pairs
}

// node reads a value. The position of the name serves for a value, too, because
// a long text may begin on a later line.
func (t *tree) node(value ast.Node, where string) Node {
	switch v := value.(type) {
	case *ast.SequenceNode:
		n := Node{Where: where, Form: List, Items: []Node{}}
		for _, item := range v.Values {
			n.Items = append(n.Items, t.node(item, t.where(firstToken(item))))
		}
		return n
	case *ast.MappingNode:
		return Node{Where: where, Form: Mapping, Pairs: t.pairs(v.Values)}
	case *ast.MappingValueNode:
		return Node{Where: where, Form: Mapping, Pairs: t.pairs([]*ast.MappingValueNode{v})}
	}
	if text, ok := scalarText(value); ok {
		return Node{Where: where, Form: Scalar, Text: text}
	}
	return Node{Where: where}
}

// firstToken returns the token that a value begins with; that of a mapping is
// its first colon otherwise.
func firstToken(n ast.Node) *token.Token {
	switch v := n.(type) {
	case *ast.MappingNode:
		if len(v.Values) > 0 {
			return v.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		return v.Key.GetToken()
	}
	return n.GetToken()
}

// unfit finds what a settings file may not contain, before it is parsed.
func unfit(tokens token.Tokens) (*token.Token, string) {
	flow := 0
	for i, tk := range tokens {
		switch tk.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			return tk, "anchors and aliases have no use here; quote the value if it starts with & or *"
		case token.TagType, token.DirectiveType:
			return tk, "tags and directives have no use here; quote the value if it starts with ! or %"
		case token.MappingKeyType:
			return tk, "write a setting as name: value"
		case token.DocumentHeaderType:
			if i > 0 {
				return tk, "there may be one document only"
			}
		case token.SequenceStartType, token.MappingStartType:
			flow++
		}
		if flow > maxFlow && tk.Type != token.SequenceEndType && tk.Type != token.MappingEndType {
			return tk, "this is nested too deeply"
		}
		if tk.Type == token.SequenceEndType || tk.Type == token.MappingEndType {
			flow--
		}
		if tk.Position.Column > maxColumn {
			return tk, "the line is too long"
		}
	}
	return nil, ""
}

// syntaxProblem takes line and message out of the parser's error. The rest of it shows
// the source, which may hold a secret.
func syntaxProblem(name string, err error) Problem {
	var syntax *yaml.SyntaxError
	if !errors.As(err, &syntax) || syntax.Token == nil {
		return Problem{Where: name, Text: "is not valid YAML"}
	}
	problem := Problem{Where: fmt.Sprintf("%s:%d", name, syntax.Token.Position.Line), Text: "is not valid YAML"}
	if !strings.ContainsAny(syntax.Message, "\"'`") {
		problem.Text += ": " + syntax.Message
	}
	return problem
}

// scalarText returns the text of a value as it was written: 010 and 1e3 are not
// turned into numbers here, the setting knows what it wants.
func scalarText(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return strings.TrimSuffix(n.Value.Value, "\n"), true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}
