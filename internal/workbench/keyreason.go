package workbench

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

// wanted is the key that something needs.
type wanted struct {
	kid     string
	alg     jose.Algorithm // empty: any that fits
	verb    string         // verify, sign, encrypt or decrypt
	said    string         // who named kid and alg
	private bool           // the private half is needed
}

// missing says why the set has no such key: another name, another algorithm,
// another kind, or only the public half.
func (w wanted) missing(set jose.KeySet) error {
	keys := w.named(set.Keys())
	if len(keys) == 0 {
		return fmt.Errorf("no key is called %s, as %s says; the key file has %s", quoted(w.kid), w.said, keyNames(set.Keys()))
	}
	fit := slices.DeleteFunc(slices.Clone(keys), func(k jose.Key) bool { return !w.kind(k) || w.alg != "" && !hasAlgorithm(k, w.alg) })
	public := func(k jose.Key) bool { return !k.Private() }
	switch {
	case len(fit) > 0 && w.private && !slices.ContainsFunc(fit, jose.Key.Private):
		return fmt.Errorf("this is a public key; %sing needs its private half", w.verb)
	case len(fit) > 0:
		return fmt.Errorf("%s may not %s: its use or key_ops are for something else", keyNames(fit), w.verb)
	case !slices.ContainsFunc(keys, w.kind):
		return fmt.Errorf("there is no key to %s with: the key file has %s", w.verb, keyNames(keys))
	case w.private && !slices.ContainsFunc(keys, jose.Key.Private) && slices.ContainsFunc(keys, public) && w.alg == "":
		return fmt.Errorf("this is a public key; %sing needs its private half", w.verb)
	}
	return fmt.Errorf("%s says alg %s; the key file has %s", w.said, quoted(string(w.alg)), keyNames(keys))
}

// named are the keys of this name. In files without names, which PEM files
// are, each key goes by its thumbprint, and may be meant.
func (w wanted) named(all []jose.Key) []jose.Key {
	if w.kid == "" {
		return all
	}
	keys := slices.DeleteFunc(slices.Clone(all), func(k jose.Key) bool { return k.Kid() != w.kid })
	if len(keys) > 0 {
		return keys
	}
	other := func(k jose.Key) bool {
		return k.Kid() != k.Thumbprint() || hasAlgorithm(k, w.alg) && (k.Private() || !w.private)
	}
	if slices.ContainsFunc(all, other) {
		return nil
	}
	return all
}

// kind reports whether keys like this one can do it at all.
func (w wanted) kind(k jose.Key) bool {
	if w.verb == "sign" || w.verb == "verify" {
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
		name := fmt.Sprintf("key %s for %s", quoted(keys[i].Kid()), keys[i].Algorithm())
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

// quoted is what a stranger wrote, escaped and cut.
func quoted(text string) string {
	if runes := []rune(text); len(runes) > maxQuoted {
		text = string(runes[:maxQuoted]) + "..."
	}
	return fmt.Sprintf("%+q", text)
}

// aboutHeaderOf adds to the refusal of a header what it is about: the
// algorithm, or the extensions that crit names.
func aboutHeaderOf(token string, err error) error {
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
		return quoted(string(value))
	}
	for i, text := range texts {
		texts[i] = quoted(text)
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
