package verify

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/portaria/portaria/internal/jose"
)

// published reads the key set of an issuer, who may have made a mistake. What is
// in it that must not be used is left out, and the rest stays good: secrets and
// private keys, which everybody can sign with now, their public halves, and keys
// that share a kid and an algorithm, because nobody can say which of them
// signed. A set of which nothing is left is refused.
func (s *keys) published(data []byte, log *slog.Logger) (jose.KeySet, error) {
	set, err := parsePublic(data)
	if err == nil {
		s.left.Store(nil)
		return set, nil
	}
	good, left := usable(data)
	if len(left) == 0 {
		return jose.KeySet{}, err // something else is wrong
	}
	what := strings.Join(left, "; ")
	if old := s.left.Swap(&what); old == nil || *old != what {
		log.Warn("keys in the issuer's key set are not used", "keys", what)
	}
	set, again := parsePublic(jose.KeySetJSON(good))
	if again != nil {
		return jose.KeySet{}, fmt.Errorf("%w; without them: %w", err, again)
	}
	return set, nil
}

// candidate is one key of a set.
type candidate struct {
	jwk  []byte
	kid  string
	keys []jose.Key // none when it cannot be used at all
	bad  string     // why it must not be used
}

// usable returns the keys of a set that may be used, and why others may not.
func usable(data []byte) (good [][]byte, left []string) {
	all := candidates(data)
	burnt := map[string]bool{}
	for i := range all {
		for _, k := range all[i].keys {
			if k.Private() {
				all[i].bad = "is a private key or secret, and published"
				burnt[k.Thumbprint()] = true
			}
		}
	}
	for i := range all {
		c := &all[i]
		if c.bad == "" && slices.ContainsFunc(c.keys, func(k jose.Key) bool { return burnt[k.Thumbprint()] }) {
			c.bad = "has its private half published"
		}
		for j := range all[:i] {
			if c.confusedWith(&all[j]) {
				c.bad, all[j].bad = "shares its kid", "shares its kid"
			}
		}
	}
	for i, c := range all {
		if c.bad == "" {
			good = append(good, c.jwk)
		} else {
			left = append(left, fmt.Sprintf("%d (kid %q) %s", i, c.kid, c.bad))
		}
	}
	return good, left
}

// confusedWith tells whether two keys could be taken for each other.
func (c *candidate) confusedWith(other *candidate) bool {
	for _, one := range []*candidate{c, other} {
		if one.bad != "" && one.bad != "shares its kid" {
			return false
		}
	}
	if c.kid == "" || c.kid != other.kid || len(c.keys)+len(other.keys) == 0 {
		return false
	}
	_, err := jose.ParseKeySet(jose.KeySetJSON([][]byte{c.jwk, other.jwk}))
	return err != nil
}

// candidates reads a key set key by key; nil when it is none.
func candidates(data []byte) []candidate {
	object, err := jose.ParseObject(data)
	if err != nil || len(data) > jose.MaxKeySet {
		return nil
	}
	list, _ := object.Get("keys")
	jwks, err := list.Elements()
	if err != nil || len(jwks) > maxPublished {
		return nil
	}
	all := make([]candidate, len(jwks))
	for i, jwk := range jwks {
		all[i].jwk = jwk
		if one, err := jose.ParseObject(jwk); err == nil {
			all[i].kid, _ = textOf(one, "kid")
		}
		if set, err := jose.ParseKeySet(jwk); err == nil {
			all[i].keys = set.Keys()
		}
	}
	return all
}

// maxPublished is the greatest number of keys in a set.
const maxPublished = 100
