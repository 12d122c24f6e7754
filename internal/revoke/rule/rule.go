// Package rule defines a revocation rule: its kind, its mode, its position in
// the log and the hash that verifiers compare.
package rule

import (
	"crypto/sha256"
	"time"
)

// Kind says what a rule is about.
type Kind string

// The kinds of rules, and the value that each names.
const (
	// Token is one access token: its jti.
	Token Kind = "t"
	// Session is all access tokens of one session: its sid.
	Session Kind = "s"
	// Account is all tokens of an account: its sub.
	Account Kind = "u"
	// Client is all tokens of a client: its client_id.
	Client Kind = "c"
	// AccountAtClient is an account's tokens at one client: see Pair.
	AccountAtClient Kind = "uc"
	// Key is all tokens of one signing key: its kid. The rule also refuses tokens
	// that are issued after it.
	Key Kind = "k"
	// Issuer is all tokens issued so far: the issuer's URL.
	Issuer Kind = "i"
)

// Pair is the value of an AccountAtClient rule.
func Pair(account, client string) string { return account + "\x00" + client }

// Mode says what the holder of a refused token can do.
type Mode string

// The modes.
const (
	// Hard ends the session of the token. The user must sign in again.
	Hard Mode = "hard"
	// Soft rejects the access token and keeps its session. The client only has
	// to refresh.
	Soft Mode = "soft"
)

// Rule is one entry of the revocation log. It refuses a token in its scope when
// its Seq is greater than the token's rvs.
type Rule struct {
	// Seq is the position in the log. The store sets it.
	Seq   int64
	Kind  Kind
	Value string
	Mode  Mode
	// At is when the rule was written. A token without rvs, from another issuer,
	// is refused unless it was issued more than a second later.
	At time.Time
	// Prune is when every token in the scope of the rule has expired.
	Prune time.Time
}

// Same reports whether two rules are the same but for their Prune. A log that was
// restored from a backup can have another rule at the same position.
func (r Rule) Same(other Rule) bool {
	return r.Seq == other.Seq && r.Kind == other.Kind && r.Value == other.Value && r.Mode == other.Mode && r.At.Equal(other.At)
}

// PruneMargin is how long a rule is kept after the last token that it could
// refuse has expired, because the clocks of verifiers differ.
const PruneMargin = time.Minute

// Seq returns the position of number n in an epoch. A new epoch begins after a
// restored backup or a fail-over, so that positions never repeat.
func Seq(epoch, n int64) int64 { return epoch<<32 | n }

// MaxSeq is the greatest position: JSON numbers are exact up to 2^53. It is
// api.MaxPosition; this package imports nothing, because verifiers import it.
const MaxSeq = 1<<53 - 1

// LastOfEpoch is the greatest number within an epoch.
const LastOfEpoch = 1<<32 - 1

// Split returns the epoch and the number of a position.
func Split(seq int64) (epoch, n int64) { return seq >> 32, seq & (1<<32 - 1) }

// HashSize is the length of a hash, in bytes.
const HashSize = 16

// Hash returns what verifiers see instead of a rule's value, so that the feed
// does not reveal who was signed out. NUL separates the parts. Only the value of
// an AccountAtClient rule contains one, between its two parts.
func Hash(salt []byte, kind Kind, issuer, value string) (h [HashSize]byte) {
	b := make([]byte, 0, len(salt)+len(kind)+len(issuer)+len(value)+2)
	b = append(append(append(b, salt...), kind...), 0)
	b = append(append(append(b, issuer...), 0), value...)
	sum := sha256.Sum256(b)
	copy(h[:], sum[:])
	return h
}
