package verify

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/portaria/portaria/internal/background"
	"github.com/portaria/portaria/verify/internal/follow"
)

// Stats is what a verifier has to tell to whoever watches over it. Counts are
// since it was made.
type Stats struct {
	// Feed says how the revocation log is followed.
	Feed FeedState
	// Rules is how many live rules are known, and RuleBytes what they take.
	Rules, RuleBytes int64
	// Place is how much of the log is known.
	Place int64
	// Age is how old the view of the log is: [Config.Staleness] bounds it.
	// Negative when there is none.
	Age time.Duration
	// Refused counts refusals by reason: "expired", "revoked", "stale" and so
	// on.
	Refused map[string]int64
	// Opened counts tokens that a route let in which is [Open], and that could
	// not be decided about otherwise.
	Opened int64
	// Introspected counts questions to the issuer, and Unanswered those that
	// got no answer.
	Introspected, Unanswered int64
	// Keys is how many keys are known that verify. KeyAge is how long ago the
	// issuer was last known to publish them, negative for keys that are not
	// fetched or not known. KeyError is why the newest attempt to fetch them
	// failed, nil if it did not.
	Keys     int
	KeyAge   time.Duration
	KeyError error
	// Cached is the number of verified tokens that are kept.
	Cached int64
	// Panics counts panics in the background, each of which is in the log. The
	// work begins again after one.
	Panics int64
}

// FeedState says how a verifier follows the revocation log.
type FeedState string

const (
	// FeedOff is a verifier of keys that are not fetched, or of an issuer that
	// has no feed: nothing is known of what is revoked.
	FeedOff FeedState = "off"
	// FeedIgnored is a verifier that has no client credentials for the feed
	// that there is: nothing is known of what is revoked.
	FeedIgnored FeedState = "ignored"
	// FeedFresh is a verifier that knows all that was revoked.
	FeedFresh FeedState = "fresh"
	// FeedStale is a verifier that may not know it.
	FeedStale FeedState = "stale"
)

// counts are what Stats is made of.
type counts struct {
	offered atomic.Bool // the issuer has a feed, and it is not followed
	reasons [len(reasons)]atomic.Int64
	panics  *background.Panics
}

// reasons has the more special errors first.
var reasons = [...]struct {
	err  error
	name string
}{
	{ErrExpired, "expired"}, {ErrOutdated, "outdated"}, {ErrRevoked, "revoked"}, {ErrStale, "stale"}, {ErrSignature, "signature"},
	{ErrKey, "key"}, {ErrMalformed, "malformed"}, {ErrType, "type"}, {ErrAlgorithm, "algorithm"}, {ErrDecrypt, "decrypt"},
	{ErrClaims, "claims"}, {ErrIssuer, "issuer"}, {ErrAudience, "audience"}, {ErrNotYet, "not_yet"}, {ErrInvalid, "invalid"}, {ErrUnavailable, "unavailable"},
	{context.Canceled, "canceled"},
}

func (c *counts) refused(err error) {
	for i := range reasons {
		if errors.Is(err, reasons[i].err) {
			c.reasons[i].Add(1)
			return
		}
	}
}

// Stats returns how things stand.
func (v *Verifier) Stats() Stats {
	s := Stats{Feed: FeedOff, Age: -1, KeyAge: -1, Refused: map[string]int64{}, Panics: v.counts.panics.Count()}
	for i := range reasons {
		if n := v.counts.reasons[i].Load(); n > 0 {
			s.Refused[reasons[i].name] = n
		}
	}
	if v.keys != nil {
		s.Keys, s.KeyAge = v.keys.Count(), v.keys.Age(v.now().UnixMilli())
		s.KeyError = v.keys.Failure()
	}
	if v.cache != nil {
		s.Cached = v.cache.count.Load()
	}
	if v.counts.offered.Load() {
		s.Feed = FeedIgnored
	}
	if v.follower != nil {
		s.follows(v.follower.State(v.now()))
	}
	return s
}

// follows adds how following goes.
func (s *Stats) follows(f follow.State) {
	s.Rules, s.RuleBytes, s.Place, s.Age = f.Rules, f.RuleBytes, f.Position, f.Age
	s.Opened, s.Introspected, s.Unanswered = f.Opened, f.Introspected, f.Unanswered
	switch {
	case f.Absent:
	case f.Current:
		s.Feed = FeedFresh
	default:
		s.Feed = FeedStale
	}
}
