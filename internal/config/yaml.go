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
	maxFlow   = 3
)

// entry is one setting as a source gave it.
type entry struct {
	name, where string
	values      []string
	// mapping says that the values are the lines of a mapping, as name=value.
	mapping bool
	// list says that the values are those of a list, each by itself.
	list bool
	// records are the items of a list of mappings; there are no values then.
	records []record
}

// record is one mapping of a list of mappings.
type record struct {
	where  string
	fields []entry
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
	where := func(tk *token.Token) string { return at(tk, "").Where }
	for _, pair := range pairs(file) {
		if pair.bad != nil {
			problems = append(problems, at(pair.bad, pair.why))
			continue
		}
		entries = append(entries, pair.entry(where))
	}
	return entries, problems
}

// entry gives a pair, and the pairs within it, the names of their places.
func (p pair) entry(where func(*token.Token) string) entry {
	e := entry{name: p.key, where: where(p.token), values: p.values, mapping: p.mapping, list: p.list}
	for _, item := range p.records {
		r := record{where: where(p.token)}
		for i, field := range item {
			if i == 0 {
				r.where = where(field.token)
			}
			r.fields = append(r.fields, field.entry(where))
		}
		e.records = append(e.records, r)
	}
	return e
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
	// list says that the values are those of a list.
	list bool
	// records are the items of a list of mappings.
	records [][]pair

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
	if list, ok := node.Value.(*ast.SequenceNode); ok {
		return p.items(list)
	}
	if lines, ok := mapping(node.Value); ok {
		return p.parts(lines)
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

// items reads the values of a YAML list.
func (p pair) items(list *ast.SequenceNode) pair {
	p.list, p.values = true, []string{}
	for _, item := range list.Values {
		if lines, ok := mapping(item); ok {
			if p = p.record(lines); p.bad != nil {
				return p
			}
			continue
		}
		text, ok := scalar(item)
		if !ok {
			return pair{bad: p.token, why: printable(p.key) + " is nested; settings are flat"}
		}
		p.values = append(p.values, text)
	}
	return p
}

// mapping answers the lines of a mapping.
func mapping(node ast.Node) ([]*ast.MappingValueNode, bool) {
	switch value := node.(type) {
	case *ast.MappingNode:
		return value.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{value}, true
	}
	return nil, false
}

// record reads one mapping of a list. What is nested in it is a list at most.
func (p pair) record(lines []*ast.MappingValueNode) pair {
	fields := make([]pair, len(lines))
	for i, line := range lines {
		fields[i] = readPair(line)
		switch {
		case fields[i].bad != nil:
			return fields[i]
		case fields[i].mapping || fields[i].records != nil:
			return pair{bad: line.Key.GetToken(), why: printable(fields[i].key) + " must be a value or a list of values; put quotes around a JWK"}
		}
	}
	p.records = append(p.records, fields)
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
