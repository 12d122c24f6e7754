package rules

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/revoke/rule"
)

// ErrRule reports a rule that is none.
var ErrRule = errors.New("rules: malformed rule")

// Of reads a rule of the wire. Errors wrap ErrRule. A mode that is not known
// counts as hard: it refuses more.
func Of(w api.FeedRule) (Rule, error) {
	r := Rule{Seq: w.Seq, At: w.At, Prune: w.Prune, Kind: KindOf(w.Kind), Soft: w.Mode == string(rule.Soft)}
	key, ok := keyOf([]byte(w.Hash))
	if r.Key = key; !ok || w.Seq <= 0 || w.Seq>>53 != 0 {
		return Rule{}, fmt.Errorf("%w: seq or hash", ErrRule)
	}
	return r, nil
}

// Wire is the rule in the form of the feed.
func (r Rule) Wire() api.FeedRule {
	h := r.Key.Hash()
	w := api.FeedRule{Seq: r.Seq, Kind: r.Kind.String(), Hash: base64.RawURLEncoding.EncodeToString(h[:]), At: r.At, Prune: r.Prune, Mode: string(rule.Hard)}
	if r.Soft {
		w.Mode = string(rule.Soft)
	}
	return w
}

// encodedHash is the length of a hash in base64url.
const encodedHash = (rule.HashSize*8 + 5) / 6

func keyOf(encoded []byte) (Key, bool) {
	var h [rule.HashSize + 2]byte // room for what base64 writes too much
	if len(encoded) != encodedHash {
		return Key{}, false
	}
	n, err := base64.RawURLEncoding.Strict().Decode(h[:], encoded)
	if err != nil || n != rule.HashSize {
		return Key{}, false
	}
	k := KeyOf([rule.HashSize]byte(h[:rule.HashSize]))
	return k, k != Key{}
}

// Parse reads a line of a snapshot. A million of them are read within a
// fraction of a second, as long as they are written as Portaria does; others
// take longer. Errors wrap ErrRule.
func Parse(line []byte) (Rule, error) {
	if r, ok := parseFast(line); ok {
		return r, nil
	}
	var w api.FeedRule
	if err := json.Unmarshal(line, &w); err != nil {
		return Rule{}, fmt.Errorf("%w: %w", ErrRule, err)
	}
	return Of(w)
}

// reader reads what is expected; after the first surprise it reads nothing.
type reader struct {
	rest   []byte
	failed bool
}

func (r *reader) literal(s string) {
	if r.failed || len(r.rest) < len(s) || string(r.rest[:len(s)]) != s {
		r.failed = true
		return
	}
	r.rest = r.rest[len(s):]
}

func (r *reader) number() (n int64) {
	i := 0
	for ; i < len(r.rest) && i < 17 && '0' <= r.rest[i] && r.rest[i] <= '9'; i++ {
		n = n*10 + int64(r.rest[i]-'0')
	}
	r.failed = r.failed || i == 0 || i > 1 && r.rest[0] == '0'
	r.rest = r.rest[i:]
	return n
}

func (r *reader) text() []byte {
	i := bytes.IndexByte(r.rest, '"')
	if r.failed || i < 0 || i > encodedHash {
		r.failed = true
		return nil
	}
	text := r.rest[:i]
	r.rest = r.rest[i+1:]
	return text
}

func parseFast(line []byte) (Rule, bool) {
	r := reader{rest: line}
	var out Rule
	r.literal(`{"seq":`)
	out.Seq = r.number()
	r.literal(`,"kind":"`)
	kind := r.text()
	r.literal(`,"h":"`)
	hash := r.text()
	r.literal(`,"t":`)
	out.At = r.number()
	r.literal(`,"x":`)
	out.Prune = r.number()
	r.literal(`,"mode":"`)
	mode := r.text()
	r.literal(`}`)
	if r.failed || len(r.rest) > 0 || out.Seq <= 0 || out.Seq>>53 != 0 {
		return Rule{}, false
	}
	out.Kind = KindOf(string(kind)) // does not escape: no memory
	switch string(mode) {
	case string(rule.Hard):
	case string(rule.Soft):
		out.Soft = true
	default:
		return Rule{}, false
	}
	var ok bool
	out.Key, ok = keyOf(hash)
	return out, ok
}
