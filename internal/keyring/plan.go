package keyring

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Plan lists what will happen to the signing keys until the next rotation is complete, in
// order of time. It is not stored: it is computed from the keys, the policy and the time.
type Plan struct {
	// Signs is the kid of the key that signs now; empty when there is none.
	Signs string
	// Steps are in the future. Keys that do not exist yet are called (new 1), (new 2).
	Steps []Step
}

// Plan returns the steps that will happen without any command.
func (r *Ring) Plan(now time.Time) Plan {
	return r.now.Load().records.clone().plan(r.policy(), now)
}

// Drill returns what [Ring.Rotate] would do at now and what would follow, or its error. It
// changes nothing.
func (r *Ring) Drill(now time.Time, o Order) (Rotation, Plan, error) {
	rs := r.now.Load().records.clone().settled(r.policy(), now)
	rotation, t, err := r.decide(rs, o, now)
	if err != nil {
		return Rotation{}, Plan{}, wrapRotate(err)
	}
	if t != nil {
		rs = rs.follow(t, now, r.policy())
		if o.Key.Kid() != "" {
			rs[len(rs)-1].Kid = o.Key.Kid()
		}
	}
	return rotation, rs.plan(r.policy(), now), nil
}

// follow returns the records after a task.
func (rs records) follow(t *task, now time.Time, p Policy) records {
	unmade := 1
	for i := range rs {
		switch rs[i].Kid {
		case t.hastened:
			rs[i].ActivateAt = millis(t.activate)
		case t.predecessor:
			rs[i].RetireAt = millis(t.activate)
		case t.withdrawn:
			rs[i].RetireAt, rs[i].KilledAt = millis(now), millis(now)
		}
		if strings.HasPrefix(rs[i].Kid, "(new ") {
			unmade++
		}
	}
	if t.hastened != "" {
		return rs
	}
	return append(rs, Record{
		Kid: fmt.Sprintf("(new %d)", unmade), Purpose: Signing, Sealed: []byte{0}, Seq: rs.lastSeq(Signing) + 1, CreatedAt: millis(now),
		ActivateAt: millis(t.activate), LongestTTL: p.LongestTTL,
	})
}

// unmade reports whether the key exists only in a rehearsal.
func (r *Record) unmade() bool { return len(r.Public) == 0 && bytes.Equal(r.Sealed, []byte{0}) }

// settled returns the records after everything that is due at now.
func (rs records) settled(p Policy, now time.Time) records {
	for range maxAttempts {
		t := rs.due(p, now)
		if t == nil {
			break
		}
		rs = rs.follow(t, now, p)
	}
	return rs
}

func (rs records) plan(p Policy, now time.Time) Plan {
	var plan Plan
	if active := rs.active(now); active != nil {
		plan.Signs = active.Kid
	}
	rs = rs.settled(p, now)
	last := rs.heir(now)
	if last == nil {
		last = rs.active(now)
	}
	if at := last.nextMade(p); last.RetireAt.IsZero() && at.After(now) {
		rs = rs.follow(last.follow(p, at), at, p)
	}
	for i := range rs {
		plan.Steps = append(plan.Steps, rs[i].steps(now)...)
	}
	slices.SortStableFunc(plan.Steps, func(a, b Step) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.State, b.State))
	})
	return plan
}

// steps returns the future changes of one key.
func (r *Record) steps(now time.Time) (steps []Step) {
	add := func(at time.Time, state State, why string) {
		if !at.IsZero() && at.After(now) {
			steps = append(steps, Step{At: at, Kid: r.Kid, State: state, Why: why})
		}
	}
	if r.unmade() && r.ActivateAt.After(now) {
		steps = append(steps, Step{At: r.CreatedAt, Kid: r.Kid, State: Next, Why: "created; published before it signs"})
	}
	if !r.KilledAt.IsZero() {
		return nil
	}
	add(r.ActivateAt, Active, "signs")
	add(r.RetireAt, Retired, "stops signing; published until its tokens have expired")
	add(r.GoneAt(), Gone, "its last token has expired; it is deleted")
	return steps
}
