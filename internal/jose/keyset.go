package jose

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/portaria/portaria/internal/strictjson"
)

// Limits of key sets.
const (
	// MaxKeySet is the greatest length of a key set in bytes.
	MaxKeySet = 512 << 10
	// maxKeys is the greatest number of keys in a set.
	maxKeys = 100
)

// ErrNoKey reports that no key of a set has this kid and algorithm and may do this. It
// wraps ErrKey.
var ErrNoKey = fmt.Errorf("%w: the set has no key for this kid and algorithm", ErrKey)

// ErrEmptyKeySet reports a key set without any key. It wraps ErrKey.
var ErrEmptyKeySet = fmt.Errorf("%w: the set has no keys", ErrKey)

var errDuplicateKid = fmt.Errorf("%w: the set has two keys with one kid", ErrKey)

// KeySet holds the usable keys of a key set (RFC 7517, section 5): those of a known kind
// that are strong enough. The zero value has none and verifies nothing.
type KeySet struct {
	entries []entry
	skipped []Skipped
}

// entry is one key of the set. A key that does not name its algorithm has one entry for
// each possible algorithm.
type entry struct {
	kid, kty string // as written, empty when absent
	keys     []Key
	// stated reports whether the key names its algorithm or its use.
	stated bool
}

// Skipped is a key of a set that is not used.
type Skipped struct {
	// Index is its position in the set, from 0.
	Index int
	// Kid and Type are "kid" and "kty", empty when absent or not strings.
	Kid, Type string
	// Reason wraps ErrKey, ErrAlgorithm, ErrJSON or ErrMalformed.
	Reason error
}

// ParseKeySet reads a key set, or one JWK as a set of one key. Keys with an unknown kty,
// curve or algorithm and weak keys are left out and listed in [KeySet.Skipped]. The whole
// set is rejected if it
//
//   - is not strict JSON, or has more than 100 keys, or none that can be used;
//   - has two keys with one kid and algorithm, because it is unknown which one
//     signed. One key that signs and one that encrypts may share a kid. A broken
//     or weak key may not have the kid of another key with its kty;
//   - has secrets beside public keys without their private half: the set is
//     meant to be published, so the secrets may be public.
//
// Errors wrap ErrKey or ErrJSON.
func ParseKeySet(data []byte) (KeySet, error) {
	if len(data) > MaxKeySet {
		return KeySet{}, fmt.Errorf("%w: the set is longer than %d bytes", ErrKey, MaxKeySet)
	}
	object, err := strictjson.Parse(data)
	if err != nil {
		return KeySet{}, fmt.Errorf("read key set: %w", err)
	}
	list, isSet := object.Get("keys")
	if !isSet {
		e, err := parseEntry(data)
		return KeySet{entries: []entry{e}}, err
	}
	jwks, err := list.Elements()
	if err != nil {
		return KeySet{}, fmt.Errorf("read key set: %w", err)
	}
	if len(jwks) > maxKeys {
		return KeySet{}, fmt.Errorf("%w: the set has more than %d keys", ErrKey, maxKeys)
	}
	var s KeySet
	for i, jwk := range jwks {
		s.add(i, jwk)
	}
	return s, s.check()
}

func (s *KeySet) add(index int, jwk strictjson.Value) {
	e, err := parseEntry(jwk)
	if err != nil {
		s.skipped = append(s.skipped, Skipped{Index: index, Kid: e.kid, Type: e.kty, Reason: err})
		return
	}
	s.entries = append(s.entries, e)
}

// check rejects sets that are certainly mistakes.
func (s KeySet) check() error {
	if len(s.entries) == 0 && len(s.skipped) > 0 {
		return fmt.Errorf("%w: no key of the set can be used; the first one: %w", ErrKey, s.skipped[0].Reason)
	}
	if len(s.entries) == 0 {
		return ErrEmptyKeySet
	}
	secrets, published := false, false
	for i, e := range s.entries {
		secrets = secrets || e.keys[0].public == nil
		published = published || e.keys[0].private == nil
		for _, other := range s.entries[:i] {
			if e.kid != "" && e.kid == other.kid && e.sharesAlgorithm(other) {
				return errDuplicateKid
			}
		}
		for _, other := range s.skipped {
			if e.kid != "" && e.kid == other.Kid && e.kty == other.Type && !errors.Is(other.Reason, ErrAlgorithm) {
				return errDuplicateKid
			}
		}
	}
	if secrets && published {
		return fmt.Errorf("%w: the set has secrets beside public keys", ErrKey)
	}
	return nil
}

func (e entry) sharesAlgorithm(other entry) bool {
	return slices.ContainsFunc(e.keys, func(k Key) bool {
		return slices.ContainsFunc(other.keys, func(o Key) bool { return o.alg == k.alg })
	})
}

// parseEntry reads one key. If it does not name its algorithm, it becomes one key for each
// algorithm that its kind, length, "use" and "key_ops" allow.
func parseEntry(jwk []byte) (entry, error) {
	if len(jwk) > MaxKey {
		return entry{}, fmt.Errorf("%w: longer than %d bytes", ErrKey, MaxKey)
	}
	object, err := strictjson.Parse(jwk)
	if err != nil {
		return entry{}, err
	}
	r := jwkReader{object: object}
	e := entry{kid: r.text("kid"), kty: r.text("kty")}
	_, named := object.Get("alg")
	_, used := object.Get("use")
	e.stated = named || used
	if named {
		k, err := ParseJWK(jwk)
		e.keys = []Key{k}
		return e, err
	}
	material := r.material()
	if r.err != nil {
		return e, r.err
	}
	e.keys, err = r.bindings(material)
	return e, err
}

// bindings returns the key bound to each algorithm that it may have.
func (r *jwkReader) bindings(material any) ([]Key, error) {
	free, err := unbound(material)
	if err != nil {
		return nil, err
	}
	var keys []Key
	for _, a := range everyAlgorithm() {
		k, err := free.bind(a)
		if err != nil {
			continue
		}
		finish := jwkReader{object: r.object} // with a first error of its own
		if k, err = finish.finish(k); err == nil {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%w: no algorithm takes a key of this kind, length, use and key_ops", ErrKey)
	}
	return keys, nil
}

// everyAlgorithm lists all algorithms that a key may have.
func everyAlgorithm() []Algorithm {
	all := append(SigningAlgorithms(), EncryptionAlgorithms()...)
	for _, e := range Encryptions() {
		all = append(all, Algorithm(e))
	}
	return all
}

// Skipped lists the keys that are left out, each with the reason.
func (s KeySet) Skipped() []Skipped { return slices.Clone(s.skipped) }

// Keys lists the usable keys in the order of the set. A key without algorithm is listed
// once for each possible algorithm.
func (s KeySet) Keys() []Key {
	var keys []Key
	for _, e := range s.entries {
		keys = append(keys, e.keys...)
	}
	return keys
}

// Find returns the key that verifies a token with this header: the key with its kid and its
// algorithm. If the key does not name its algorithm, its kind must allow the header's, so
// that a public key is never used as a secret. If the header or the key has no kid, exactly
// one key must be possible. Errors wrap ErrKey.
func (s KeySet) Find(h Header) (Key, error) {
	return s.find(h.Kid, func(k Key) bool { return k.checks && k.alg == h.Algorithm })
}

// FindEncrypted is [KeySet.Find] for a token to decrypt.
func (s KeySet) FindEncrypted(h EncryptedHeader) (Key, error) {
	return s.find(h.Kid, func(k Key) bool { return k.unwraps && k.decrypts(h) })
}

func (s KeySet) find(kid string, fits func(Key) bool) (Key, error) {
	var named, unnamed []Key
	for _, e := range s.entries {
		i := slices.IndexFunc(e.keys, fits)
		switch {
		case i < 0:
		case kid != "" && e.kid == kid:
			named = append(named, e.keys[i])
		case kid == "" || e.kid == "":
			unnamed = append(unnamed, e.keys[i])
		}
	}
	if len(named) == 0 {
		named = unnamed
	}
	switch len(named) {
	case 0:
		return Key{}, s.missing(kid)
	case 1:
		return named[0], nil
	}
	return Key{}, fmt.Errorf("%w: several keys of the set are possible, and no kid chooses one", ErrKey)
}

// missing returns the reason why there is no key with this kid.
func (s KeySet) missing(kid string) error {
	for _, k := range s.skipped {
		if kid != "" && k.Kid == kid {
			// Not wrapped, because the error must not match ErrAlgorithm of the header.
			return fmt.Errorf("%w: the key of this kid is not used: %v", ErrNoKey, k.Reason)
		}
	}
	return ErrNoKey
}

// EncryptionKey returns the public key to encrypt to: the first key of the set that names
// encryption as its use or algorithm, otherwise the first key that could encrypt, with the
// recommended one of its algorithms. A key without use or algorithm may be there to verify,
// and its owner would not decrypt with it. A legacy algorithm is never chosen, see
// [KeySet.NamedEncryptionKey]. Errors wrap ErrKey.
func (s KeySet) EncryptionKey() (Key, error) {
	legacy := false
	for _, stated := range []bool{true, false} {
		for _, e := range s.entries {
			i := slices.IndexFunc(e.keys, func(k Key) bool { return k.encryptsTo() && !k.alg.Legacy() })
			if i >= 0 && e.stated == stated {
				return e.keys[i].Public(), nil
			}
			legacy = legacy || slices.ContainsFunc(e.keys, Key.encryptsTo)
		}
	}
	if legacy {
		return Key{}, fmt.Errorf("%w: RSA-OAEP is legacy (SHA-1): publish the key for RSA-OAEP-256", ErrKey)
	}
	return Key{}, fmt.Errorf("%w: the set has no public key that encrypts", ErrKey)
}

// NamedEncryptionKey is [KeySet.EncryptionKey] for a set that an operator configured. It
// returns a legacy key if no other key encrypts.
func (s KeySet) NamedEncryptionKey() (Key, error) {
	k, err := s.EncryptionKey()
	if err == nil {
		return k, nil
	}
	for _, e := range s.entries {
		if len(e.keys) == 1 && e.keys[0].encryptsTo() {
			return e.keys[0].Public(), nil
		}
	}
	return Key{}, err
}

func (k Key) encryptsTo() bool { return k.wraps && k.public != nil }

// Verify is [Message.Verify] with the key that [KeySet.Find] finds.
func (s KeySet) Verify(m Message) ([]byte, error) {
	k, err := s.Find(m.Header)
	if err != nil {
		return nil, err
	}
	return m.Verify(k)
}

// Decrypt is [Encrypted.Decrypt] with the key that [KeySet.FindEncrypted]
// finds.
func (s KeySet) Decrypt(e Encrypted) ([]byte, error) {
	k, err := s.FindEncrypted(e.Header)
	if err != nil {
		return nil, err
	}
	return e.Decrypt(k)
}

// KeySetJSON returns a key set (RFC 7517, section 5) of keys in JSON.
func KeySetJSON(jwks [][]byte) []byte {
	return append(append([]byte(`{"keys":[`), bytes.Join(jwks, []byte(","))...), ']', '}')
}
