package revoke_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/rule"
)

// covers checks that batches follow each other from one place to another and
// hold every rule in between, once.
func (d *desk) covers(batches []*revoke.Batch, from, to int64) {
	d.Helper()
	at := from
	for _, b := range batches {
		if b.From != at {
			d.Fatalf("a batch from %d, want from %d", b.From, at)
		}
		for _, r := range b.Rules {
			if r.Seq != at+1 && at != 0 || r.Seq > b.To {
				d.Fatalf("rule %d after %d, in a batch to %d", r.Seq, at, b.To)
			}
			at = r.Seq
		}
		at = b.To
	}
	if at != to {
		d.Fatalf("up to %d, want %d", at, to)
	}
}

func TestCatchingUpFromAnywhere(t *testing.T) {
	atDesk(t, func(d *desk) {
		d.log.revokeMany(5000)
		d.wait(time.Second)
		v := d.hub.View()
		for n := int64(0); n <= 5000; n += 7 {
			d.covers(v.After(seq(n)), seq(n), v.Head)
		}
		d.covers(v.After(0), 0, v.Head)
		if len(v.After(v.Head)) != 0 {
			t.Error("something follows the head")
		}
		if r, ok := v.Find(seq(513)); !ok || r.Seq != seq(513) {
			t.Error(r, ok)
		}
		if _, ok := v.Find(seq(5001)); ok {
			t.Error("found what is not there")
		}
	})
}

// From some point on a snapshot is less work for everybody.
func TestFloor(t *testing.T) {
	atDesk(t, func(d *desk) {
		d.log.revokeMany(10_000)
		d.wait(time.Second)
		if v := d.hub.View(); v.Floor() != 0 || !v.Resumes(0) || !v.Resumes(seq(1)) {
			t.Errorf("floor %d", v.Floor())
		}
		d.log.revokeMany(10_000)
		d.wait(time.Second)
		v := d.hub.View()
		if v.Floor() < seq(9_000) || v.Resumes(0) || v.Resumes(v.Floor()-1) || !v.Resumes(v.Floor()) || v.Resumes(v.Head+1) {
			t.Errorf("floor %d", v.Floor())
		}
		if v.Resumes(rule.Seq(0, 5)) || v.Resumes(rule.Seq(2, 0)) {
			t.Error("resumes in another epoch")
		}
	})
}

// What is encoded once is shared, by followers and by later views.
func TestEncodingIsShared(t *testing.T) {
	atDesk(t, func(d *desk) {
		d.log.revokeMany(2048)
		d.wait(time.Second)
		var encoded atomic.Int64
		encode := func(*revoke.Batch) []byte { encoded.Add(1); return []byte("x") }
		ask := func() {
			for _, b := range d.hub.View().After(0) {
				b.Frame(encode)
			}
		}
		for range 1000 {
			ask()
		}
		if got := encoded.Load(); got > 5 {
			t.Errorf("%d encodings", got)
		}
		before := encoded.Load()
		d.log.revoke("one more")
		d.wait(time.Second)
		ask()
		if got := encoded.Load() - before; got != 1 {
			t.Errorf("%d encodings for one more rule", got)
		}
	})
}

func TestCheck(t *testing.T) {
	token := revoke.Claims{ID: "jti", Session: "sid", Root: "root", Account: "sub", Client: "app", Key: "kid", Issuer: "iss", Revision: seq(1)}
	entry := func(k rule.Kind, value string) revoke.Entry {
		return revoke.Entry{Kind: k, Value: value, Mode: rule.Hard, At: time.Now()}
	}
	for _, about := range []struct {
		kind  rule.Kind
		value string
	}{
		{rule.Token, "jti"}, {rule.Session, "sid"}, {rule.Session, "root"}, {rule.Account, "sub"}, {rule.Client, "app"},
		{rule.AccountAtClient, rule.Pair("sub", "app")}, {rule.Issuer, "iss"}, {rule.Key, "kid"},
	} {
		t.Run(string(about.kind)+" "+about.value, func(t *testing.T) {
			atDesk(t, func(d *desk) {
				other := entry(about.kind, "other-"+about.value)
				meant := entry(about.kind, about.value)
				for _, e := range []revoke.Entry{other, meant} {
					if _, err := d.log.Write(d.Context(), e); err != nil {
						t.Fatal(err)
					}
				}
				d.wait(time.Second)
				for revision, want := range map[int64]bool{seq(0): true, seq(1): true, seq(2): about.kind == rule.Key, seq(3): about.kind == rule.Key} {
					c := token
					c.Revision = revision
					d.refuses(c, want)
				}
				d.refuses(revoke.Claims{}, false)
			})
		})
	}
}

// The harder answer counts, and a soft rule after a hard one hides nothing.
func TestModes(t *testing.T) {
	atDesk(t, func(d *desk) {
		for i, mode := range []rule.Mode{rule.Soft, rule.Hard, rule.Soft} {
			_, err := d.log.Write(d.Context(), revoke.Entry{Kind: rule.Account, Value: "sub", Mode: mode, At: time.Now()})
			if err != nil {
				t.Fatal(i, err)
			}
		}
		d.wait(time.Second)
		for revision, want := range map[int64]rule.Mode{seq(0): rule.Hard, seq(1): rule.Hard, seq(2): rule.Soft, seq(3): ""} {
			if got, _ := d.hub.Check(revoke.Claims{Account: "sub", Revision: revision}); got != want {
				t.Errorf("rvs %d: %q, want %q", revision, got, want)
			}
		}
	})
}

// BenchmarkFanOut is a rule on its way from the log to all who follow, in
// memory.
func BenchmarkFanOut(b *testing.B) {
	for _, followers := range []int{100, 1000} {
		b.Run(fmt.Sprint(followers), func(b *testing.B) {
			log := newMemory()
			hub, err := revoke.Open(b.Context(), log, time.Now)
			if err != nil {
				b.Fatal(err)
			}
			encode := func(*revoke.Batch) []byte { return make([]byte, 150) }
			var subs []*revoke.Subscription
			for range followers {
				_, s := hub.Subscribe()
				subs = append(subs, s)
			}
			for b.Loop() {
				log.revoke("a")
				if err := hub.Look(b.Context()); err != nil {
					b.Fatal(err)
				}
				for _, s := range subs {
					(<-s.Batches()).Frame(encode)
				}
			}
		})
	}
}
