package config

import (
	"errors"
	"fmt"
	"io"
	"os"
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
	maxFile   = 1 << 20
	maxColumn = 4096
	maxFlow   = 2
)

// entry is one setting as a source gave it.
type entry struct {
	name, where string
	values      []string
	// mapping says that the values are the lines of a mapping, as name=value.
	mapping bool
}

// readFile reads a whole file of bounded size.
func readFile(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", plain(err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return "", plain(err)
	}
	if len(text) > maxFile {
		return "", errors.New("is longer than 1 MiB")
	}
	return string(text), nil
}

// plain drops the path from a file error: the place is already named, and what
// was given as a path may be a secret in the wrong variable.
func plain(err error) error {
	var pathError *os.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

// parseYAML reads a flat mapping of settings. It goes on after a problem as far
// as the text can be understood.
func parseYAML(name, text string) (entries []entry, problems []Problem) {
	at := func(tk *token.Token, text string) Problem {
		return Problem{Where: fmt.Sprintf("%s:%d", name, tk.Position.Line), Text: text}
	}
	tokens := lexer.Tokenize(text)
	if bad, why := unfit(tokens); bad != nil {
		return nil, []Problem{at(bad, why)}
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, []Problem{syntaxProblem(name, err)}
	}
	for _, pair := range pairs(file) {
		if pair.bad != nil {
			problems = append(problems, at(pair.bad, pair.why))
			continue
		}
		entries = append(entries, entry{name: pair.key, where: at(pair.token, "").Where, values: pair.values, mapping: pair.mapping})
	}
	return entries, problems
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
			return tk, "settings are flat: this is nested"
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

// pair is one line of the mapping, or what is wrong with it.
type pair struct {
	key    string
	token  *token.Token
	values []string
	// mapping says that the values are name=value.
	mapping bool

	bad *token.Token
	why string
}

func pairs(file *ast.File) []pair {
	var found []pair
	for _, document := range file.Docs {
		switch body := document.Body.(type) {
		case nil, *ast.CommentGroupNode:
		case *ast.MappingNode:
			for _, value := range body.Values {
				found = append(found, readPair(value))
			}
		case *ast.MappingValueNode:
			found = append(found, readPair(body))
		default:
			found = append(found, pair{bad: body.GetToken(), why: "the file must be lines of name: value"})
		}
	}
	return found
}

func readPair(node *ast.MappingValueNode) pair {
	key := node.Key.GetToken()
	text, ok := scalar(node.Key)
	if !ok {
		return pair{bad: key, why: "the file must be lines of name: value"}
	}
	p := pair{key: text, token: key}
	switch value := node.Value.(type) {
	case *ast.SequenceNode:
		return p.list(value)
	case *ast.MappingNode:
		return p.parts(value.Values)
	case *ast.MappingValueNode:
		return p.parts([]*ast.MappingValueNode{value})
	}
	switch value, ok := scalar(node.Value); {
	case ok:
		p.values = []string{value}
		return p
	case node.Value == nil || node.Value.Type() == ast.NullType:
		return pair{bad: key, why: printable(p.key) + ` has no value; write "" if it should be empty`}
	}
	return pair{bad: key, why: printable(p.key) + " is nested; settings are flat"}
}

// list reads the values of a YAML list.
func (p pair) list(list *ast.SequenceNode) pair {
	p.values = []string{}
	for _, item := range list.Values {
		text, ok := scalar(item)
		if !ok {
			return pair{bad: p.token, why: printable(p.key) + " is nested; settings are flat"}
		}
		p.values = append(p.values, text)
	}
	return p
}

// parts reads the lines of a mapping.
func (p pair) parts(lines []*ast.MappingValueNode) pair {
	p.mapping, p.values = true, []string{}
	for _, line := range lines {
		name, named := scalar(line.Key)
		text, ok := scalar(line.Value)
		if !named || !ok {
			return pair{bad: line.Key.GetToken(), why: printable(p.key) + " must be lines of name: value; put quotes around a JWK"}
		}
		p.values = append(p.values, name+"="+text)
	}
	return p
}

// scalar returns the text of a value as it was written: 010 and 1e3 are not
// turned into numbers here, the setting knows what it wants.
func scalar(node ast.Node) (string, bool) {
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
