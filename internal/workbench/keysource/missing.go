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

// maxQuoted is the number of characters that an error repeats of a text from a token.
const maxQuoted = 64

// Wanted describes the key that is needed.
type Wanted struct {
	Kid     string
	Alg     jose.Algorithm // empty: any that fits
	Verb    string         // verify, sign, encrypt or decrypt
	Source  string         // the token or the command, which names kid and alg
	Private bool           // the private half is needed
}

// missing returns the reason why the set does not have the key: another kid, another
// algorithm, another kind, or only the public half.
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

// named returns the keys with this kid. In files without kids, such as PEM files,
// every key is possible.
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

// kind reports whether keys of this kind can do it.
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

// Quoted returns a text from a token, escaped and cut.
func Quoted(text string) string {
	if runes := []rune(text); len(runes) > maxQuoted {
		text = string(runes[:maxQuoted]) + "..."
	}
	return fmt.Sprintf("%+q", text)
}

// AboutHeader adds the rejected algorithm, or the extensions in crit, to an error
// about a header.
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

// named returns a text or a list of texts of a header.
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

// OnlyHere explains the limit of a symmetric key.
func OnlyHere(a jose.Algorithm) string {
	return string(a) + " is for a single service: everybody who can verify with it can also sign"
}
