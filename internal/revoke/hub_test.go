package revoke_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/rule"
)

// desk is a hub on a log, in a bubble.
type desk struct {
	*testing.T
	log    *memory
	hub    *revoke.Hub
	errors []error
	stop   []func()
}

// atDesk runs a test with a hub that runs.
func atDesk(t *testing.T, test func(*desk)) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{T: t, log: newMemory()}
		defer func() {
			for _, stop := range d.stop {
				stop()
			}
		}()
		d.start()
		test(d)
	})
}

// start opens a hub on the log; the hub before goes on.
func (d *desk) start() {
	d.Helper()
	hub, err := revoke.Open(d.Context(), d.log, time.Now)
	if err != nil {
		d.Fatal(err)
	}
	d.hub = hub
	ctx, stop := context.WithCancel(d.Context())
	d.stop = append(d.stop, stop)
	go hub.Run(ctx, func(err error) { d.errors = append(d.errors, err) })
	synctest.Wait()
}

func (d *desk) wait(t time.Duration) {
	<-time.After(t) // of the bubble
	synctest.Wait()
}

// gets checks that a batch is there, from one place to another.
func (d *desk) gets(s *revoke.Subscription, from, to int64, rules int) {
	d.Helper()
	select {
	case b, ok := <-s.Batches():
		if !ok || b.From != from || b.To != to || len(b.Rules) != rules {
			d.Fatalf("got %+v, %v, want %d rules from %d to %d", b, ok, rules, from, to)
		}
	default:
		d.Fatalf("nothing came, want %d rules from %d to %d", rules, from, to)
	}
}

func (d *desk) getsNothing(s *revoke.Subscription) {
	d.Helper()
	select {
	case b, ok := <-s.Batches():
		d.Fatalf("got %+v, %v, want nothing", b, ok)
	default:
	}
}

func (d *desk) ended(s *revoke.Subscription) {
	d.Helper()
	for range s.Batches() {
	}
}

func (d *desk) refuses(c revoke.Claims, want bool) {
	d.Helper()
	if _, got := d.hub.Check(c); got != want {
		d.Fatalf("refuses %+v: %v, want %v", c, got, want)
	}
}

func seq(n int64) int64 { return rule.Seq(1, n) }

func TestHubTellsOfEveryRuleOnce(t *testing.T) {
	atDesk(t, func(d *desk) {
		d.log.revoke("before")
		d.wait(time.Second)
		view, s := d.hub.Subscribe()
		if view.Head != seq(1) {
			d.Fatal(view.Head)
		}
		d.log.revoke("a")
		d.getsNothing(s)
		d.wait(225 * time.Millisecond)
		d.gets(s, seq(1), seq(2), 1)
		d.log.revoke("b")
		d.log.revoke("c")
		d.wait(time.Second)
		d.gets(s, seq(2), seq(4), 2)
		d.getsNothing(s)
		d.refuses(revoke.Claims{Session: "a", Revision: seq(1)}, true)
		d.refuses(revoke.Claims{Session: "a", Revision: seq(2)}, false)
	})
}

func TestWakingIsAtOnce(t *testing.T) {
	atDesk(t, func(d *desk) {
		_, s := d.hub.Subscribe()
		d.log.revoke("a")
		d.hub.Wake()
		synctest.Wait()
		d.gets(s, seq(0), seq(1), 1)
	})
}

// A storm costs a bounded number of looks and batches.
func TestRulesGatherUnderLoad(t *testing.T) {
	atDesk(t, func(d *desk) {
		_, s := d.hub.Subscribe()
		before := d.log.lookedUp()
		for range 1000 {
			d.log.revoke("a")
			d.hub.Wake()
			d.wait(time.Millisecond)
		}
		d.wait(time.Second)
		batches, rules := 0, 0
		for at := seq(0); at < seq(1000); {
			b := <-s.Batches()
			if b.From != at {
				t.Fatalf("a batch from %d after one to %d", b.From, at)
			}
			batches, rules, at = batches+1, rules+len(b.Rules), b.To
		}
		if rules != 1000 || batches > 42 || batches < 30 || d.log.lookedUp()-before > 60 {
			t.Errorf("%d rules in %d batches, %d looks", rules, batches, d.log.lookedUp()-before)
		}
	})
}

func TestSlowFollowerIsDroppedAndTheOthersAreNot(t *testing.T) {
	atDesk(t, func(d *desk) {
		_, slow := d.hub.Subscribe()
		_, quick := d.hub.Subscribe()
		got := 0
		for range 200 {
			d.log.revoke("a")
			d.wait(200 * time.Millisecond)
			got += len((<-quick.Batches()).Rules)
		}
		buffered := 0
		for range slow.Batches() {
			buffered++
		}
		if got != 200 || buffered != 128 || d.hub.Followers() != 1 {
			t.Errorf("quick got %d, slow %d, %d follow", got, buffered, d.hub.Followers())
		}
		// It resumes where it stopped, without a gap.
		view, _ := d.hub.Subscribe()
		rest := view.After(seq(128))
		if len(rest) != 1 || rest[0].From != seq(128) || rest[0].To != seq(200) || len(rest[0].Rules) != 72 {
			t.Errorf("%+v", rest)
		}
		slow.Close()
		quick.Close()
		quick.Close()
		if d.hub.Followers() != 1 {
			t.Error(d.hub.Followers())
		}
	})
}

// AsOf is the beginning of a look: what is written after it began may be
// missing from its answer.
func TestAsOf(t *testing.T) {
	atDesk(t, func(d *desk) {
		d.wait(time.Second)
		if age := time.Since(d.hub.AsOf()); age > 200*time.Millisecond {
			t.Errorf("%v old while all is well", age)
		}
		d.log.delay.Store(int64(3 * time.Second))
		d.wait(10 * time.Second)
		if age := time.Since(d.hub.AsOf()); age < 3*time.Second || age > 6400*time.Millisecond {
			t.Errorf("%v old with a store that takes three seconds", age)
		}
		d.log.delay.Store(0)
		d.wait(4 * time.Second)
		d.log.failWith(errors.New("no store"))
		d.wait(time.Minute)
		if age := time.Since(d.hub.AsOf()); age < time.Minute {
			t.Errorf("%v old although nobody could look for a minute", age)
		}
		if len(d.errors) == 0 {
			t.Error("nobody was told")
		}
		d.log.failWith(nil)
		d.wait(200 * time.Millisecond)
		if age := time.Since(d.hub.AsOf()); age > 200*time.Millisecond {
			t.Errorf("%v old after all is well again", age)
		}
	})
}

// Whoever reads AsOf and then drains has every rule of that moment.
func TestBatchesComeBeforeAsOf(t *testing.T) {
	atDesk(t, func(d *desk) {
		_, s := d.hub.Subscribe()
		for range 50 {
			rule := d.log.revoke("a")
			written := time.Now()
			for d.hub.AsOf().Before(written) {
				d.wait(time.Millisecond)
			}
			if b := <-s.Batches(); b.To < rule.Seq {
				t.Fatalf("as of after %d, but only up to %d", rule.Seq, b.To)
			}
		}
	})
}

func TestLookIsNotOlderThanItsCall(t *testing.T) {
	atDesk(t, func(d *desk) {
		d.log.delay.Store(int64(10 * time.Millisecond))
		for range 20 {
			rule := d.log.revoke("a")
			go d.hub.Wake()
			if err := d.hub.Look(d.Context()); err != nil || d.hub.View().Head < rule.Seq {
				t.Fatal(err, d.hub.View().Head)
			}
		}
	})
}

func TestRulesAreDroppedWhenTheyRefuseNothing(t *testing.T) {
	atDesk(t, func(d *desk) {
		d.log.revokeMany(1000)
		d.wait(time.Second)
		d.refuses(revoke.Claims{Session: "s7"}, true)
		d.wait(59 * time.Minute)
		late := d.log.revoke("late")
		d.wait(3 * time.Minute)
		view := d.hub.View()
		if view.Len() != 1 || view.Head != late.Seq {
			t.Errorf("%d rules up to %d", view.Len(), view.Head)
		}
		d.refuses(revoke.Claims{Session: "s7"}, false)
		d.refuses(revoke.Claims{Session: "late"}, true)
		if b := view.After(seq(3)); len(b) != 1 || b[0].From != seq(3) || b[0].To != late.Seq || len(b[0].Rules) != 1 {
			t.Errorf("%+v", b)
		}
	})
}

func TestHubEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub, err := revoke.Open(t.Context(), newMemory(), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		go hub.Run(ctx, func(err error) { t.Error(err) })
		_, s := hub.Subscribe()
		stop()
		for range s.Batches() {
			t.Error("a batch")
		}
		_, late := hub.Subscribe()
		for range late.Batches() {
			t.Error("a batch")
		}
	})
}

func TestOpenNeedsTheLog(t *testing.T) {
	log := newMemory()
	broken := errors.New("no store")
	log.failWith(broken)
	if _, err := revoke.Open(t.Context(), log, time.Now); !errors.Is(err, broken) {
		t.Error(err)
	}
}
