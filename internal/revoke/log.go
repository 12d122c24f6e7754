// Package revoke keeps the revocation log of the issuer. The log is append-only
// and numbered without gaps. A rule is written in the same transaction as the
// change that causes it. Verifiers follow the log, so that no verifier asks the
// issuer for each request, and the issuer calls no verifier for each rule.
package revoke

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/portaria/portaria/internal/revoke/rule"
)

// Errors of this package.
var (
	// ErrEntry says that an entry names no kind, value or mode that the log
	// takes; the text says which.
	ErrEntry = errors.New("revocation: entry refused")
	// ErrIdempotency says that the key of an earlier request came again with
	// something else to revoke.
	ErrIdempotency = errors.New("revocation: idempotency key used for another target")
	// ErrTarget says that what is to be revoked does not exist.
	ErrTarget = errors.New("revocation: no such target")
	// ErrPlace says that no log can have come as far as that.
	ErrPlace = errors.New("revocation: no such place in a log")
)

// SaltSize is the length of what goes into every hash of a feed, in bytes.
const SaltSize = 16

// Head is how far the log has come.
type Head struct {
	// Epoch is that of Seq.
	Epoch int64
	// Seq is the last position that was used; the first ever is Seq(1, 1). A token
	// carries it as rvs.
	Seq int64
	// Salt never changes in the life of a log.
	Salt [SaltSize]byte
}

// Entry is a rule to be written, and who asked for it: the origin of the event
// is that of the context, see package event.
type Entry struct {
	Kind  rule.Kind
	Value string
	Mode  rule.Mode
	At    time.Time
	// Repeats is when a hard rule was written that the log has forgotten and
	// that this entry writes again. What it ends, whatever the entry's own
	// mode, it ends only when that had begun by then. Zero: it repeats none.
	Repeats time.Time
	// Reason is for the audit trail; no API returns it to others.
	Reason string
	// Client and Key name the request: the same key of the same client again
	// answers the rule that it has written already. An empty Key names none.
	Client, Key string
}

// Limits of an entry's texts, in characters.
const (
	MaxValue  = 512
	MaxReason = 256
	MaxKey    = 255
)

// Check answers ErrEntry unless the log takes the entry.
func (e Entry) Check() error {
	switch e.Kind {
	case rule.Token, rule.Session, rule.Account, rule.Client, rule.AccountAtClient, rule.Key, rule.Issuer:
	default:
		return fmt.Errorf("%w: kind %.8q", ErrEntry, e.Kind)
	}
	switch {
	case e.Mode != rule.Hard && e.Mode != rule.Soft:
		return fmt.Errorf("%w: mode %.8q", ErrEntry, e.Mode)
	case e.Kind == rule.Key && e.Mode != rule.Hard:
		return fmt.Errorf("%w: no token of a dead key comes back", ErrEntry)
	case !e.fits():
		return fmt.Errorf("%w: value of %d bytes is none of this kind", ErrEntry, len(e.Value))
	case long(e.Reason, MaxReason) || long(e.Key, MaxKey):
		return fmt.Errorf("%w: reason or idempotency key too long", ErrEntry)
	case !plain(e.Key):
		return fmt.Errorf("%w: idempotency key is no printable text", ErrEntry)
	case e.At.IsZero():
		return fmt.Errorf("%w: no time", ErrEntry)
	}
	return nil
}

// Ends reports whether what the entry speaks of ends with it.
func (e Entry) Ends() bool { return e.Mode == rule.Hard || !e.Repeats.IsZero() }

// fits reports whether the value can be one: printable text, and of two parts
// where it is a pair.
func (e Entry) fits() bool {
	first, second, paired := strings.Cut(e.Value, "\x00")
	if first == "" || long(e.Value, MaxValue) || paired != (e.Kind == rule.AccountAtClient) || paired && second == "" {
		return false
	}
	return plain(first + second)
}

// long counts no further than it must.
func long(text string, most int) bool {
	return len(text) > most && (len(text) > most*utf8.UTFMax || utf8.RuneCountInString(text) > most)
}

// plain reports whether both engines keep the text, and a terminal shows it.
func plain(text string) bool {
	return utf8.ValidString(text) && strings.IndexFunc(text, unicode.IsControl) < 0
}

// Store keeps the log. Each method is one atomic step. A position that a method has
// answered is never given away again, and no rule appears later at or before it.
type Store interface {
	// Log answers how far the log has come.
	Log(ctx context.Context) (Head, error)
	// Rules returns at most limit rules after a position, in order, and the head of the
	// same snapshot: a reader that gets fewer than limit knows all there is up to head.
	// Rules that were pruned are left out. A limit below 1 counts as 1, and one above
	// 10,000 as 10,000.
	Rules(ctx context.Context, after int64, limit int) (rules []rule.Rule, head int64, err error)
	// Write writes one rule, its event, and what must come with it in the
	// same step: a hard rule ends the sessions that it speaks of, and one
	// about a key kills the key; see Entry.Repeats. A repeated Key answers the first rule and
	// does nothing. Errors: ErrEntry, ErrIdempotency.
	Write(ctx context.Context, e Entry) (rule.Rule, error)
	// RaiseEpoch begins an epoch greater than the log's own and that of seen, a position
	// that a follower knows although the log, set back by a backup or a fail-over, has
	// not come so far. When it has, nothing is changed; so of ten who ask at once, one
	// raises. It answers the head as it is then. Ask with Seq(epoch, LastOfEpoch) to
	// raise it in any case. An event tells of it, from the same step. Errors: ErrPlace.
	RaiseEpoch(ctx context.Context, seen int64, why Raise) (Head, error)
	// PruneRules forgets rules whose Prune is before t, and the idempotency
	// keys that wrote them. It answers how many rules.
	PruneRules(ctx context.Context, t time.Time) (int, error)
}

// Raise is when and why an epoch begins; the reason is one of those below.
type Raise struct {
	At     time.Time
	Reason string
}

// Reasons for another epoch.
const (
	RaisedByFollower = "a follower knows a later place"
	RaisedByOperator = "asked for"
	RaisedBySetBack  = "the log was set back"
)
