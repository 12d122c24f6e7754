// Package exports reads accounts from files that other systems write: JSON lines,
// JSON documents and CSV. It never holds a whole file in memory.
package exports

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/portaria/portaria/api"
)

// Options say how a file is read.
type Options struct {
	// From is one of [Systems], or empty for the members of [api.ImportedAccount].
	From string
	// Identifier is the member that people sign in with; empty for the usual one of
	// the system.
	Identifier string
	// Firebase is needed for its exports.
	Firebase HashConfig
	// Now dates what has no date.
	Now time.Time
}

// Entry is one account of a file.
type Entry struct {
	// Number is that of its line, or its place in a JSON document, from 1 on.
	Number  int
	Account api.ImportedAccount
	// Err says why it cannot be imported.
	Err error
}

// MaxLine is the length of the longest line or record, in bytes.
const MaxLine = 64 << 10

// ErrFormat reports a file that is not what it should be. Nothing more can be read.
var ErrFormat = errors.New("export cannot be read")

// Reader reads one file.
type Reader struct {
	options Options
	system  system
	next    func() (record, int, error)
}

// record holds the members of one account.
type record map[string]any

// Systems returns the names of the systems whose exports are known.
func Systems() []string {
	var names []string
	for name := range systems() {
		if name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// New reads the beginning of a file. Errors: ErrFormat.
func New(in io.Reader, o Options) (*Reader, error) {
	s, known := systems()[o.From]
	if !known {
		return nil, fmt.Errorf("%w: no system is called %q", ErrFormat, o.From)
	}
	r := &Reader{options: o, system: s}
	text := bufio.NewReaderSize(in, MaxLine)
	first, err := firstByte(text)
	switch {
	case errors.Is(err, io.EOF):
		r.next, err = func() (record, int, error) { return nil, 0, io.EOF }, nil
	case err != nil:
		return nil, err
	case first == '[', first == '{' && s.list != "":
		r.next, err = elements(text, s.list)
	case first == '{':
		r.next = lines(text)
	default:
		r.next, err = rows(text, s)
	}
	return r, err
}

// firstByte returns the first byte that is no white space, without reading it.
func firstByte(text *bufio.Reader) (byte, error) {
	if mark, err := text.Peek(3); err == nil && string(mark) == "\ufeff" {
		_, _ = text.Discard(3)
	}
	for {
		b, err := text.Peek(1)
		if err != nil {
			return 0, err
		}
		if !strings.ContainsRune(" \t\r\n", rune(b[0])) {
			return b[0], nil
		}
		_, _ = text.Discard(1)
	}
}

// Next returns the next account. Errors: io.EOF after the last one, and ErrFormat.
func (r *Reader) Next() (Entry, error) {
	for {
		members, number, err := r.next()
		var bad *lineError
		switch {
		case errors.As(err, &bad):
			return Entry{Number: number, Err: bad}, nil
		case err != nil:
			return Entry{}, err
		case members == nil: // an empty line
			continue
		}
		a, err := r.system.read(members, r.options)
		if err == nil && a.Identifier == "" {
			err = errors.New("it has no identifier")
		}
		if err == nil && utf8.RuneCountInString(a.PasswordHash) > 2048 {
			err = errors.New("password_hash is longer than 2048 characters")
		}
		return Entry{number, a, err}, nil
	}
}

// lineError is about one line; the next can be read.
type lineError struct{ text string }

func (e *lineError) Error() string { return e.text }

// lines reads a JSON object a line.
func lines(text *bufio.Reader) func() (record, int, error) {
	n := 0
	return func() (record, int, error) {
		line, err := text.ReadSlice('\n')
		n++
		if errors.Is(err, bufio.ErrBufferFull) {
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = text.ReadSlice('\n')
			}
			return nil, n, &lineError{fmt.Sprintf("line is longer than %d bytes", MaxLine)}
		}
		if err != nil && (!errors.Is(err, io.EOF) || len(line) == 0) {
			return nil, n, err
		}
		if strings.TrimSpace(string(line)) == "" {
			return nil, n, nil
		}
		members, err := object(line)
		if err != nil {
			return nil, n, &lineError{"not a JSON object: " + err.Error()}
		}
		return members, n, nil
	}
}

func object(text []byte) (record, error) {
	var members record
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	if err := decoder.Decode(&members); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the object")
	}
	if members == nil {
		return nil, errors.New("it is null")
	}
	return members, nil
}

// elements reads the objects of a JSON list: of the whole document, or of the member
// list of the object that it is.
func elements(text io.Reader, list string) (func() (record, int, error), error) {
	decoder := json.NewDecoder(text)
	decoder.UseNumber()
	fail := func(err error) error {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	token, err := decoder.Token()
	if err != nil {
		return nil, fail(err)
	}
	if token == json.Delim('{') {
		if err := seek(decoder, list); err != nil {
			return nil, fail(err)
		}
	}
	n := 0
	return func() (record, int, error) {
		n++
		if !decoder.More() {
			if _, err := decoder.Token(); err != nil {
				return nil, n, fail(err)
			}
			return nil, n, io.EOF
		}
		var members record
		if err := decoder.Decode(&members); err != nil {
			var kind *json.UnmarshalTypeError
			if errors.As(err, &kind) {
				return nil, n, &lineError{"not a JSON object"}
			}
			return nil, n, fail(err)
		}
		if members == nil {
			return nil, n, &lineError{"not a JSON object"}
		}
		return members, n, nil
	}, nil
}

// seek moves to the first element of a member's list.
func seek(decoder *json.Decoder, list string) error {
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return err
		}
		if name == list {
			if open, err := decoder.Token(); err != nil || open != json.Delim('[') {
				return fmt.Errorf("member %s is not a list", list)
			}
			return nil
		}
		var skipped json.RawMessage
		if err := decoder.Decode(&skipped); err != nil {
			return err
		}
	}
	return fmt.Errorf("there is no member %s", list)
}

// rows reads CSV with a header.
func rows(text io.Reader, s system) (func() (record, int, error), error) {
	table := csv.NewReader(text)
	table.ReuseRecord = true
	header, err := table.Read()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	names := make([]string, len(header))
	for i, name := range header {
		names[i] = strings.TrimSpace(name)
		if s.strict && !slices.Contains(members(), names[i]) {
			return nil, fmt.Errorf("%w: column %q is unknown; the columns are %s", ErrFormat, names[i], strings.Join(members(), ", "))
		}
	}
	return func() (record, int, error) {
		fields, err := table.Read()
		if errors.Is(err, io.EOF) {
			return nil, 0, io.EOF
		}
		var bad *csv.ParseError
		if errors.As(err, &bad) {
			return nil, bad.StartLine, &lineError{bad.Err.Error()}
		}
		if err != nil {
			return nil, 0, fmt.Errorf("%w: %w", ErrFormat, err)
		}
		number, _ := table.FieldPos(0)
		out := record{}
		for i, field := range fields {
			if field != "" {
				out[names[i]] = field
			}
		}
		return out, number, nil
	}, nil
}
