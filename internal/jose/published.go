package jose

import (
	"errors"
	"fmt"

	"github.com/portaria/portaria/internal/strictjson"
)

var (
	errPublishedSecret  = fmt.Errorf("%w: it is a private key or secret, and was published", ErrKey)
	errPublishedPrivate = fmt.Errorf("%w: its private half is published", ErrKey)
	errSharedKid        = fmt.Errorf("%w: two keys have one kid: it is unknown which of them signed", ErrKey)
	errBrokenNamesake   = fmt.Errorf("%w: a broken key has the same kid", ErrKey)
	errTooManyKeys      = fmt.Errorf("%w: the set has more than %d keys", ErrKey, maxKeys)
	errNoKeySet         = fmt.Errorf("%w: neither a key set nor a key", ErrKey)
)

// ParsePublished reads a key set that an issuer publishes. An issuer can make a mistake, so
// each key that must not be used is left out with its reason in [KeySet.Skipped], and the
// other keys stay valid. Besides the keys that [ParseKeySet] leaves out, these are:
//
//   - secrets and private keys, because everybody can sign with them now, and
//     their public halves;
//   - keys that share a kid and an algorithm, or a kid with a broken key;
//   - all keys after the hundredth.
//
// A set without a usable key is no error: it withdraws every key that was published before.
// Errors report text that is no key set, and wrap ErrKey or ErrJSON.
func ParsePublished(data []byte) (KeySet, error) {
	jwks, err := publishedKeys(data)
	if err != nil {
		return KeySet{}, fmt.Errorf("read key set: %w", err)
	}
	var s KeySet
	var all []candidate
	for i, jwk := range jwks {
		if i == maxKeys {
			s.skipped = append(s.skipped, Skipped{Index: i, Reason: errTooManyKeys})
			break
		}
		c := candidate{}
		c.entry, c.reason = parseEntry(jwk)
		all = append(all, c)
	}
	refuseBurnt(all)
	refuseNamesakes(all)
	for i, c := range all {
		if c.reason != nil {
			s.skipped = append(s.skipped, Skipped{Index: i, Kid: c.kid, Type: c.kty, Reason: c.reason})
			continue
		}
		s.entries = append(s.entries, c.entry)
	}
	return s, nil
}

// publishedKeys returns the texts of the keys. A text with a duplicate name does not
// invalidate the others.
func publishedKeys(data []byte) ([]strictjson.Value, error) {
	if len(data) > MaxKeySet {
		return nil, fmt.Errorf("%w: set longer than %d bytes", ErrKey, MaxKeySet)
	}
	object, err := strictjson.ParseShallow(data)
	if err != nil {
		return nil, err
	}
	if list, isSet := object.Get("keys"); isSet {
		return list.ElementsShallow()
	}
	if _, isKey := object.Get("kty"); isKey {
		return []strictjson.Value{data}, nil
	}
	return nil, errNoKeySet
}

// candidate is one key of a set, and the reason why it must not be used.
type candidate struct {
	entry
	reason error
}

// refuseBurnt rejects published private keys and secrets, and their public halves.
func refuseBurnt(all []candidate) {
	burnt := map[string]bool{}
	for i := range all {
		if c := &all[i]; c.reason == nil && c.keys[0].Private() {
			c.reason = errPublishedSecret
			burnt[c.keys[0].Thumbprint()] = true
		}
	}
	for i := range all {
		if c := &all[i]; c.reason == nil && len(burnt) > 0 && burnt[c.keys[0].Thumbprint()] {
			c.reason = errPublishedPrivate
		}
	}
}

// refuseNamesakes rejects keys that could be confused with each other.
func refuseNamesakes(all []candidate) {
	type name struct{ kid, of string }
	broken, users := map[name]bool{}, map[name][]int{}
	for i, c := range all {
		switch {
		case c.kid == "":
		case c.reason == nil:
			for _, k := range c.keys {
				n := name{c.kid, string(k.alg)}
				users[n] = append(users[n], i)
			}
		case !errors.Is(c.reason, ErrAlgorithm) && !errors.Is(c.reason, errPublishedSecret) && !errors.Is(c.reason, errPublishedPrivate):
			broken[name{c.kid, c.kty}] = true
		}
	}
	for _, same := range users {
		for _, i := range same {
			if len(same) > 1 {
				all[i].reason = errSharedKid
			}
		}
	}
	for i := range all {
		if c := &all[i]; c.reason == nil && c.kid != "" && broken[name{c.kid, c.kty}] {
			c.reason = errBrokenNamesake
		}
	}
}
