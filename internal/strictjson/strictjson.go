// Package strictjson reads JSON in one way only. It refuses what two readers could
// understand differently: duplicate names, text after the end, invalid UTF-8, lone
// surrogates, numbers out of range. Names are compared byte by byte. Go's own decoder
// reads "EXP" as "exp", and takes the last of two duplicates.
package strictjson

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ErrInvalid reports text that is not strict JSON, or a value of another kind than
// the one asked for.
var ErrInvalid = errors.New("malformed JSON")

// Error reports a fault of a text with its position. It wraps ErrInvalid.
type Error struct {
	Reason Reason
	// At is the position of the byte at fault, from 0.
	At int
	// Path names the member at fault, such as "target.account" or "set[2].id". It is
	// empty for the text as a whole. The author of the text chose the names, so
	// Error leaves them out.
	Path string
}

// Error returns the fault and the byte where it is.
func (e *Error) Error() string { return fmt.Sprintf("%v: %s at byte %d", ErrInvalid, e.Reason, e.At) }

// Unwrap returns ErrInvalid.
func (e *Error) Unwrap() error { return ErrInvalid }

// Reason is the kind of fault of a text.
type Reason string

// The reasons that callers tell apart.
const (
	NotObject  Reason = "not an object"
	Duplicate  Reason = "duplicate name"
	OutOfRange Reason = "number out of range"
)

// Limits bound a text. A zero field has its default.
type Limits struct {
	// Members is the greatest number of members of one object; by default 100.
	Members int
	// Depth is how deep objects and arrays may nest, counted with the outermost; by
	// default 16.
	Depth int
}

const (
	defaultMembers = 100
	defaultDepth   = 16
)

// Member is one name and value of a JSON object.
type Member struct {
	Name  string
	Value Value
}

// Object is a JSON object in the order in which it was written. Names are
// unique after their escapes are resolved.
type Object []Member

// Parse reads a JSON object within the default limits; see [Limits.Parse].
func Parse(data []byte) (Object, error) { return Limits{}.Parse(data) }

// Parse reads a JSON object: RFC 8259, valid UTF-8, no lone surrogates, no
// duplicate names at any level, nothing after the end. Values are checked and stay
// text; they share memory with data. Errors are of type *[Error].
func (l Limits) Parse(data []byte) (Object, error) {
	return l.scanner(data).whole(make(Object, 0, 16))
}

// ParseShallow is [Parse] that does not look for duplicate names and too many
// members below the first level. Read each value with Parse before you use it.
func ParseShallow(data []byte) (Object, error) {
	s := Limits{}.scanner(data)
	s.shallow = true
	return s.whole(nil)
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
	// members and depth are the limits.
	members, depth int
	// shallow leaves duplicate names and the number of members below the first
	// level to the code that reads the values one by one.
	shallow bool
}

func (l Limits) scanner(data []byte) *scanner {
	return &scanner{data: data, members: cmp.Or(l.Members, defaultMembers), depth: cmp.Or(l.Depth, defaultDepth)}
}

func (s *scanner) fail(why Reason) error { return &Error{Reason: why, At: s.at} }

// whole reads a text that is one object.
func (s *scanner) whole(into Object) (Object, error) {
	s.space()
	if s.peek() != '{' {
		return nil, s.notObject()
	}
	object, err := s.object(into, 1)
	if err != nil {
		return nil, err
	}
	return object, s.end()
}

// notObject tells a value of another kind from text that is no JSON.
func (s *scanner) notObject() error {
	start := s.at
	if _, err := s.value(0); err != nil {
		return err
	}
	if err := s.end(); err != nil {
		return err
	}
	s.at = start
	return s.fail(NotObject)
}

func (s *scanner) end() error {
	if s.space(); s.at < len(s.data) {
		return s.fail("text after the end")
	}
	return nil
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
	var names index
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
		if names.has(into, m.Name) {
			return nil, within(m.Name, s.fail(Duplicate))
		}
		if into = append(into, m); len(into) > s.members {
			return nil, s.fail("too many members")
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
		return Member{}, s.fail("colon expected")
	}
	s.at++
	value, err := s.value(depth)
	if err != nil {
		if text, unreadable := unquote(name); unreadable == nil {
			err = within(text, err)
		}
		return Member{}, err
	}
	text, err := unquote(name)
	return Member{Name: text, Value: value}, err
}

// within puts a name in front of the path of an error.
func within(name string, err error) error {
	var e *Error
	if errors.As(err, &e) {
		switch {
		case e.Path == "":
			e.Path = name
		case e.Path[0] == '[':
			e.Path = name + e.Path
		default:
			e.Path = name + "." + e.Path
		}
	}
	return err
}

// index finds names among many members, where looking at each would take too long.
type index map[string]bool

// few is up to how many members are looked at one by one.
const few = 128

func (x *index) has(object Object, name string) bool {
	if len(object) <= few {
		_, found := object.Get(name)
		return found
	}
	if *x == nil {
		*x = index{}
		for _, m := range object {
			(*x)[m.Name] = true
		}
	}
	if (*x)[name] {
		return true
	}
	(*x)[name] = true
	return false
}

// more reads what follows an element: a comma, or the closing bracket.
func (s *scanner) more(closing byte) (bool, error) {
	s.space()
	c := s.peek()
	if c != ',' && c != closing {
		return false, s.fail("comma expected")
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
	case (c == '{' || c == '[') && depth >= s.depth:
		err = s.fail("nested too deep")
	case c == '{':
		_, err = s.object(nil, depth+1)
	case c == '[':
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
		err = s.fail("value expected")
	}
	return Value(s.data[start:s.at:s.at]), err
}

func (s *scanner) array(depth int) error {
	s.at++
	if s.space(); s.peek() == ']' {
		s.at++
		return nil
	}
	for i := 0; ; i++ {
		if _, err := s.value(depth); err != nil {
			return within("["+strconv.Itoa(i)+"]", err)
		}
		if more, err := s.more(']'); !more {
			return err
		}
	}
}

func (s *scanner) word(w string) error {
	if !bytes.HasPrefix(s.data[s.at:], []byte(w)) {
		return s.fail("unknown word")
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
		return s.fail("digit expected")
	}
	if s.peek() == '.' {
		if s.at++; !s.digits() {
			return s.fail("digit expected")
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.at++
		if c := s.peek(); c == '+' || c == '-' {
			s.at++
		}
		if !s.digits() {
			return s.fail("digit expected")
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
		return s.fail(OutOfRange)
	}
	return nil
}

// string reads a string and returns its text with the quotes.
func (s *scanner) string() (Value, error) {
	if s.peek() != '"' {
		return nil, s.fail("string expected")
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
			return nil, s.fail("control character")
		case c < utf8.RuneSelf:
			s.at++
		default:
			r, n := utf8.DecodeRune(s.data[s.at:])
			if r == utf8.RuneError && n == 1 {
				return nil, s.fail("invalid UTF-8")
			}
			s.at += n
		}
	}
	return nil, s.fail("string without end")
}

// escape reads one escape sequence; a lone surrogate is refused, because two
// readers would resolve it to two different names.
func (s *scanner) escape() error {
	rest := s.data[s.at:]
	if len(rest) < 2 {
		return s.fail("string without end")
	}
	if bytes.IndexByte([]byte(`"\/bfnrt`), rest[1]) >= 0 {
		s.at += 2
		return nil
	}
	unit, ok := hexUnit(rest)
	if !ok {
		return s.fail("unknown escape")
	}
	s.at += 6
	if unit < 0xd800 || unit > 0xdfff {
		return nil
	}
	low, ok := hexUnit(s.data[s.at:])
	if unit > 0xdbff || !ok || low < 0xdc00 || low > 0xdfff {
		return s.fail("half a character (lone surrogate)")
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
		return "", fmt.Errorf("%w: resolve escapes", ErrInvalid)
	}
	return text, nil
}
