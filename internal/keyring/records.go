package keyring

import (
	"bytes"
	"slices"
	"time"
)

// records are all keys of a ring, by purpose and seq. Due steps are computed from them
// alone, so that it can be rehearsed.
type records []Record

// signs reports whether the key of the record signs at now.
func (r *Record) signs(now time.Time) bool {
	return r.Purpose == Signing && len(r.Sealed) > 0 && r.State(now) == Active
}

// active returns the key that signs at now, or nil. Several keys may be active after an
// emergency; the youngest signs.
func (rs records) active(now time.Time) (active *Record) {
	for i := range rs {
		if rs[i].signs(now) && (active == nil || !rs[i].ActivateAt.Before(active.ActivateAt)) {
			active = &rs[i]
		}
	}
	return active
}

// heir returns the key that signs next, or nil.
func (rs records) heir(now time.Time) *Record {
	for i := range rs {
		if r := &rs[i]; r.Purpose == Signing && len(r.Sealed) > 0 && r.State(now) == Next {
			return r
		}
	}
	return nil
}

// superfluous returns the keys that could sign at now but never will, because a younger key
// signs. They exist after two processes, whose clocks differ by minutes, replaced a killed
// key at the same time.
func (rs records) superfluous(now time.Time) (kids []string) {
	active := rs.active(now)
	for i := range rs {
		if rs[i].signs(now) && rs[i].Kid != active.Kid {
			kids = append(kids, rs[i].Kid)
		}
	}
	return kids
}

// gone returns the keys that may be deleted. The youngest key stays in any state: two
// writers with the same view must choose the same next seq and collide. A killed key stays,
// so that it cannot be imported again under another name.
func (rs records) gone(now time.Time) (kids []string) {
	for i := range rs {
		end := rs[i].GoneAt()
		if !end.IsZero() && !now.Before(end) && rs[i].KilledAt.IsZero() && rs[i].Seq < rs.lastSeq(rs[i].Purpose) {
			kids = append(kids, rs[i].Kid)
		}
	}
	return kids
}

func (rs records) lastSeq(p Purpose) (last int64) {
	for i := range rs {
		if rs[i].Purpose == p {
			last = max(last, rs[i].Seq)
		}
	}
	return last
}

func (rs records) published(now time.Time) (n int) {
	for i := range rs {
		if rs[i].Purpose == Signing && rs[i].State(now).Published() {
			n++
		}
	}
	return n
}

// task is a key to create: when it begins to sign, and which key it follows.
type task struct {
	activate    time.Time
	predecessor string // retired in the same step; may be empty
	replaces    bool   // the predecessor already has an end, which moves
	withdrawn   string // the planned successor that this key replaces; may be empty
	hastened    string // an existing key that signs earlier instead of a new one
	why         string
}

// due returns the task that is due at now, or nil.
func (rs records) due(p Policy, now time.Time) *task {
	active, heir := rs.active(now), rs.heir(now)
	switch {
	case active == nil && heir != nil:
		// Some verifiers already know this key; none knows a new one.
		return &task{activate: now.Add(-raceWindow), hastened: heir.Kid, why: "the previous key may not sign any more"}
	case active == nil:
		return &task{activate: now.Add(-raceWindow), why: "there is no other key that may sign"}
	case heir != nil:
		return nil
	case !active.RetireAt.IsZero():
		return active.replace(p, now)
	case !now.Before(active.nextMade(p)):
		return active.follow(p, now)
	}
	return nil
}

// nextMade returns when the key's successor has to be created.
func (r *Record) nextMade(p Policy) time.Time { return r.ActivateAt.Add(p.RotateEvery - p.lead()) }

// follow returns the task that creates the key's successor at now.
func (r *Record) follow(p Policy, now time.Time) *task {
	return &task{activate: now.Add(p.lead()), predecessor: r.Kid, why: "rotation"}
}

// replace returns the task that replaces a killed successor. The new one does not sign
// before the planned time, nor before every verifier can know it.
func (r *Record) replace(p Policy, now time.Time) *task {
	at := r.RetireAt
	if earliest := now.Add(p.lead()); at.Before(earliest) {
		at = earliest
	}
	return &task{activate: at, predecessor: r.Kid, replaces: true, why: "the successor was killed"}
}

// withdrawn reports whether the key was withdrawn before it signed anything.
func (r *Record) withdrawn() bool {
	return !r.KilledAt.IsZero() && r.RetireAt.Equal(r.KilledAt) && r.RetireAt.Before(r.ActivateAt)
}

func (rs records) clone() records { return slices.Clone(rs) }

// sameKey reports whether both records hold the same sealed key.
func (r *Record) sameKey(o *Record) bool {
	return r.Kid == o.Kid && r.Algorithm == o.Algorithm && bytes.Equal(r.Public, o.Public) && bytes.Equal(r.Sealed, o.Sealed)
}
