package policy

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// MaxChecked is the number of characters of a password that are checked. What is
// longer is no common password.
const MaxChecked = 64

// Fold brings a text into the form in which passwords and words are compared:
// compatibility forms, lower case, no accents, no white space.
func Fold(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(s) {
		if !unicode.Is(unicode.Mn, r) && !unicode.IsSpace(r) {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

// substitutions returns the usual readings of a text with digits and signs in place
// of letters. 1 and ! stand for i and for l.
func substitutions(s string) [2]string {
	return [2]string{
		strings.NewReplacer("@", "a", "4", "a", "3", "e", "1", "i", "!", "i", "0", "o", "$", "s", "5", "s", "7", "t", "+", "t", "8", "b").Replace(s),
		strings.NewReplacer("@", "a", "4", "a", "3", "e", "1", "l", "!", "l", "0", "o", "$", "s", "5", "s", "7", "t", "+", "t", "8", "b").Replace(s),
	}
}

// isLetter is not unicode.IsLetter: a sign that is no digit and no mark of an
// alphabet separates words.
func isLetter(r rune) bool { return unicode.IsLetter(r) }

// core returns what is between the digits and signs at both ends, and these.
func core(s string) (before, word, after string) {
	word = strings.TrimLeftFunc(s, func(r rune) bool { return !isLetter(r) })
	before = s[:len(s)-len(word)]
	word = strings.TrimRightFunc(word, func(r rune) bool { return !isLetter(r) })
	return before, word, s[len(before)+len(word):]
}

// unit returns the shortest text whose repetition is s.
func unit(s string) string {
	for n := 1; n <= len(s)/2; n++ {
		if len(s)%n == 0 && strings.Repeat(s[:n], len(s)/n) == s {
			return s[:n]
		}
	}
	return s
}

// sequence reports whether each byte is the next of the one before it, or the
// previous, as in "23456789" and "hgfedcba".
func sequence(s string) bool {
	if len(s) < 3 {
		return false
	}
	step := int(s[1]) - int(s[0])
	for i := 1; i < len(s); i++ {
		if int(s[i])-int(s[i-1]) != step {
			return false
		}
	}
	return step == 1 || step == -1
}

// sortByLength puts the longest first.
func sortByLength(words []string) {
	slices.SortStableFunc(words, func(a, b string) int { return len(b) - len(a) })
}
