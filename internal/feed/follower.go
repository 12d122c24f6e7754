package feed

import (
	"cmp"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/problem"
)

// MaxLease bounds every lease.
const MaxLease = 365 * 24 * time.Hour

// Policies of a verifier while its view is too old.
const (
	Refuse     = "refuse"
	Introspect = "introspect"
	Open       = "open"
)

func policies() []string { return []string{Refuse, Introspect, Open} }

// Follower is a verifier as it describes itself when it begins to follow.
type Follower struct {
	// Client is who it authenticated as, empty where nothing authenticates.
	Client string
	// Name is random and lasts while the verifier runs; empty when it names none.
	Name string
	// After is the last position that it applied, and Proof what shows that the log
	// has come there.
	After int64
	Proof string
	// Lease is how long it trusts its view.
	Lease     time.Duration
	WhenStale string
	// Accepted is when its request arrived.
	Accepted time.Time
}

// LeaseOf returns a number of milliseconds as a duration, at most MaxLease.
func LeaseOf(ms int64) time.Duration {
	return time.Duration(min(ms, MaxLease.Milliseconds())) * time.Millisecond
}

// ParseFollower reads what the request of a stream says of its follower. The header
// Last-Event-ID, which browsers send when they reconnect, takes precedence over
// after. Errors are problems of one field.
func ParseFollower(r *http.Request, accepted time.Time) (f Follower, err error) {
	query := r.URL.Query()
	for name, values := range query {
		if !slices.Contains([]string{"after", "verifier", "lease_ms", "when_stale"}, name) || len(values) > 1 {
			return f, problem.Field(name, "unknown query parameter, or given more than once")
		}
	}
	text, name := query.Get("after"), "after"
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		text, name = last, "Last-Event-ID"
	}
	if f.After, err = Number(text, 0, 0, api.MaxPosition); err != nil {
		return f, problem.Field(name, "expected a position that the feed sent")
	}
	ms, err := Number(query.Get("lease_ms"), api.DefaultStaleness.Milliseconds(), 1, math.MaxInt64)
	if err != nil {
		return f, problem.Field("lease_ms", "expected a number of milliseconds")
	}
	if f.Name = query.Get("verifier"); !clean(f.Name, api.MaxVerifierName) || f.Name == "" && query.Has("lease_ms") {
		return f, problem.Field("verifier", fmt.Sprintf("expected a name of at most %d printable characters", api.MaxVerifierName))
	}
	f.Lease, f.WhenStale = LeaseOf(ms), cmp.Or(query.Get("when_stale"), Refuse)
	if !slices.Contains(policies(), f.WhenStale) {
		return f, problem.Field("when_stale", "expected refuse, introspect or open")
	}
	f.Proof, f.Accepted = r.Header.Get(api.PlaceHeader), accepted
	return f, nil
}

// OfPoll returns the follower of a poll.
func OfPoll(in api.Poll, client string, accepted time.Time) Follower {
	return Follower{Client: client, Name: in.Verifier, After: in.After, Proof: in.Place,
		Lease: cmp.Or(LeaseOf(in.Lease), api.DefaultStaleness), WhenStale: cmp.Or(in.WhenStale, Refuse), Accepted: accepted}
}

// Number reads a whole number within limits; an empty text is otherwise.
func Number(text string, otherwise, least, most int64) (int64, error) {
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err == nil && (n < least || n > most) {
		err = strconv.ErrRange
	}
	return n, err
}

// clean reports whether a text is short and printable.
func clean(s string, most int) bool {
	return len(s) <= most && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar })
}

// checkPoll returns a problem of the first field that is not within its limits.
func checkPoll(in api.Poll) error {
	switch {
	case in.After < 0 || in.After > api.MaxPosition:
		return problem.Field("after", "expected a position that the feed sent")
	case in.Wait < 0 || in.Wait > api.MaxPollWait:
		return problem.Field("wait", fmt.Sprintf("expected at most %d seconds", api.MaxPollWait))
	case in.Lease < 0:
		return problem.Field("lease_ms", "expected a number of milliseconds")
	case !clean(in.Verifier, api.MaxVerifierName):
		return problem.Field("verifier", fmt.Sprintf("expected a name of at most %d printable characters", api.MaxVerifierName))
	case in.WhenStale != "" && !slices.Contains(policies(), in.WhenStale):
		return problem.Field("when_stale", "expected refuse, introspect or open")
	}
	if in.Ack != nil {
		return checkAck(*in.Ack)
	}
	return nil
}

func checkAck(in api.Ack) error {
	own := api.FollowerAck{Verifier: in.Verifier, Seq: in.Seq, Staleness: in.Staleness, WhenStale: in.WhenStale, KeySet: in.KeySet, Audience: in.Audience}
	switch {
	case !Valid(own):
		return problem.Field("ack", "expected verifier, seq, staleness_ms and when_stale within their limits")
	case len(in.Followers) > api.MaxFollowers:
		return problem.Field("followers", fmt.Sprintf("expected at most %d", api.MaxFollowers))
	case slices.ContainsFunc(in.Followers, func(a api.FollowerAck) bool { return !Valid(a) }):
		return problem.Field("followers", "expected verifier, seq, staleness_ms and when_stale within their limits")
	}
	return nil
}

// Valid reports whether an ack can be passed on: the issuer rejects all acks of a
// relay if one is invalid.
func Valid(a api.FollowerAck) bool {
	return a.Verifier != "" && clean(a.Verifier, api.MaxVerifierName) && clean(a.KeySet, api.MaxKeySetTag) && clean(a.Audience, api.MaxText) &&
		a.Seq >= 0 && a.Seq <= api.MaxPosition && a.Staleness > 0 && a.Staleness <= MaxLease.Milliseconds() && slices.Contains(policies(), a.WhenStale)
}
