package revoke_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/internal/revoke"
)

// register keeps verifiers in memory; several fleets may share one.
type register struct {
	list  map[string]revoke.Verifier
	saved int
	fail  error
}

func (r *register) SaveVerifiers(_ context.Context, list []revoke.Verifier) error {
	if r.fail != nil {
		return r.fail
	}
	r.saved++
	for _, v := range list {
		r.list[v.Client+"/"+v.ID] = v
	}
	return nil
}

func (r *register) Verifiers(_ context.Context, now time.Time) (all []revoke.Verifier, err error) {
	for _, v := range r.list {
		if !v.ForgetAt().Before(now) {
			all = append(all, v)
		}
	}
	return all, r.fail
}

func (r *register) ForgetVerifiers(context.Context, time.Time) (int, error) { return 0, nil }

// port is a fleet in a bubble.
type port struct {
	*testing.T
	*revoke.Fleet
	register *register
}

func inPort(t *testing.T, test func(*port)) {
	synctest.Test(t, func(t *testing.T) {
		r := &register{list: map[string]revoke.Verifier{}}
		test(&port{t, revoke.NewFleet(r, time.Minute, time.Now), r})
	})
}

func (p *port) ack(id string, seq int64, lease time.Duration, whenStale string) {
	p.Helper()
	err := p.Ack(revoke.Verifier{Client: "orders", ID: id, Seq: seq, Staleness: lease, WhenStale: whenStale, Seen: time.Now()})
	if err != nil {
		p.Fatal(err)
	}
}

// says checks a receipt of rule 5, written just now.
func (p *port) says(confirmed, pending, silent int, lease time.Duration, open ...string) {
	p.Helper()
	got, err := p.Receipt(p.Context(), 5, time.Now())
	if err != nil {
		p.Fatal(err)
	}
	want := revoke.Receipt{Seq: 5, EffectiveBy: time.Now().Add(lease), Confirmed: confirmed, Pending: pending, Silent: silent}
	names := []string(nil)
	for _, v := range got.Open {
		names = append(names, v.ID)
	}
	got.Open = nil
	if diff := cmp.Diff(want, got); diff != "" {
		p.Error(diff)
	}
	if diff := cmp.Diff(open, names); diff != "" {
		p.Error(diff)
	}
}

func TestReceiptCountsTheFleet(t *testing.T) {
	inPort(t, func(p *port) {
		p.says(0, 0, 0, 10*time.Second)
		p.ack("a", 4, 2*time.Second, "refuse")
		p.says(0, 1, 0, 10*time.Second)
		p.ack("b", 4, 30*time.Second, "open")
		p.says(0, 2, 0, 30*time.Second, "b")
		p.ack("a", 5, 2*time.Second, "refuse")
		p.says(1, 1, 0, 30*time.Second, "b")
		p.ack("b", 6, 30*time.Second, "open")
		p.says(2, 0, 0, 30*time.Second)
	})
}

// Who is silent trusts nothing that it knew, and keeps nobody waiting; its
// lease counts until it is forgotten, because it may come back.
func TestSilentVerifiers(t *testing.T) {
	inPort(t, func(p *port) {
		p.ack("a", 4, 30*time.Second, "refuse")
		<-time.After(50 * time.Second)
		p.says(0, 1, 0, 30*time.Second)
		<-time.After(time.Second)
		p.says(0, 0, 1, 30*time.Second)
		<-time.After(10*time.Minute - 51*time.Second)
		p.says(0, 0, 1, 30*time.Second)
		<-time.After(time.Second)
		p.says(0, 0, 0, 10*time.Second)
	})
}

// Of a follower that has not said how long it trusts its view, the worst that
// is allowed is believed.
func TestFollowersThatSaidNothingYet(t *testing.T) {
	inPort(t, func(p *port) {
		p.Join("orders")
		p.says(0, 0, 0, time.Minute)
		p.ack("a", 5, 10*time.Second, "refuse")
		p.says(1, 0, 0, 10*time.Second)
		p.Join("mute")
		p.says(1, 0, 0, time.Minute)
		<-time.After(20 * time.Second)
		p.says(1, 0, 0, 10*time.Second)
	})
}

func TestLeasesAreBounded(t *testing.T) {
	inPort(t, func(p *port) {
		p.ack("a", 1, time.Minute, "refuse")
		err := p.Ack(revoke.Verifier{Client: "orders", ID: "b", Staleness: time.Minute + 1, Seen: time.Now()})
		if !errors.Is(err, revoke.ErrStaleness) {
			t.Error(err)
		}
		p.says(0, 1, 0, time.Minute)
	})
}

// A rule of which only its own time is known may have become durable later.
func TestReceiptOfARule(t *testing.T) {
	inPort(t, func(p *port) {
		got, err := p.ReceiptOf(p.Context(), revoke.Rule{Seq: 5, At: time.Now()})
		if want := time.Now().Add(revoke.CommitTime + revoke.DefaultStaleness); err != nil || !got.EffectiveBy.Equal(want) {
			t.Error(got, err)
		}
	})
}

// A thousand verifiers that speak every second cost one write a second.
func TestAcksAreWrittenTogether(t *testing.T) {
	inPort(t, func(p *port) {
		ctx, stop := context.WithCancel(p.Context())
		go p.Fleet.Run(ctx, func(err error) { t.Error(err) })
		for second := range 10 {
			for i := range 1000 {
				p.ack(strconv.Itoa(i), int64(second), 10*time.Second, "refuse")
			}
			<-time.After(time.Second)
		}
		synctest.Wait()
		if p.register.saved < 5 || p.register.saved > 11 || len(p.register.list) != 1000 {
			t.Errorf("%d writes, %d verifiers", p.register.saved, len(p.register.list))
		}
		before := p.register.saved
		p.ack("last", 1, 10*time.Second, "refuse")
		stop()
		synctest.Wait()
		if p.register.saved != before+1 {
			t.Error("what was said last is lost")
		}
	})
}

func TestAcksSurviveAStoreThatFails(t *testing.T) {
	inPort(t, func(p *port) {
		p.ack("a", 5, 10*time.Second, "refuse")
		p.register.fail = errors.New("no store")
		if err := p.Save(p.Context()); err == nil {
			t.Error("no error")
		}
		p.register.fail = nil
		if err := p.Save(p.Context()); err != nil || len(p.register.list) != 1 {
			t.Error(err, p.register.list)
		}
	})
}

// What another process heard counts as well.
func TestProcessesShareTheFleet(t *testing.T) {
	inPort(t, func(p *port) {
		other := revoke.NewFleet(p.register, time.Minute, time.Now)
		p.ack("a", 5, 10*time.Second, "refuse")
		if err := p.Save(p.Context()); err != nil {
			t.Fatal(err)
		}
		got, err := other.Receipt(p.Context(), 5, time.Now())
		if err != nil || got.Confirmed != 1 {
			t.Error(got, err)
		}
	})
}
