package keyring_test

import (
	"slices"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/keyring"
)

// live plays what a plan says, and fails where it happens otherwise.
func (c *clocked) live(plan keyring.Plan) {
	c.t.Helper()
	c.signs(plan.Signs)
	made := map[string]string{} // the kid of what the plan calls (new 1)
	for _, step := range plan.Steps {
		c.now = step.At
		done := c.maintain()
		kid := step.Kid
		if i := slices.IndexFunc(done, func(s keyring.Step) bool { return s.State == keyring.Next }); i >= 0 {
			made[kid] = done[i].Kid
		}
		if real, ok := made[kid]; ok {
			kid = real
		}
		got := keyring.Gone
		for _, key := range c.Keys() {
			if key.Kid() == kid {
				got = key.State(c.now)
			}
		}
		if got != step.State || step.Why == "" {
			c.t.Errorf("after %v key %q is %v, planned was %v (%s)", c.now.Sub(t0), kid, got, step.State, step.Why)
		}
	}
}

// at returns the times of the steps, and fails unless they lead to these
// states.
func at(t *testing.T, plan keyring.Plan, states ...keyring.State) (offsets []time.Duration) {
	t.Helper()
	var got []keyring.State
	for _, step := range plan.Steps {
		got = append(got, step.State)
		offsets = append(offsets, step.At.Sub(t0))
	}
	equal(t, got, states)
	return offsets
}

func TestPlanComesTrue(t *testing.T) {
	c := ring(t)
	plan := c.Plan(t0)
	const due = every - time.Minute
	equal(t, at(t, plan, keyring.Next, keyring.Active, keyring.Retired, keyring.Gone),
		[]time.Duration{due - lead, due, due, due + ttl + margin})
	if c.store.writes != 1 {
		t.Error("planning has changed something")
	}
	c.live(plan)
	c.live(c.Plan(c.now))
	c.now = c.now.Add(100 * every) // overdue
	overdue := c.Plan(c.now)
	if len(overdue.Steps) == 0 || overdue.Steps[0].State != keyring.Next || !overdue.Steps[0].At.Equal(c.now) {
		t.Errorf("overdue: %+v", overdue.Steps)
	}
	c.maintain()
	c.live(c.Plan(c.now))
}

func TestDrillComesTrue(t *testing.T) {
	c := ring(t)
	c.now = t0.Add(time.Hour)
	before := c.store.writes
	rotation, plan, err := c.Drill(c.now, keyring.Order{})
	if err != nil || c.store.writes != before {
		t.Fatalf("%v, %d writes", err, c.store.writes-before)
	}
	at(t, plan, keyring.Next, keyring.Active, keyring.Retired, keyring.Gone, keyring.Next, keyring.Active, keyring.Retired, keyring.Gone)
	real := c.rotate(keyring.Order{})
	rotation.Successor = real.Successor
	if rotation != real {
		t.Errorf("rehearsed %+v, happened %+v", rotation, real)
	}
	// The first step has just been taken; the rest is lived through.
	made := plan.Steps[0].Kid
	for i := range plan.Steps {
		if plan.Steps[i].Kid == made {
			plan.Steps[i].Kid = real.Successor
		}
	}
	c.live(keyring.Plan{Signs: plan.Signs, Steps: plan.Steps[1:]})
}

func TestDrillOfAnImport(t *testing.T) {
	c := ring(t)
	key := generate(t, "EdDSA")
	rotation, plan, err := c.Drill(t0, keyring.Order{Key: key})
	if err != nil || rotation.Successor != key.Kid() || plan.Steps[0].Kid != key.Kid() || plan.Steps[0].State != keyring.Next {
		t.Errorf("%+v, %+v, %v", rotation, plan.Steps, err)
	}
	for _, step := range plan.Steps[1:] {
		if step.Kid == "(new 2)" {
			t.Error("there is no first new key")
		}
	}
}

func TestPlanAfterAKill(t *testing.T) {
	c := ring(t)
	c.rotate(keyring.Order{})
	c.kill(c.kid(0))
	c.live(c.Plan(c.now))
	c.kill(active(t, c.Ring, c.now).Kid())
	c.live(c.Plan(c.now))
}
