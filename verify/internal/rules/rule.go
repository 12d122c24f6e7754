// Package rules is a verifier's memory of the revocation log: an exact table
// that many goroutines ask without waiting while one writes. It knows neither
// the network nor the clock.
package rules

import (
	"encoding/binary"

	"github.com/portaria/portaria/internal/revoke/rule"
)

// Rule is one rule as the feed tells it.
type Rule struct {
	// Seq is the position in the log: a token that knew less of the log is refused.
	Seq int64
	Key Key
	// At and Prune are seconds since 1970: when it was written, and from when
	// on no token can be left that it refuses.
	At, Prune int64
	Kind      Kind
	Soft      bool
}

// Key is a rule's hash.
type Key struct{ hi, lo uint64 }

// KeyOf makes a key of a hash.
func KeyOf(h [rule.HashSize]byte) Key {
	return Key{binary.BigEndian.Uint64(h[:8]), binary.BigEndian.Uint64(h[8:])}
}

// Hash is what the key was made of.
func (k Key) Hash() (h [rule.HashSize]byte) {
	binary.BigEndian.PutUint64(h[:8], k.hi)
	binary.BigEndian.PutUint64(h[8:], k.lo)
	return h
}

// Kind is the kind of a rule as a small number; 0 is one that is not known
// here. The hash has the kind in it: this is only to tell rules on.
type Kind uint8

// kindNames has what the wire says, by Kind.
const kindNames = "\x00tsucki" // "uc" is the seventh, in letters

const pairKind Kind = 7

// KindOf reads what the wire says.
func KindOf(name string) Kind {
	if name == string(rule.AccountAtClient) {
		return pairKind
	}
	for k := 1; k < len(kindNames) && len(name) == 1; k++ {
		if kindNames[k] == name[0] {
			return Kind(k)
		}
	}
	return 0
}

// String is what the wire says.
func (k Kind) String() string {
	switch {
	case k == pairKind:
		return string(rule.AccountAtClient)
	case k > 0 && int(k) < len(kindNames):
		return kindNames[k : k+1]
	}
	return ""
}

// Keys are those that a token is looked up with, by what they are of; the zero
// Key is of nothing.
type Keys [keys]Key

// The indexes of Keys.
const (
	Token = iota
	Session
	Account
	Client
	AccountAtClient
	SigningKey
	// Root is also a session: the one at the top, which the token's own came from.
	Root
	keys
)

// Verdict is what the rules say of a token. The greater one wins.
type Verdict uint8

// The verdicts.
const (
	Stands  Verdict = iota // no rule refuses it
	Soft                   // its claims are out of date: a new token may be had
	Revoked                // it is over
)

// Standing is what decides about a token, besides its keys.
type Standing struct {
	// Revision is how much of the log the issuer knew when it made the token;
	// negative when the token does not say.
	Revision int64
	// IssuedAt is seconds since 1970, for a token that does not say.
	IssuedAt int64
}
