package payload

import (
	"bytes"

	"github.com/portaria/portaria/internal/strictjson"
)

// maxFlat is twice the number of members that flat reads, because it returns
// names and values.
const maxFlat = 48

// flat reads the claims that nearly every token has: one JSON object of up to 24
// members, without white space, whose values are plain ASCII strings without escapes,
// whole numbers, true and false, or arrays of these strings. It appends names and
// values in turn and allocates nothing. It returns false for every other text, valid
// or not: [strictjson.Parse] then reads it. The two never disagree, which FuzzFlat
// checks.
func flat(into []strictjson.Value, data []byte) ([]strictjson.Value, bool) {
	if len(data) < 2 || data[0] != '{' {
		return nil, false
	}
	var seen uint64 // one bit for each name; two names rarely share one
	for at := 1; ; at++ {
		if len(into) == maxFlat {
			return nil, false
		}
		name := plainString(data[at:])
		at += name
		if name == 0 || at+1 >= len(data) || data[at] != ':' {
			return nil, false
		}
		at++
		value := plainValue(data[at:])
		if value == 0 || at+value >= len(data) {
			return nil, false
		}
		into = append(into, data[at-name:at-2], data[at:at+value:at+value])
		bit := uint64(1) << ((uint(name)*5 ^ uint(data[at-name])*3 ^ uint(data[at-3])) % 64)
		if seen&bit != 0 && repeated(into) {
			return nil, false
		}
		seen |= bit
		at += value
		if data[at] == '}' {
			return into, at == len(data)-1
		}
		if data[at] != ',' {
			return nil, false
		}
	}
}

// repeated reports whether the last name occurs earlier, too.
func repeated(members []strictjson.Value) bool {
	last := members[len(members)-2]
	for i := 0; i < len(members)-2; i += 2 {
		if len(members[i]) == len(last) && bytes.Equal(members[i], last) {
			return true
		}
	}
	return false
}

// plainString returns the length of a string with its quotes, 0 for a string that
// is not plain.
func plainString(data []byte) int {
	if len(data) == 0 || data[0] != '"' {
		return 0
	}
	for i, c := range data[1:] {
		switch {
		case '#' <= c && c <= '[', ']' <= c && c <= '~', c == ' ', c == '!':
		case c == '"':
			return i + 2
		default:
			return 0
		}
	}
	return 0
}

// plainValue returns the length of a value, 0 for a value that is not plain.
func plainValue(data []byte) int {
	switch c := data[0]; {
	case c == '"':
		return plainString(data)
	case c == '[':
		return plainArray(data)
	case '1' <= c && c <= '9':
		for i := 1; i < len(data) && i < 18; i++ {
			if data[i] < '0' || data[i] > '9' {
				return i
			}
		}
	case bytes.HasPrefix(data, []byte("true")):
		return len("true")
	case bytes.HasPrefix(data, []byte("false")):
		return len("false")
	case c == '0' && len(data) > 1 && (data[1] == ',' || data[1] == '}'):
		return 1
	}
	return 0
}

// plainArray is plainValue for an array of strings.
func plainArray(data []byte) int {
	for at := 1; ; at++ {
		n := plainString(data[at:])
		if at += n; n == 0 || at >= len(data) {
			return 0
		}
		if data[at] == ']' {
			return at + 1
		}
		if data[at] != ',' {
			return 0
		}
	}
}
