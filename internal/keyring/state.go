// Package keyring keeps the signing keys and secrets of the service. It creates them,
// seals them with the master key, says which key signs at a given time, and
// publishes the public halves as a key set (RFC 7517).
//
// A key is next, then active, then retired, then gone, or it was killed (revoked). No
// process writes a state: the state is a function of the times in the record and the
// current time, so all processes agree.
//
// The package has more than 1,500 lines because each change of a key is decided on
// records and applied by the ring in one retry loop: both see the same unexported
// records, and only the ring may change them. The tests run both over simulated years.
package keyring

import "time"

// expiryMargin is how long a retired key stays published after the last token that it
// signed has expired: the greatest leeway of a verifier, and the difference between two
// clocks.
const expiryMargin = 2 * time.Minute

// State is a stage in the life of a key. The zero value is [Gone], which permits nothing.
type State int

// The states of a key.
const (
	Gone    State = iota // neither published nor accepted
	Next                 // published, does not sign yet
	Active               // published, may sign
	Retired              // published, does not sign any more
	Killed               // revoked: not published, its tokens are rejected
)

// String returns the state's name in lower case.
func (s State) String() string {
	switch s {
	case Next:
		return "next"
	case Active:
		return "active"
	case Retired:
		return "retired"
	case Killed:
		return "killed"
	default:
		return "gone"
	}
}

// Published reports whether a key in this state is in the key set and its tokens are
// accepted.
func (s State) Published() bool { return s == Next || s == Active || s == Retired }

// State returns the state at now. A killed key is killed at every time, also for a clock
// that is slow.
func (r Record) State(now time.Time) State {
	switch {
	case !r.KilledAt.IsZero():
		return Killed
	case r.ActivateAt.IsZero():
		return Gone
	case !r.RetireAt.IsZero() && !now.Before(r.GoneAt()):
		return Gone
	case !r.RetireAt.IsZero() && !now.Before(r.RetireAt):
		return Retired
	case now.Before(r.ActivateAt):
		return Next
	default:
		return Active
	}
}

// GoneAt returns when no verifier accepts a token of the key any more; zero while the key
// has no end.
func (r Record) GoneAt() time.Time {
	end := r.RetireAt
	if end.IsZero() || (!r.KilledAt.IsZero() && r.KilledAt.Before(end)) {
		end = r.KilledAt
	}
	if end.IsZero() {
		return time.Time{}
	}
	return end.Add(r.LongestTTL + expiryMargin)
}
