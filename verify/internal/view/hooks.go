package view

import "time"

// Between has a function called between the two reads of every decision: the age
// of the view, and the rules. It is for tests of package verify. Call it before
// the first decision.
func (v *View) Between(do func()) { v.between = do }

// Slept makes the wall clock be ahead of the last renewal, as it is after the
// machine was suspended. It is for tests of package verify.
func (v *View) Slept(took time.Duration) {
	at := *v.asOf.Load()
	at.wall -= took.Milliseconds()
	v.asOf.Store(&at)
}
