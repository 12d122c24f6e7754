package jose

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Member is one name and value of a JSON object.
type Member struct {
	Name  string
	Value Value
}

// Object is a JSON object in the order in which it was written. Names are
// unique after their escapes are resolved, and are compared byte by byte:
// Go's own decoder takes "EXP" for "exp" and the last of two duplicates.
type Object []Member

// ParseObject reads a JSON object, strictly: RFC 8259, valid UTF-8, no lone
// surrogates, no duplicate names at any level, nothing after the end, at most
// 16 levels and 100 members an object. Values are checked and stay text; they
// share memory with data. Errors wrap ErrJSON.
func ParseObject(data []byte) (Object, error) {
	return AppendObject(make(Object, 0, 16), data)
}

// AppendObject is [ParseObject] into memory of the caller's: it appends to
// into, which must be empty.
func AppendObject(into Object, data []byte) (Object, error) {
	return appendObject(into, scanner{data: data})
}

func appendObject(into Object, s scanner) (Object, error) {
	s.space()
	if s.peek() != '{' {
		return nil, s.errorf("not an object")
	}
	object, err := s.object(into[:0], 1)
	if err != nil {
		return nil, err
	}
	if s.space(); s.at < len(s.data) {
		return nil, s.errorf("text after the end")
	}
	return object, nil
}

// Get returns the value of the member with exactly this name.
func (o Object) Get(name string) (Value, bool) {
	for i := range o {
		if o[i].Name == name {
			return o[i].Value, true
		}
	}
	return nil, false
}

// scanner reads strict JSON. It knows where it is, never what it means.
type scanner struct {
	data []byte
	at   int
	// shallow leaves duplicate names and the number of members below the first
	// level to the code that reads the values one by one.
	shallow bool
}

func (s *scanner) errorf(what string) error {
	return fmt.Errorf("%w: %s at byte %d", ErrJSON, what, s.at)
}

func (s *scanner) peek() byte {
	if s.at < len(s.data) {
		return s.data[s.at]
	}
	return 0
}

func (s *scanner) space() {
	for s.at < len(s.data) {
		switch s.data[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return
		}
	}
}

// object reads an object from its opening brace on.
func (s *scanner) object(into Object, depth int) (Object, error) {
	s.at++
	if s.space(); s.peek() == '}' {
		s.at++
		return into, nil
	}
	for {
		m, err := s.member(depth)
		if err != nil {
			return nil, err
		}
		if s.shallow && depth > 1 {
			if more, err := s.more('}'); !more {
				return nil, err
			}
			continue
		}
		if _, twice := into.Get(m.Name); twice {
			return nil, s.errorf("duplicate name")
		}
		if into = append(into, m); len(into) > maxMembers {
			return nil, s.errorf("too many members")
		}
		more, err := s.more('}')
		if !more {
			return into, err
		}
	}
}

func (s *scanner) member(depth int) (Member, error) {
	s.space()
	name, err := s.string()
	if err != nil {
		return Member{}, err
	}
	if s.space(); s.peek() != ':' {
		return Member{}, s.errorf("colon expected")
	}
	s.at++
	value, err := s.value(depth)
	if err != nil {
		return Member{}, err
	}
	text, err := unquote(name)
	return Member{Name: text, Value: value}, err
}

// more reads what follows an element: a comma, or the closing bracket.
func (s *scanner) more(closing byte) (bool, error) {
	s.space()
	c := s.peek()
	if c != ',' && c != closing {
		return false, s.errorf("comma expected")
	}
	s.at++
	return c == ',', nil
}

// value reads any value and returns its text.
func (s *scanner) value(depth int) (Value, error) {
	s.space()
	start := s.at
	var err error
	switch c := s.peek(); {
	case c == '"':
		_, err = s.string()
	case c == '{' && depth < maxDepth:
		_, err = s.object(nil, depth+1)
	case c == '[' && depth < maxDepth:
		err = s.array(depth + 1)
	case c == '-' || isDigit(c):
		err = s.number()
	case c == 't':
		err = s.word("true")
	case c == 'f':
		err = s.word("false")
	case c == 'n':
		err = s.word("null")
	default:
		err = s.errorf("no value, or nested too deep,")
	}
	return Value(s.data[start:s.at:s.at]), err
}

func (s *scanner) array(depth int) error {
	s.at++
	if s.space(); s.peek() == ']' {
		s.at++
		return nil
	}
	for {
		if _, err := s.value(depth); err != nil {
			return err
		}
		if more, err := s.more(']'); !more {
			return err
		}
	}
}

func (s *scanner) word(w string) error {
	if !bytes.HasPrefix(s.data[s.at:], []byte(w)) {
		return s.errorf("unknown word")
	}
	s.at += len(w)
	return nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func (s *scanner) digits() bool {
	start := s.at
	for isDigit(s.peek()) {
		s.at++
	}
	return s.at > start
}

func (s *scanner) number() error {
	start := s.at
	if s.peek() == '-' {
		s.at++
	}
	if s.peek() == '0' {
		s.at++
	} else if !s.digits() {
		return s.errorf("digit expected")
	}
	if s.peek() == '.' {
		if s.at++; !s.digits() {
			return s.errorf("digit expected")
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.at++
		if c := s.peek(); c == '+' || c == '-' {
			s.at++
		}
		if !s.digits() {
			return s.errorf("digit expected")
		}
	}
	return s.inRange(string(s.data[start:s.at]))
}

// inRange refuses what no float64 holds: readers differ in whether that is
// infinite or an error. Without an exponent it takes more than 300 digits.
func (s *scanner) inRange(number string) error {
	if len(number) < 300 && !strings.ContainsAny(number, "eE") {
		return nil
	}
	if _, err := strconv.ParseFloat(number, 64); err != nil {
		return s.errorf("number out of range")
	}
	return nil
}

// string reads a string and returns its text with the quotes.
func (s *scanner) string() (Value, error) {
	if s.peek() != '"' {
		return nil, s.errorf("string expected")
	}
	start := s.at
	for s.at++; s.at < len(s.data); {
		switch c := s.data[s.at]; {
		case c == '"':
			s.at++
			return Value(s.data[start:s.at:s.at]), nil
		case c == '\\':
			if err := s.escape(); err != nil {
				return nil, err
			}
		case c < 0x20:
			return nil, s.errorf("control character")
		case c < utf8.RuneSelf:
			s.at++
		default:
			r, n := utf8.DecodeRune(s.data[s.at:])
			if r == utf8.RuneError && n == 1 {
				return nil, s.errorf("invalid UTF-8")
			}
			s.at += n
		}
	}
	return nil, s.errorf("string without end")
}

// escape reads one escape sequence; a lone surrogate is refused, because two
// readers would resolve it to two different names.
func (s *scanner) escape() error {
	rest := s.data[s.at:]
	if len(rest) < 2 {
		return s.errorf("string without end")
	}
	if bytes.IndexByte([]byte(`"\/bfnrt`), rest[1]) >= 0 {
		s.at += 2
		return nil
	}
	unit, ok := hexUnit(rest)
	if !ok {
		return s.errorf("unknown escape")
	}
	s.at += 6
	if unit < 0xd800 || unit > 0xdfff {
		return nil
	}
	low, ok := hexUnit(s.data[s.at:])
	if unit > 0xdbff || !ok || low < 0xdc00 || low > 0xdfff {
		return s.errorf("lone surrogate")
	}
	s.at += 6
	return nil
}

// hexUnit reads \uXXXX at the start of text.
func hexUnit(text []byte) (unit uint32, ok bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	for _, c := range text[2:6] {
		switch {
		case isDigit(c):
			unit = unit<<4 | uint32(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			unit = unit<<4 | uint32(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return unit, true
}

// unquote resolves a string that the scanner has passed.
func unquote(v Value) (string, error) {
	if bytes.IndexByte(v, '\\') < 0 {
		return string(v[1 : len(v)-1]), nil
	}
	var text string
	if err := json.Unmarshal(v, &text); err != nil {
		return "", fmt.Errorf("%w: resolve escapes", ErrJSON)
	}
	return text, nil
}

// orderedJSON writes an object of strings with its names in alphabetical
// order and without spaces, as RFC 7638 wants it.
func orderedJSON(members map[string]string) []byte {
	out, err := json.Marshal(members)
	if err != nil {
		return nil // strings always marshal
	}
	return out
}
