package jose

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/portaria/portaria/internal/strictjson"
)

// Limits on key sets.
const (
	// MaxKeySet is the greatest length of a key set in bytes.
	MaxKeySet = 512 << 10
	// maxKeys is the greatest number of keys in a set.
	maxKeys = 100
)

// ErrNoKey reports that no key of a set is called so, has this algorithm and may
// do this. It wraps ErrKey.
var ErrNoKey = fmt.Errorf("%w: none in the set for this kid and algorithm", ErrKey)

// ErrEmptyKeySet reports a key set without any key. It wraps ErrKey.
var ErrEmptyKeySet = fmt.Errorf("%w: set without keys", ErrKey)

var errDuplicateKid = fmt.Errorf("%w: set with two keys under one kid", ErrKey)

// KeySet holds somebody's keys (RFC 7517, section 5): those that are of a kind
// known here and strong enough. The zero value has none and verifies nothing.
type KeySet struct {
	entries []entry
	skipped []Skipped
}

// entry is one key of the set, once for each algorithm that it may have: one,
// if it names it.
type entry struct {
	kid, kty string // as written, empty when absent
	keys     []Key
	// stated says that the key names its algorithm or its use, so that no
	// guess from its kind is needed.
	stated bool
}

// Skipped is a key of a set that is not used.
type Skipped struct {
	// Index is its place in the set, from 0.
	Index int
	// Kid and Type are "kid" and "kty", empty when absent or not strings.
	Kid, Type string
	// Reason wraps ErrKey, ErrAlgorithm, ErrJSON or ErrMalformed.
	Reason error
}

// ParseKeySet reads a key set, or one JWK as a set of itself. It decodes key by
// key: one of an unknown kty, curve or algorithm, or too weak, is left out and
// listed in [KeySet.Skipped]. The whole set is refused when it
//
//   - is not strict JSON, or has more than 100 keys, or none that can be used;
//   - has two keys that could be meant by one kid and algorithm: whoever
//     published it cannot say which one signed. A kid that is used for one key
//     that signs and one that encrypts is no such case; a broken or weak key
//     of the same kty under the kid of another is;
//   - has secrets beside public keys without their private half: such a set is
//     made to be published, and the secrets are no longer any.
//
// Errors wrap ErrKey or ErrJSON.
func ParseKeySet(data []byte) (KeySet, error) {
	if len(data) > MaxKeySet {
		return KeySet{}, fmt.Errorf("%w: set longer than %d bytes", ErrKey, MaxKeySet)
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
		return KeySet{}, fmt.Errorf("%w: set of more than %d keys", ErrKey, maxKeys)
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

// check refuses sets that cannot be meant.
func (s KeySet) check() error {
	if len(s.entries) == 0 && len(s.skipped) > 0 {
		return fmt.Errorf("%w: set without a key that can be used; the first: %w", ErrKey, s.skipped[0].Reason)
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
		return fmt.Errorf("%w: set with secrets beside public keys", ErrKey)
	}
	return nil
}

func (e entry) sharesAlgorithm(other entry) bool {
	return slices.ContainsFunc(e.keys, func(k Key) bool {
		return slices.ContainsFunc(other.keys, func(o Key) bool { return o.alg == k.alg })
	})
}

// parseEntry reads one key. If it names no algorithm, it becomes one key for
// each that its kind, length, "use" and "key_ops" allow.
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
		finish := jwkReader{object: r.object} // its own first error
		if k, err = finish.finish(k); err == nil {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%w: no algorithm takes a key of this kind, length, use and key_ops", ErrKey)
	}
	return keys, nil
}

// everyAlgorithm lists all that a key may be bound to.
func everyAlgorithm() []Algorithm {
	all := append(SigningAlgorithms(), EncryptionAlgorithms()...)
	for _, e := range Encryptions() {
		all = append(all, Algorithm(e))
	}
	return all
}

// Skipped lists the keys that are left out, with the reason of each.
func (s KeySet) Skipped() []Skipped { return slices.Clone(s.skipped) }

// Keys lists the keys that are used, in the order of the set. One that names no
// algorithm is there once for each that it may have.
func (s KeySet) Keys() []Key {
	var keys []Key
	for _, e := range s.entries {
		keys = append(keys, e.keys...)
	}
	return keys
}

// Find returns the key to verify a token with this header: the one of its kid
// whose algorithm is the header's. If the key names no algorithm, the header's
// must be among those that its kind allows: never one of another kind, so that
// nobody can have a public key taken for a secret. Without a kid, in the header
// or in the key, exactly one key must be possible. Errors wrap ErrKey.
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
	return Key{}, fmt.Errorf("%w: several in the set would do, and no kid says which", ErrKey)
}

// missing says why there is no key of this kid.
func (s KeySet) missing(kid string) error {
	for _, k := range s.skipped {
		if kid != "" && k.Kid == kid {
			// Not wrapped: the header's algorithm, for one, is not at fault.
			return fmt.Errorf("%w: the key of this kid is not used: %v", ErrNoKey, k.Reason)
		}
	}
	return ErrNoKey
}

// EncryptionKey returns the public key to encrypt to: the first of the set that
// names encryption as its use or algorithm, or else the first that could
// encrypt, with the recommended one of the algorithms that it may have. A key
// that says nothing may be there to verify: its owner would not decrypt with
// it. A legacy algorithm is never chosen, see [KeySet.NamedEncryptionKey].
// Errors wrap ErrKey.
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
	return Key{}, fmt.Errorf("%w: no public key in the set that encrypts", ErrKey)
}

// NamedEncryptionKey is [KeySet.EncryptionKey] for a set that an operator wrote
// down: if the only keys that encrypt name a legacy algorithm, it is asked for.
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

// KeySetJSON writes a key set (RFC 7517, section 5) of keys written already.
func KeySetJSON(jwks [][]byte) []byte {
	return append(append([]byte(`{"keys":[`), bytes.Join(jwks, []byte(","))...), ']', '}')
}
