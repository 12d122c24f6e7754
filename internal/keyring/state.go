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

// expiryMargin is how long a retired key stays published beyond the lifetime
// of the last token it can have signed: the greatest leeway that a verifier
// may be set to, and the difference between two clocks.
const expiryMargin = 2 * time.Minute

// State is where a key stands in its life. The zero value is [Gone]: a key of
// which nothing is known may do nothing.
type State int

// The states of a key.
const (
	Gone    State = iota // neither published nor accepted
	Next                 // published, does not sign yet
	Active               // published, may sign
	Retired              // published, does not sign any more
	Killed               // compromised: not published, everything it signed is refused
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

// Published reports whether a key in this state belongs in the key set and
// tokens that it signed are accepted.
func (s State) Published() bool { return s == Next || s == Active || s == Retired }

// State returns where the key stands at now. A compromise counts from the
// moment it is known, also for a clock that runs behind.
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

// GoneAt returns when the last token that the key can have signed is no longer
// accepted anywhere: the zero time while the key has no end.
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
