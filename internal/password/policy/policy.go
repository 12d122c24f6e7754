// Package policy refuses new passwords that are easy to guess: common ones, those
// made of the account's own names or of words that the operator lists, and those
// that were published in a breach. It does not ask for kinds of characters.
package policy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/portaria/portaria/internal/password"
)

// Why a new password is refused.
var (
	// ErrCommon reports a password that is among the first that attackers try.
	ErrCommon = errors.New("password is common")
	// ErrIdentifier reports a password that is made of a name of its account.
	ErrIdentifier = errors.New("password is too similar to the identifier")
	// ErrWord reports a password that is made of the service's name or of a word
	// that the operator lists.
	ErrWord = errors.New("password is made of a refused word")
	// ErrBreached reports a password that was published in a breach.
	ErrBreached = errors.New("password was published in a breach")
	// ErrNotChecked reports that breaches could not be looked up. Try again later.
	ErrNotChecked = errors.New("password could not be compared with breaches")
)

// Breaches looks passwords up that were published.
type Breaches interface {
	// Contains reports whether a password is among them; ErrNotChecked if that
	// cannot be found out.
	Contains(ctx context.Context, chosen password.Plain) (bool, error)
}

// Checker checks new passwords. The zero value knows the embedded list alone.
type Checker struct {
	words    []string
	breaches []Breaches
}

// minContext is the length of the shortest name or word that is looked for inside
// of a password, in characters. A shorter one is in many good passwords by chance,
// so it counts only if nothing but digits and signs is around it.
const minContext = 4

// New returns a checker that also refuses words, and what one of the breaches
// contains.
func New(words []string, breaches ...Breaches) Checker {
	return Checker{words: parts(words...), breaches: breaches}
}

// KnowsBreaches reports whether passwords are compared with breached ones.
func (c Checker) KnowsBreaches() bool { return len(c.breaches) > 0 }

// Check returns why a password must not be chosen for an account with these names.
// The password has passed the rules of package password. Its cost is bounded: only
// the first [MaxChecked] characters are looked at. Errors: those above.
func (c Checker) Check(ctx context.Context, chosen password.Plain, names ...string) error {
	if err := c.CheckOffline(chosen, names...); err != nil {
		return err
	}
	for _, b := range c.breaches {
		found, err := b.Contains(ctx, chosen)
		if err != nil {
			return fmt.Errorf("check password: %w", err)
		}
		if found {
			return ErrBreached
		}
	}
	return nil
}

// CheckOffline is Check without the breaches.
func (c Checker) CheckOffline(chosen password.Plain, names ...string) error {
	text := chosen.Reveal()
	if utf8.RuneCountInString(text) > MaxChecked {
		return nil
	}
	folded := Fold(text)
	// Names first: the caller learns more from this answer.
	if madeOf(folded, parts(names...)) {
		return ErrIdentifier
	}
	if madeOf(folded, c.words) {
		return ErrWord
	}
	if common(folded) {
		return ErrCommon
	}
	return nil
}

// common reports whether a folded password, one of its usual readings, or what is
// left without the digits and signs at its ends is on the list.
func common(folded string) bool {
	if len(folded) < minWord || sequence(folded) {
		return true
	}
	if short := unit(folded); short != folded && (len(short) < minWord || commonWord(short)) {
		return true // "abcabcabc", "senhasenha"
	}
	return commonWord(folded)
}

func commonWord(s string) bool {
	before, word, after := core(s)
	texts := []string{s}
	if addition(before) && addition(after) {
		texts = append(texts, word)
	}
	// "fl4meng0": the last digit stands for a letter.
	for _, n := range []int{0, 1} {
		if n < len(after) {
			texts = append(texts, s[len(before):len(s)-len(after)+n+1])
		}
	}
	for _, text := range texts {
		readings := substitutions(text)
		if listed(text) || listed(readings[0]) || listed(readings[1]) || listed(strings.Trim(text, "!@#$%&*._-")) {
			return true
		}
	}
	return false
}

// addition reports whether digits and signs at an end make a word no harder to
// guess: a year, a few signs, or a common sequence such as 123456.
func addition(s string) bool {
	digits := strings.Trim(s, "!@#$%&*._-+?")
	return len(s) <= 5 || len(digits) <= 4 && len(s)-len(digits) <= 3 || listed(digits) || sequence(digits) || len(unit(digits)) <= 2
}

// madeOf reports whether so little is left of a folded password without these words
// that the words make most of it.
func madeOf(folded string, words []string) bool {
	for _, text := range append([]string{folded, joined(folded)}, readings(folded)...) {
		left := text
		_, middle, _ := core(text)
		for _, word := range words {
			if middle == word {
				return true
			}
			if utf8.RuneCountInString(word) >= minContext {
				left = strings.ReplaceAll(left, word, "\x00")
			}
		}
		if left == text {
			continue
		}
		rest := strings.Trim(strings.ReplaceAll(left, "\x00", ""), "!@#$%&*._-+?")
		if len(rest) < minContext || digitsOnly(rest) && (len(rest) <= len("31121999") || addition(rest)) || listed(rest) {
			return true
		}
	}
	return false
}

// joined returns a text without the signs between its words.
func joined(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(separators, r) {
			return -1
		}
		return r
	}, s)
}

// separators are the signs between the words of a name.
const separators = "._-+'"

func readings(s string) []string {
	both := substitutions(s)
	return both[:]
}

func digitsOnly(s string) bool { return strings.Trim(s, "0123456789") == "" }

// parts returns the folded words of names: each name as a whole, an e-mail address
// without its domain, and its words between signs. The longest come first, so that
// no part of a name hides the whole.
func parts(names ...string) []string {
	var out []string
	seen := map[string]bool{}
	add := func(s string) {
		if utf8.RuneCountInString(s) > 1 && !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	for _, name := range names {
		whole := Fold(name)
		add(whole)
		local, _, _ := strings.Cut(whole, "@")
		add(local)
		add(joined(local))
		for _, word := range strings.FieldsFunc(local, func(r rune) bool { return strings.ContainsRune(separators+"0123456789", r) }) {
			add(word)
		}
	}
	sortByLength(out)
	return out
}
