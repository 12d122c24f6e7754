package keyring

import (
	"slices"
	"time"
)

// Reasons for a change of state.
const (
	WhyFirst    = "first"    // no other key could sign
	WhyTrusted  = "trusted"  // it only verifies what another system signed
	WhyRotated  = "rotated"  // one key follows another, on schedule or on demand
	WhyReplaced = "replaced" // a key that signed nothing was replaced
	WhyKilled   = "killed"   // it or its predecessor was revoked
	WhyRetired  = "retired"  // it was retired without a successor
	WhyExpired  = "expired"  // its last token has expired
)

// Change is a key whose state differs from the last report, whichever process changed it.
type Change struct {
	Kid string
	// From is the previous state. New is set if there was none.
	From, To State
	New      bool
	// Deleted reports that this process deleted the key. Deletions of other processes are
	// not reported.
	Deleted bool
	// Why is one of the reasons above.
	Why string
}

// changes compares the ring with its last report and returns the differences.
func (r *Ring) changes(now time.Time, deleted []Step) (all []Change) {
	r.watch.Lock()
	defer r.watch.Unlock()
	for _, step := range deleted {
		all = append(all, Change{Kid: step.Kid, From: r.reported[step.Kid], To: Gone, Deleted: true, Why: WhyExpired})
	}
	rs := r.now.Load().records
	reported := make(map[string]State, len(rs))
	for i := range rs {
		key := &rs[i]
		from, known := r.reported[key.Kid]
		to := key.State(now)
		reported[key.Kid] = to
		if !known || from != to {
			all = append(all, Change{Kid: key.Kid, From: from, To: to, New: !known, Why: rs.why(key, to)})
		}
	}
	r.reported = reported
	return all
}

// states returns the states of all keys at now.
func (rs records) states(now time.Time) map[string]State {
	all := make(map[string]State, len(rs))
	for i := range rs {
		all[rs[i].Kid] = rs[i].State(now)
	}
	return all
}

// why returns the reason for a state, computed from the records.
func (rs records) why(r *Record, to State) string {
	switch to {
	case Next:
		return rs.whyNext(r)
	case Active:
		return rs.whyActive(r)
	case Retired:
		return rs.whyRetired(r)
	case Killed:
		if r.withdrawn() {
			return WhyReplaced
		}
		return WhyKilled
	default:
		return WhyExpired
	}
}

// whyNext returns the reason for a next key: whether it replaces the key created before it.
func (rs records) whyNext(r *Record) string {
	i := slices.IndexFunc(rs, func(o Record) bool { return o.Purpose == r.Purpose && o.Seq == r.Seq-1 })
	switch {
	case i >= 0 && rs[i].withdrawn():
		return WhyReplaced
	case i >= 0 && !rs[i].KilledAt.IsZero() && rs[i].KilledAt.Before(rs[i].ActivateAt):
		return WhyKilled
	}
	return WhyRotated
}

func (rs records) whyActive(r *Record) string {
	follows := func(o Record) bool { return o.Kid != r.Kid && o.RetireAt.Equal(r.ActivateAt) }
	killed := func(o Record) bool { return len(o.Sealed) > 0 && !o.KilledAt.IsZero() }
	switch {
	case len(r.Sealed) == 0:
		return WhyTrusted
	case slices.ContainsFunc(rs, follows):
		return WhyRotated
	case slices.ContainsFunc(rs, killed):
		return WhyKilled
	}
	return WhyFirst
}

func (rs records) whyRetired(r *Record) string {
	if len(r.Sealed) == 0 {
		return WhyRetired
	}
	return WhyRotated
}
