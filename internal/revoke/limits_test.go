package revoke_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/rule"
)

// TestLengthsOfAnEntry: the limits are in characters, of whatever length in bytes.
func TestLengthsOfAnEntry(t *testing.T) {
	good := revoke.Entry{Kind: rule.Session, Value: "sid", Mode: rule.Soft, At: time.Unix(1, 0)}
	for field, test := range map[string]struct {
		most int
		set  func(*revoke.Entry, string)
	}{
		"value":  {512, func(e *revoke.Entry, s string) { e.Value = s }},
		"reason": {256, func(e *revoke.Entry, s string) { e.Reason = s }},
		"key":    {255, func(e *revoke.Entry, s string) { e.Key = s }},
	} {
		for _, character := range []string{"x", "é", "あ", "😀"} {
			for n, ok := range map[int]bool{test.most - 1: true, test.most: true, test.most + 1: false} {
				e := good
				test.set(&e, strings.Repeat(character, n))
				if err := e.Check(); (err == nil) != ok || err != nil && !errors.Is(err, revoke.ErrEntry) {
					t.Errorf("%s of %d × %s: %v", field, n, character, err)
				}
			}
		}
		if field == "reason" {
			continue // for people, in the language of their choice
		}
		for _, odd := range []string{"\nab", "a\nb", "ab\n", "\x7f", "\u0085"} {
			e := good
			test.set(&e, odd)
			if err := e.Check(); !errors.Is(err, revoke.ErrEntry) {
				t.Errorf("%s %q: %v", field, odd, err)
			}
		}
	}
}

// TestEpochsOfAClaim: a follower may know of sixteen epochs more, and be believed
// once in ten minutes.
func TestEpochsOfAClaim(t *testing.T) {
	for ahead, ok := range map[int64]bool{0: true, 1: true, 16: true, 17: false} {
		atDesk(t, func(d *desk) {
			err := d.hub.Ahead(d.Context(), rule.Seq(1+ahead, 1))
			if (err == nil) != ok || err != nil && !errors.Is(err, revoke.ErrAhead) {
				t.Errorf("%d epochs ahead: %v", ahead, err)
			}
			if got := epochOf(d.hub.View().Head); ok && got != 2+ahead || !ok && got != 1 {
				t.Errorf("%d epochs ahead: epoch %d", ahead, got)
			}
			if ok {
				return
			}
			// A claim that was refused does not count as the last.
			if err := d.hub.Ahead(d.Context(), seq(1)); err != nil {
				t.Error(err)
			}
		})
	}
	for after, ok := range map[time.Duration]bool{10*time.Minute - 1: false, 10 * time.Minute: true} {
		atDesk(t, func(d *desk) {
			if err := d.hub.Ahead(d.Context(), seq(1)); err != nil {
				t.Fatal(err)
			}
			d.wait(after)
			if err := d.hub.Ahead(d.Context(), rule.Seq(2, 1)); (err == nil) != ok {
				t.Errorf("%v after the last claim: %v", after, err)
			}
		})
	}
}

// TestClaimsThatFail are reported, and raise nothing.
func TestClaimsThatFail(t *testing.T) {
	atDesk(t, func(d *desk) {
		broken := errors.New("no store")
		d.log.failWith(broken)
		if err := d.hub.Ahead(d.Context(), seq(1)); !errors.Is(err, broken) {
			t.Errorf("a claim: %v", err)
		}
		if err := d.hub.NewEpoch(d.Context()); !errors.Is(err, broken) {
			t.Errorf("an operator: %v", err)
		}
		d.log.failWith(nil)
		if d.hub.Raised() != "" || epochOf(d.hub.View().Head) != 1 || len(d.log.raised) != 0 {
			t.Errorf("raised %q, %v", d.hub.Raised(), d.log.raised)
		}
	})
}

// TestRecoveryReadsEveryPage: also what is beyond the first five thousand rules.
func TestRecoveryReadsEveryPage(t *testing.T) {
	atDesk(t, func(d *desk) {
		backup := d.log.backup()
		d.log.revoke("lost")
		d.wait(time.Second)
		d.log.restore(backup)
		d.log.revokeMany(5003)
		d.wait(time.Second)
		if epochOf(d.hub.View().Head) != 2 {
			t.Fatalf("head %d", d.hub.View().Head)
		}
		for _, session := range []string{"lost", "s0", "s4999", "s5000", "s5002"} {
			d.refuses(revoke.Claims{Session: session}, true)
		}
	})
}

// TestALostKeyRuleStaysHard: no token of a killed key is good after a refresh.
func TestALostKeyRuleStaysHard(t *testing.T) {
	atDesk(t, func(d *desk) {
		backup := d.log.backup()
		if _, err := d.log.Write(d.Context(), revoke.Entry{Kind: rule.Key, Value: "kid", Mode: rule.Hard, At: time.Now()}); err != nil {
			t.Fatal(err)
		}
		d.wait(time.Second)
		d.log.restore(backup)
		d.wait(time.Second)
		d.start()
		if mode, refused := d.hub.Check(revoke.Claims{Key: "kid", Revision: rule.MaxSeq}); mode != rule.Hard || !refused {
			t.Errorf("%q, %v", mode, refused)
		}
	})
}

// traced remembers who asked for another epoch.
type traced struct {
	*memory
	origin event.Origin
}

func (m *traced) RaiseEpoch(ctx context.Context, seen int64, why revoke.Raise) (revoke.Head, error) {
	m.origin = event.OriginOf(ctx)
	return m.memory.RaiseEpoch(ctx, seen, why)
}

// TestNobodyIsBlamedForARecovery: the request that happens to look has not set the
// log back.
func TestNobodyIsBlamedForARecovery(t *testing.T) {
	log := &traced{memory: newMemory(), origin: event.Origin{Actor: "nobody yet"}}
	hub, err := revoke.Open(t.Context(), log, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	backup := log.backup()
	log.revoke("lost")
	if err := hub.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	log.restore(backup)
	if err := hub.Look(event.From(t.Context(), event.Origin{Actor: "bob"})); err != nil || log.origin != (event.Origin{}) {
		t.Errorf("%+v, %v", log.origin, err)
	}
}

// TestTheMomentARuleLeaves: it lives until its Prune, and is looked for once a
// minute.
func TestTheMomentARuleLeaves(t *testing.T) {
	for name, test := range map[string]struct {
		first, last time.Duration // looks so long after the rule's time; its Prune is an hour after it
		rules       int
	}{
		"just before its end":   {0, time.Hour - 1, 1},
		"at its end":            {0, time.Hour, 0},
		"less than a minute":    {time.Hour - 1, time.Hour + time.Minute - 2, 1},
		"a minute after a look": {time.Hour - 1, time.Hour + time.Minute - 1, 0},
	} {
		log, written := newMemory(), time.Now()
		age := written
		hub, err := revoke.Open(t.Context(), log, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		hub.ByAge(func() time.Time { return age })
		if _, err := log.Write(t.Context(), revoke.Entry{Kind: rule.Session, Value: "s", Mode: rule.Hard, At: written}); err != nil {
			t.Fatal(err)
		}
		for _, after := range []time.Duration{test.first, test.last} {
			age = written.Add(after)
			if err := hub.Look(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got := hub.View().Len(); got != test.rules || hub.View().Head != seq(1) {
			t.Errorf("%s: %d rules up to %d", name, got, hub.View().Head)
		}
		if _, refused := hub.Check(revoke.Claims{Session: "s"}); refused != (test.rules == 1) {
			t.Errorf("%s: refused %v", name, refused)
		}
	}
}

// TestFullChunks: 512 rules are a batch that later views share, and a follower may
// be twenty of them behind.
func TestFullChunks(t *testing.T) {
	atDesk(t, func(d *desk) {
		var encoded atomic.Int64
		ask := func() int64 {
			before := encoded.Load()
			for _, b := range d.hub.View().After(0) {
				b.Frame(func(*revoke.Batch) []byte { encoded.Add(1); return nil })
			}
			return encoded.Load() - before
		}
		d.log.revokeMany(512)
		d.wait(time.Second)
		ask()
		d.log.revoke("one more")
		d.wait(time.Second)
		if got := ask(); got != 1 {
			t.Errorf("%d encodings for one more rule", got)
		}
		d.log.revokeMany(20*512 + 511 - 513)
		d.wait(time.Second)
		if v := d.hub.View(); v.Floor() != 0 || v.Len() != 20*512+511 || len(v.Batches()) != 21 {
			t.Errorf("floor %d after %d rules", v.Floor(), v.Len())
		}
		d.log.revoke("one more")
		d.wait(time.Second)
		if v := d.hub.View(); v.Floor() != seq(512) || !v.Resumes(seq(512)) || v.Resumes(seq(511)) || v.Resumes(0) {
			t.Errorf("floor %d after %d rules", v.Floor(), v.Len())
		}
	})
}

// FuzzProof: nothing but the proof itself is one, and reading panics nowhere.
func FuzzProof(f *testing.F) {
	proofs := revoke.NewProofs([]byte("0123456789abcdef0123456789abcdef"))
	good := proofs.Of(rule.Seq(1, 7))
	for n := range good {
		f.Add(good[:n])
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, text string) {
		if got := proofs.Seq(text); got != 0 && proofs.Of(got) != text {
			t.Errorf("%q is a proof of %d", text, got)
		}
	})
}

// TestRulesInMemory: with more live rules than the hub holds it does not vouch for its
// view any more, so that verifiers become stale instead of missing rules.
func TestRulesInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newMemory()
		hub, err := revoke.Open(t.Context(), log, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		const most = 7
		if before := hub.Limit(most); before != 2_000_000 {
			t.Errorf("a limit of %d rules", before)
		}
		for i := range most + 1 {
			e := revoke.Entry{Kind: rule.Session, Value: fmt.Sprint(i), Mode: rule.Hard, At: time.Now()}
			if _, err := log.Write(t.Context(), e); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			err := hub.Look(t.Context())
			if i < most {
				if err != nil || hub.View().Len() != i+1 {
					t.Errorf("%d rules: %d in memory, %v", i+1, hub.View().Len(), err)
				}
				continue
			}
			if !errors.Is(err, revoke.ErrTooManyRules) || time.Since(hub.AsOf()) < time.Second || hub.View().Len() != most {
				t.Errorf("%d rules: %v, as of %v ago", i+1, err, time.Since(hub.AsOf()))
			}
		}
	})
}

// TestRulesOfALogThatWasSetBack: the limit holds while a log is read anew, too.
func TestRulesOfALogThatWasSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newMemory()
		log.revoke("a")
		hub, err := revoke.Open(t.Context(), log, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		hub.Limit(3)
		log.restore(newMemory().backup())
		for i := range 4 {
			log.revoke(fmt.Sprint(i))
		}
		if err := hub.Look(t.Context()); !errors.Is(err, revoke.ErrTooManyRules) {
			t.Errorf("%v with %d rules in memory", err, hub.View().Len())
		}
	})
}
