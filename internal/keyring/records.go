package keyring

import (
	"bytes"
	"slices"
	"time"
)

// records are all keys of a ring, by purpose and seq. What is due is decided
// on them alone, so that it can be rehearsed.
type records []Record

// signs reports whether the record is of a key that signs at now.
func (r *Record) signs(now time.Time) bool {
	return r.Purpose == Signing && len(r.Sealed) > 0 && r.State(now) == Active
}

// active returns the key that signs at now, nil when there is none. Several
// may be active when one was made in a hurry; the youngest signs.
func (rs records) active(now time.Time) (active *Record) {
	for i := range rs {
		if rs[i].signs(now) && (active == nil || !rs[i].ActivateAt.Before(active.ActivateAt)) {
			active = &rs[i]
		}
	}
	return active
}

// heir returns the key that signs next, nil when there is none yet.
func (rs records) heir(now time.Time) *Record {
	for i := range rs {
		if r := &rs[i]; r.Purpose == Signing && len(r.Sealed) > 0 && r.State(now) == Next {
			return r
		}
	}
	return nil
}

// superfluous returns the keys that could sign at now and never will again,
// because a younger one does. This is left behind when two processes replace a
// killed key with clocks that are minutes apart.
func (rs records) superfluous(now time.Time) (kids []string) {
	active := rs.active(now)
	for i := range rs {
		if rs[i].signs(now) && rs[i].Kid != active.Kid {
			kids = append(kids, rs[i].Kid)
		}
	}
	return kids
}

// gone returns the keys that may be deleted. The youngest stays, whatever
// became of it: its seq makes two writers who have seen the same keys collide.
// A killed one stays, too: its record keeps it from coming back under another
// name.
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

// task is a key to be made: when it begins to sign, and whom it follows.
type task struct {
	activate    time.Time
	predecessor string // to be retired in the same step; empty: nobody
	replaces    bool   // the predecessor's end is known already, and moves
	withdrawn   string // was to follow the predecessor, and will not; may be empty
	hastened    string // is not made, but is this one, and signs earlier
	why         string
}

// due returns the key that has to be made at now, nil when all is well.
func (rs records) due(p Policy, now time.Time) *task {
	active, heir := rs.active(now), rs.heir(now)
	switch {
	case active == nil && heir != nil:
		// Some verifiers know it already, of a new one none would.
		return &task{activate: now.Add(-raceWindow), hastened: heir.Kid, why: "the key before it may not sign any more"}
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

// nextMade is when the key's successor is due to be made.
func (r *Record) nextMade(p Policy) time.Time { return r.ActivateAt.Add(p.RotateEvery - p.lead()) }

// follow is the rotation to the key's successor, made at now.
func (r *Record) follow(p Policy, now time.Time) *task {
	return &task{activate: now.Add(p.lead()), predecessor: r.Kid, why: "rotation"}
}

// replace makes another successor of a key whose own was killed: no sooner
// than was planned, nor before everybody can know it.
func (r *Record) replace(p Policy, now time.Time) *task {
	at := r.RetireAt
	if earliest := now.Add(p.lead()); at.Before(earliest) {
		at = earliest
	}
	return &task{activate: at, predecessor: r.Kid, replaces: true, why: "the successor was killed"}
}

// withdrawn reports whether the key was taken back before it signed anything.
func (r *Record) withdrawn() bool {
	return !r.KilledAt.IsZero() && r.RetireAt.Equal(r.KilledAt) && r.RetireAt.Before(r.ActivateAt)
}

func (rs records) clone() records { return slices.Clone(rs) }

// sameKey reports whether both records hold the same key in the same sealing.
func (r *Record) sameKey(o *Record) bool {
	return r.Kid == o.Kid && r.Algorithm == o.Algorithm && bytes.Equal(r.Public, o.Public) && bytes.Equal(r.Sealed, o.Sealed)
}
