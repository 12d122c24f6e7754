package strictjson

import (
	"fmt"
	"strconv"
	"time"
)

// Value is the text of a JSON value that [Parse] has checked.
type Value []byte

// maxDate is the last second of the year 9999, beyond which neither RFC 3339
// nor most databases reach.
const maxDate = 253402300799

// Text returns the value as a string. Errors wrap ErrInvalid.
func (v Value) Text() (string, error) {
	if len(v) < 2 || v[0] != '"' {
		return "", fmt.Errorf("%w: not a string", ErrInvalid)
	}
	return unquote(v)
}

// Bool returns the value as a boolean. Errors wrap ErrInvalid.
func (v Value) Bool() (bool, error) {
	switch string(v) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("%w: not a boolean", ErrInvalid)
}

// Int returns the value as a whole number from 0 to 2^63-1. Errors wrap ErrInvalid.
func (v Value) Int() (int64, error) {
	n, err := strconv.ParseUint(string(v), 10, 63)
	if err != nil {
		return 0, fmt.Errorf("%w: not a whole number in range", ErrInvalid)
	}
	return int64(n), nil
}

// Date returns the value as a NumericDate (RFC 7519, section 2) between 1970
// and 9999, in UTC; fractions are kept to the millisecond, rounded down. A
// date beyond that is refused, where a plain conversion would overflow and
// turn a token that never expires into one from the past, or the reverse.
// Errors wrap ErrInvalid.
func (v Value) Date() (time.Time, error) {
	if seconds, err := strconv.ParseUint(string(v), 10, 63); err == nil {
		if seconds > maxDate {
			return time.Time{}, fmt.Errorf("%w: date out of range", ErrInvalid)
		}
		return time.Unix(int64(seconds), 0).UTC(), nil
	}
	if len(v) == 0 || !isDigit(v[0]) {
		return time.Time{}, fmt.Errorf("%w: not a date in range", ErrInvalid)
	}
	seconds, err := strconv.ParseFloat(string(v), 64)
	if err != nil || seconds > maxDate {
		return time.Time{}, fmt.Errorf("%w: date out of range", ErrInvalid)
	}
	return time.UnixMilli(int64(seconds * 1000)).UTC(), nil
}

// Elements returns the elements of the value, an array. Errors wrap ErrInvalid.
func (v Value) Elements() ([]Value, error) { return v.elements(false) }

// ElementsShallow is Elements of an array in an object that [ParseShallow] has read.
func (v Value) ElementsShallow() ([]Value, error) { return v.elements(true) }

func (v Value) elements(shallow bool) ([]Value, error) {
	if len(v) < 2 || v[0] != '[' {
		return nil, fmt.Errorf("%w: not an array", ErrInvalid)
	}
	s := Limits{}.scanner(v)
	s.at, s.shallow = 1, shallow
	elements := []Value{}
	if s.space(); s.peek() == ']' {
		return elements, nil
	}
	for {
		element, err := s.value(1)
		if err != nil {
			return nil, err
		}
		elements = append(elements, element)
		if more, err := s.more(']'); !more {
			return elements, err
		}
	}
}

// Texts returns the value as an array of strings. Errors wrap ErrInvalid.
func (v Value) Texts() ([]string, error) {
	elements, err := v.Elements()
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(elements))
	for i, element := range elements {
		if texts[i], err = element.Text(); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

// TextOrTexts returns the value as strings, whether it is written as one
// string or as an array, as "aud" may be (RFC 7519, section 4.1.3). Errors
// wrap ErrInvalid.
func (v Value) TextOrTexts() ([]string, error) {
	if len(v) > 0 && v[0] == '[' {
		return v.Texts()
	}
	text, err := v.Text()
	if err != nil {
		return nil, err
	}
	return []string{text}, nil
}
