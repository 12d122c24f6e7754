package setting

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

// form is the shape of a value.
type form int

const (
	empty form = iota // a name without a value
	scalar
	list
	mapping
)

// node is a value as a source gave it, before its setting gives it a meaning.
type node struct {
	where string
	form  form
	text  string // of a scalar, as it was written
	items []node // of a list
	pairs []pair // of a mapping
}

// pair is one name with its value.
type pair struct {
	name, where string
	value       node
}

// parseYAML reads a mapping of settings.
func parseYAML(name, text string) ([]pair, []Problem) {
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
	var pairs []pair
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

// parseValue reads a list or mapping that a variable, a flag or a quoted text
// holds as JSON. All of it comes from one position.
func parseValue(where, text string) (node, bool) {
	pairs, problems := parseYAML("", "value: "+strings.ReplaceAll(text, "\n", " "))
	if len(problems) > 0 || len(pairs) != 1 {
		return node{}, false
	}
	value := pairs[0].value
	value.moveTo(where)
	return value, true
}

// moveTo gives a value and all that is in it one position.
func (n *node) moveTo(where string) {
	n.where = where
	for i := range n.items {
		n.items[i].moveTo(where)
	}
	for i := range n.pairs {
		n.pairs[i].where = where
		n.pairs[i].value.moveTo(where)
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

func (t *tree) pairs(values []*ast.MappingValueNode) []pair {
	pairs := []pair{}
	for _, value := range values {
		key := value.Key.GetToken()
		name, ok := scalarText(value.Key)
		if !ok {
			t.problem(key, notMapping)
			continue
		}
		pairs = append(pairs, pair{name: name, where: t.where(key), value: t.node(value.Value, t.where(key))})
	}
	return pairs
}

// node reads a value. The position of the name serves for a value, too, because
// a long text may begin on a later line.
func (t *tree) node(value ast.Node, where string) node {
	switch v := value.(type) {
	case *ast.SequenceNode:
		n := node{where: where, form: list, items: []node{}}
		for _, item := range v.Values {
			n.items = append(n.items, t.node(item, t.where(firstToken(item))))
		}
		return n
	case *ast.MappingNode:
		return node{where: where, form: mapping, pairs: t.pairs(v.Values)}
	case *ast.MappingValueNode:
		return node{where: where, form: mapping, pairs: t.pairs([]*ast.MappingValueNode{v})}
	}
	if text, ok := scalarText(value); ok {
		return node{where: where, form: scalar, text: text}
	}
	return node{where: where}
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

// syntaxProblem takes place and message out of the parser's error. The rest of
// it shows the source, which may hold a secret.
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
