// Package revoke takes tokens back. Its rule log is append-only, numbered
// without gaps and written in the same step as the change that causes a rule;
// verifiers follow it, so that nobody is asked per request and nobody is
// called per revocation.
package revoke

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
	// Key is everything that a signing key has signed: its kid. It has no
	// cut-off: tokens of that key are refused whenever they were minted.
	Key Kind = "k"
	// Issuer is everything so far: the issuer's URL.
	Issuer Kind = "i"
)

// Pair is the value of an AccountAtClient rule.
func Pair(account, client string) string { return account + "\x00" + client }

// Mode says what a holder of a refused token can do.
type Mode string

// The modes.
const (
	// Hard: what the token stood for is over. Sign in again.
	Hard Mode = "hard"
	// Soft: the token no longer says the truth, the session lives. Refresh.
	Soft Mode = "soft"
)

// Rule is one line of the log. A token in its scope is refused when the rule's
// Seq is greater than the token's rvs.
type Rule struct {
	// Seq is Seq(epoch, n); the store sets it.
	Seq   int64
	Kind  Kind
	Value string
	Mode  Mode
	// At is when it was written; a token of another issuer, without rvs, is
	// refused when it is not younger than this by a second.
	At time.Time
	// Prune is when no token in its scope can live any more.
	Prune time.Time
}

// PruneMargin is how long a rule outlives the last token that it could refuse:
// clocks of verifiers may differ that much.
const PruneMargin = time.Minute

// Seq is a place in the log. The epoch rises when the log was set back, by a
// restored backup or a fail-over, so that places never repeat.
func Seq(epoch, n int64) int64 { return epoch<<32 | n }

// Split is the epoch and number of a place in the log.
func Split(seq int64) (epoch, n int64) { return seq >> 32, seq & (1<<32 - 1) }

// HashSize is the length of what verifiers get to see of a rule, in bytes.
const HashSize = 16

// Hash is how a rule, and what it is looked up with, appears outside of the
// issuer: nobody learns from the feed who was signed out. The parts are
// separated by NUL, which none of them contains but the pair, where it does
// the same.
func Hash(salt []byte, kind Kind, issuer, value string) (h [HashSize]byte) {
	b := make([]byte, 0, len(salt)+len(kind)+len(issuer)+len(value)+2)
	b = append(append(append(b, salt...), kind...), 0)
	b = append(append(append(b, issuer...), 0), value...)
	sum := sha256.Sum256(b)
	copy(h[:], sum[:])
	return h
}
