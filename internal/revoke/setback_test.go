package revoke_test

import (
	"errors"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/rule"
)

func epochOf(seq int64) int64 {
	epoch, _ := rule.Split(seq)
	return epoch
}

// all that the log has forgotten is written again, and places never repeat.
func TestLogThatIsSetBack(t *testing.T) {
	atDesk(t, func(d *desk) {
		d.log.revoke("old")
		backup := d.log.backup()
		d.log.revoke("lost")
		d.wait(time.Second)
		before := d.hub.View().Head
		_, s := d.hub.Subscribe()
		d.log.restore(backup)
		// Written at a place that had been given away: a token minted before
		// the backup was restored may have a greater rvs.
		d.log.revoke("strange")
		d.wait(time.Second)
		d.ended(s)
		view := d.hub.View()
		if epochOf(view.Head) != 2 || view.Resumes(before) || view.Resumes(seq(1)) || !view.Resumes(view.Head) || !view.Resumes(0) {
			t.Fatalf("head %d", view.Head)
		}
		for _, session := range []string{"old", "lost", "strange"} {
			d.refuses(revoke.Claims{Session: session, Revision: seq(0)}, true)
		}
		for session, want := range map[string]bool{"old": false, "lost": true, "strange": true} {
			d.refuses(revoke.Claims{Session: session, Revision: before}, want)
		}
		// Who starts from here learns of all.
		d.start()
		d.refuses(revoke.Claims{Session: "lost", Revision: seq(1)}, true)
		d.refuses(revoke.Claims{Session: "strange", Revision: before}, true)
	})
}

// Of several processes each brings what it knows, and nothing comes twice.
func TestProcessesRecoverTogether(t *testing.T) {
	atDesk(t, func(d *desk) {
		backup := d.log.backup()
		d.log.revoke("lost")
		d.wait(time.Second)
		d.start() // and the first goes on
		d.log.restore(backup)
		d.wait(time.Second)
		if _, n := rule.Split(d.hub.View().Head); n != 1 {
			t.Errorf("%d rules were written for one that was lost", n)
		}
	})
}

func TestRecoveryIsTriedAgain(t *testing.T) {
	atDesk(t, func(d *desk) {
		backup := d.log.backup()
		d.log.revoke("lost")
		d.wait(time.Second)
		asOf := d.hub.AsOf()
		d.log.restore(backup)
		d.log.failWith(errors.New("no store"))
		d.wait(time.Second)
		if d.hub.AsOf().After(asOf.Add(200 * time.Millisecond)) {
			t.Error("vouches for a view that it could not recover")
		}
		d.log.failWith(nil)
		d.wait(time.Second)
		d.start()
		d.refuses(revoke.Claims{Session: "lost", Revision: seq(0)}, true)
	})
}

// A service that was down while its database was set back hears of it from a
// follower. It believes the place, and repeats no rule for that: bob, who was
// signed out and has signed in again, stays signed in.
func TestClaimsRepeatNothing(t *testing.T) {
	for name, claim := range map[string]func(*desk) error{
		"a follower":  func(d *desk) error { return d.hub.Ahead(d.Context(), rule.Seq(2, 0)) },
		"an operator": func(d *desk) error { return d.hub.NewEpoch(d.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			atDesk(t, func(d *desk) {
				d.log.revoke("bob")
				d.wait(time.Second)
				d.start() // a second process, whose view ends there
				rvs := d.hub.View().Head
				d.log.revoke("alice")
				if err := d.hub.Ahead(d.Context(), seq(1)); err != nil || epochOf(d.hub.View().Head) != 1 {
					t.Fatal(err, "a follower that is not ahead")
				}
				if err := claim(d); err != nil {
					t.Fatal(err)
				}
				d.wait(time.Second)
				if epoch, n := rule.Split(d.hub.View().Head); epoch < 2 || n != 0 {
					t.Errorf("epoch %d, %d rules repeated", epoch, n)
				}
				if len(d.log.raised) != 1 || d.log.raised[0] != d.hub.Raised() || (name == "a follower") != (d.hub.Raised() == revoke.RaisedByFollower) {
					t.Errorf("%q, %q", d.log.raised, d.hub.Raised())
				}
				d.refuses(revoke.Claims{Session: "bob", Revision: rvs - 1}, true)
				d.refuses(revoke.Claims{Session: "bob", Revision: rvs}, false)
			})
		})
	}
}

// What is written again after a real set-back ends what the rule was meant for,
// and only asks the others to refresh.
func TestRepeatsAreTight(t *testing.T) {
	atDesk(t, func(d *desk) {
		backup := d.log.backup()
		lost := d.log.revoke("lost")
		d.wait(time.Second)
		d.log.restore(backup)
		strange := d.log.revoke("strange")
		d.log.revoke("beyond")
		d.wait(time.Second)
		repeats := map[string]revoke.Entry{}
		for _, e := range d.log.entries {
			if e.Client == "portaria" {
				repeats[e.Value] = e
			}
		}
		if len(repeats) != 2 || repeats["lost"].Mode != rule.Soft || !repeats["lost"].Repeats.Equal(lost.At) ||
			repeats["strange"].Mode != rule.Soft || repeats["strange"].Ends() {
			t.Errorf("%+v, of %+v", repeats, strange)
		}
	})
}

func TestLiarsBurnNoEpochs(t *testing.T) {
	atDesk(t, func(d *desk) {
		for range 100 {
			_ = d.hub.Ahead(d.Context(), d.hub.View().Head+1)
		}
		if got := epochOf(d.hub.View().Head); got != 2 {
			t.Errorf("epoch %d", got)
		}
		d.wait(10 * time.Minute)
		if err := d.hub.Ahead(d.Context(), rule.Seq(2+17, 1)); !errors.Is(err, revoke.ErrAhead) {
			t.Errorf("17 epochs at once: %v", err)
		}
		if err := d.hub.Ahead(d.Context(), rule.Seq(100_000, 1)); !errors.Is(err, revoke.ErrAhead) || epochOf(d.hub.View().Head) != 2 {
			t.Error(err, d.hub.View().Head)
		}
		if err := d.hub.Ahead(d.Context(), rule.Seq(3, 1)); err != nil || epochOf(d.hub.View().Head) != 4 {
			t.Error(err, d.hub.View().Head)
		}
	})
}

func TestNewEpoch(t *testing.T) {
	atDesk(t, func(d *desk) {
		d.log.revoke("a")
		for want := int64(2); want < 5; want++ {
			if err := d.hub.NewEpoch(d.Context()); err != nil || epochOf(d.hub.View().Head) != want {
				t.Fatal(err, d.hub.View().Head)
			}
		}
		d.refuses(revoke.Claims{Session: "a", Revision: seq(0)}, true)
	})
}
