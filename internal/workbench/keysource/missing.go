package keysource

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/strictjson"
)

// maxNamed is how many keys of a file an error lists.
const maxNamed = 5

// maxQuoted is how much of a stranger's text an error repeats, in characters.
const maxQuoted = 64

// Wanted is the key that something needs.
type Wanted struct {
	Kid     string
	Alg     jose.Algorithm // empty: any that fits
	Verb    string         // verify, sign, encrypt or decrypt
	Source  string         // the token or the command, which names kid and alg
	Private bool           // the private half is needed
}

// missing says why the set has no such key: another name, another algorithm,
// another kind, or only the public half.
func (w Wanted) Missing(set jose.KeySet) error {
	keys := w.named(set.Keys())
	if len(keys) == 0 {
		return fmt.Errorf("no key is called %s, as %s says; the key file has %s", Quoted(w.Kid), w.Source, keyNames(set.Keys()))
	}
	fit := slices.DeleteFunc(slices.Clone(keys), func(k jose.Key) bool { return !w.kind(k) || w.Alg != "" && !hasAlgorithm(k, w.Alg) })
	public := func(k jose.Key) bool { return !k.Private() }
	switch {
	case len(fit) > 0 && w.Private && !slices.ContainsFunc(fit, jose.Key.Private):
		return fmt.Errorf("this is a public key; %sing needs its private half", w.Verb)
	case len(fit) > 0:
		return fmt.Errorf("%s may not %s: its use or key_ops are for something else", keyNames(fit), w.Verb)
	case !slices.ContainsFunc(keys, w.kind):
		return fmt.Errorf("there is no key to %s with: the key file has %s", w.Verb, keyNames(keys))
	case w.Private && !slices.ContainsFunc(keys, jose.Key.Private) && slices.ContainsFunc(keys, public) && w.Alg == "":
		return fmt.Errorf("this is a public key; %sing needs its private half", w.Verb)
	}
	return fmt.Errorf("%s says alg %s; the key file has %s", w.Source, Quoted(string(w.Alg)), keyNames(keys))
}

// named are the keys of this name. In files without names, which PEM files
// are, each key goes by its thumbprint, and may be meant.
func (w Wanted) named(all []jose.Key) []jose.Key {
	if w.Kid == "" {
		return all
	}
	keys := slices.DeleteFunc(slices.Clone(all), func(k jose.Key) bool { return k.Kid() != w.Kid })
	if len(keys) > 0 {
		return keys
	}
	other := func(k jose.Key) bool {
		return k.Kid() != k.Thumbprint() || hasAlgorithm(k, w.Alg) && (k.Private() || !w.Private)
	}
	if slices.ContainsFunc(all, other) {
		return nil
	}
	return all
}

// kind reports whether keys like this one can do it at all.
func (w Wanted) kind(k jose.Key) bool {
	if w.Verb == "sign" || w.Verb == "verify" {
		return k.Algorithm().Signs()
	}
	return !k.Algorithm().Signs()
}

// keyNames lists keys with their algorithms.
func keyNames(keys []jose.Key) string {
	var names []string
	for i := 0; i < len(keys); {
		same := i + 1
		for same < len(keys) && keys[same].Kid() == keys[i].Kid() {
			same++
		}
		name := fmt.Sprintf("key %s for %s", Quoted(keys[i].Kid()), keys[i].Algorithm())
		if same > i+1 {
			name += fmt.Sprintf(" and %d others", same-i-1)
		}
		names, i = append(names, name), same
	}
	if more := len(names) - maxNamed; more > 0 {
		names = append(names[:maxNamed], fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

// Quoted is what a stranger wrote, escaped and cut.
func Quoted(text string) string {
	if runes := []rune(text); len(runes) > maxQuoted {
		text = string(runes[:maxQuoted]) + "..."
	}
	return fmt.Sprintf("%+q", text)
}

// AboutHeader adds to the refusal of a header what it is about: the
// algorithm, or the extensions that crit names.
func AboutHeader(token string, err error) error {
	if !errors.Is(err, jose.ErrHeader) && !errors.Is(err, jose.ErrAlgorithm) {
		return err
	}
	encoded, _, _ := strings.Cut(token, ".")
	text, decodeErr := jose.Decode(encoded)
	object, parseErr := strictjson.Parse(text)
	if decodeErr != nil || parseErr != nil {
		return err
	}
	member := "crit"
	if errors.Is(err, jose.ErrAlgorithm) {
		member = "alg"
	}
	if value, ok := object.Get(member); ok {
		return fmt.Errorf("%w: it says %s %s", err, member, named(value))
	}
	return err
}

// named is a text, or a list of them, of a header.
func named(value strictjson.Value) string {
	texts, err := value.TextOrTexts()
	if err != nil {
		return Quoted(string(value))
	}
	for i, text := range texts {
		texts[i] = Quoted(text)
	}
	if more := len(texts) - maxNamed; more > 0 {
		texts = append(texts[:maxNamed], fmt.Sprintf("%d more", more))
	}
	return strings.Join(texts, ", ")
}

// OnlyHere says what a symmetric key means.
func OnlyHere(a jose.Algorithm) string {
	return string(a) + " is for a single service: whoever can verify with it can also sign"
}
