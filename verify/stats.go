package verify

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/portaria/portaria/internal/background"
	"github.com/portaria/portaria/verify/internal/follow"
)

// Stats describes a verifier for monitoring. Counts begin when the verifier is made.
type Stats struct {
	// Feed is the state of the connection to the revocation log.
	Feed FeedState
	// Rules is the number of live rules, and RuleBytes the memory that they use.
	Rules, RuleBytes int64
	// Position is the number of the newest rule of the log that is applied.
	Position int64
	// Age is the staleness of the view of the log; the verifier is stale when it is
	// more than [Config.Staleness]. It is negative when there is no view.
	Age time.Duration
	// Refused counts rejected tokens by reason: "expired", "revoked", "stale" and so on.
	Refused map[string]int64
	// Opened counts tokens that a route with [Open] accepted although the verifier was
	// stale.
	Opened int64
	// Introspected counts introspection requests, and Unanswered those that failed.
	Introspected, Unanswered int64
	// Keys is the number of verification keys. KeyAge is the time since the issuer was
	// last known to publish them; it is negative for keys that are configured or not
	// known. KeyError is why the newest fetch failed, or nil.
	Keys     int
	KeyAge   time.Duration
	KeyError error
	// Cached is the number of verified tokens in the cache.
	Cached int64
	// Panics counts panics in background work. They are logged at most once a minute
	// for each kind of work, and the work begins again.
	Panics int64
}

// FeedState is the state of a verifier's connection to the revocation log.
type FeedState string

const (
	// FeedOff: the keys are configured, or the issuer has no feed. Revoked tokens are
	// accepted until they expire.
	FeedOff FeedState = "off"
	// FeedIgnored: the issuer has a feed, and the verifier has no client credentials
	// for it. Revoked tokens are accepted until they expire.
	FeedIgnored FeedState = "ignored"
	// FeedCurrent: the verifier knows everything that was revoked up to
	// [Config.Staleness] ago.
	FeedCurrent FeedState = "current"
	// FeedStale: the view is older than that. Tokens are handled as [Config.WhenStale]
	// says.
	FeedStale FeedState = "stale"
)

// counts are the counters of Stats.
type counts struct {
	offered atomic.Bool // the issuer has a feed, and it is not followed
	reasons [len(reasons)]atomic.Int64
	panics  *background.Panics
}

// reasons lists the more specific errors first.
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

// Stats returns the state of the verifier.
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

// follows adds the state of the feed.
func (s *Stats) follows(f follow.State) {
	s.Rules, s.RuleBytes, s.Position, s.Age = f.Rules, f.RuleBytes, f.Position, f.Age
	s.Opened, s.Introspected, s.Unanswered = f.Opened, f.Introspected, f.Unanswered
	switch {
	case f.Absent:
	case f.Current:
		s.Feed = FeedCurrent
	default:
		s.Feed = FeedStale
	}
}
