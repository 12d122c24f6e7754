package fleet_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/internal/revoke/fleet"
	"github.com/portaria/portaria/internal/revoke/rule"
)

// register keeps verifiers in memory; several fleets may share one.
type register struct {
	list  map[string]fleet.Verifier
	saved int
	fail  error
	takes time.Duration
}

func (r *register) SaveVerifiers(_ context.Context, list []fleet.Verifier) error {
	if r.fail != nil {
		return r.fail
	}
	<-time.After(r.takes)
	r.saved++
	for _, v := range list {
		r.list[v.Client+"/"+v.ID] = v
	}
	return nil
}

func (r *register) Verifiers(_ context.Context, now time.Time) (all []fleet.Verifier, err error) {
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
	*fleet.Fleet
	register *register
}

func inPort(t *testing.T, test func(*port)) {
	synctest.Test(t, func(t *testing.T) {
		r := &register{list: map[string]fleet.Verifier{}}
		test(&port{t, fleet.New(r, time.Minute, time.Now), r})
	})
}

func (p *port) ack(id string, seq int64, lease time.Duration, whenStale string) {
	p.Helper()
	err := p.Ack(p.Context(), fleet.Verifier{Client: "orders", ID: id, Seq: seq, Staleness: lease, WhenStale: whenStale, Seen: time.Now()})
	if err != nil {
		p.Fatal(err)
	}
	p.Sent("orders", id, fleet.Span{To: seq}) // it tells the truth
}

// says checks a receipt of rule 5, written just now.
func (p *port) says(confirmed, pending, silent int, lease time.Duration, open ...string) {
	p.Helper()
	got, err := p.Receipt(p.Context(), 5, time.Now())
	if err != nil {
		p.Fatal(err)
	}
	want := fleet.Receipt{Seq: 5, EffectiveBy: time.Now().Add(lease), Confirmed: confirmed, Pending: pending, Silent: silent, OpenCount: len(open)}
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

func (p *port) follow(f *fleet.Fleet, id string, lease time.Duration) (news bool) {
	p.Helper()
	news, err := f.Follow(p.Context(), fleet.Verifier{Client: "orders", ID: id, Seq: 4, Staleness: lease, WhenStale: "refuse"})
	if err != nil {
		p.Fatal(err)
	}
	return news
}

// A follower counts in the receipts of every process before it hears a word;
// later on it costs no write.
func TestFollowersCountBeforeTheyHearAnything(t *testing.T) {
	inPort(t, func(p *port) {
		other := fleet.New(p.register, time.Minute, time.Now)
		if !p.follow(other, "a", 30*time.Second) {
			t.Error("who is new is no news")
		}
		p.says(0, 1, 0, 30*time.Second)
		for range 3 {
			if p.follow(other, "a", 30*time.Second) || p.register.saved != 1 {
				t.Errorf("who is known is news, and written %d times", p.register.saved)
			}
		}
		if !p.follow(other, "a", 40*time.Second) {
			t.Error("a longer lease is no news")
		}
		p.says(0, 1, 0, 40*time.Second)
		if _, err := other.Follow(p.Context(), fleet.Verifier{ID: "b", Staleness: time.Minute + 1}); !errors.Is(err, fleet.ErrStaleness) {
			t.Error(err)
		}
		p.register.fail = errors.New("no store")
		if _, err := other.Follow(p.Context(), fleet.Verifier{ID: "c", Staleness: time.Second}); err == nil {
			t.Error("who cannot be written down may follow")
		}
	})
}

// What a verifier has said of itself stands when it begins again.
func TestFollowersThatComeBack(t *testing.T) {
	inPort(t, func(p *port) {
		p.ack("a", 7, 10*time.Second, "refuse")
		p.follow(p.Fleet, "a", 10*time.Second)
		p.says(1, 0, 0, 10*time.Second)
	})
}

// A relay that takes on somebody with a longer lease is answered when all
// receipts count on it.
func TestLongerLeasesAreWrittenAtOnce(t *testing.T) {
	inPort(t, func(p *port) {
		other := fleet.New(p.register, time.Minute, time.Now)
		ack := func(lease time.Duration) {
			t.Helper()
			if err := other.Ack(p.Context(), fleet.Verifier{Client: "orders", ID: "relay", Staleness: lease, Seen: time.Now()}); err != nil {
				t.Fatal(err)
			}
		}
		ack(10 * time.Second)
		p.says(0, 0, 0, 10*time.Second)
		ack(50 * time.Second)
		p.says(0, 1, 0, 50*time.Second)
		ack(50 * time.Second)
		ack(10 * time.Second) // said before, and come late
		p.says(0, 1, 0, 50*time.Second)
		if err := other.Save(p.Context()); err != nil {
			t.Fatal(err)
		}
		p.says(0, 1, 0, 50*time.Second)
		if p.register.saved != 2 {
			t.Errorf("written %d times", p.register.saved)
		}
	})
}

// Who follows and says nothing is not forgotten, because it trusts what it
// hears.
func TestFollowersThatSayNothing(t *testing.T) {
	inPort(t, func(p *port) {
		mute := fleet.Verifier{Client: "orders", ID: "mute", Staleness: 30 * time.Second}
		p.follow(p.Fleet, "mute", 30*time.Second)
		for range 3600 {
			<-time.After(time.Second)
			p.Stay(mute)
			if err := p.Save(p.Context()); err != nil {
				t.Fatal(err)
			}
		}
		got, err := fleet.New(p.register, time.Minute, time.Now).Receipt(p.Context(), 5, time.Now())
		if want := time.Now().Add(30 * time.Second); err != nil || !got.EffectiveBy.Equal(want) || p.register.saved > 20 {
			t.Errorf("%+v, %v, after %d writes", got, err, p.register.saved)
		}
	})
}

// A name that nobody answers to any more, as after a restart, keeps no receipt
// waiting.
func TestNamesOfBefore(t *testing.T) {
	inPort(t, func(p *port) {
		p.ack("before", 4, 10*time.Second, "refuse")
		<-time.After(31 * time.Second)
		p.ack("after", 5, 10*time.Second, "refuse")
		p.says(1, 0, 1, 10*time.Second)
	})
}

func TestRelaysSpeakForAllOrNone(t *testing.T) {
	inPort(t, func(p *port) {
		list := []fleet.Verifier{
			{Client: "orders", ID: "relay", Seq: 5, Staleness: 10 * time.Second, Seen: time.Now()},
			{Client: "orders", ID: "relay/a", Seq: 4, Staleness: time.Minute, Seen: time.Now()},
		}
		if err := p.AckAll(p.Context(), list); err != nil {
			t.Fatal(err)
		}
		p.Sent("orders", "relay", fleet.Span{To: 5})
		p.says(1, 1, 0, time.Minute)
		list[1].Staleness, list[0].Seq = time.Minute+1, 4
		if err := p.AckAll(p.Context(), list); !errors.Is(err, fleet.ErrStaleness) {
			t.Error(err)
		}
		p.says(1, 1, 0, time.Minute)
	})
}

// A thousand who begin at once share a few writes.
func TestManyFollowersAtOnce(t *testing.T) {
	inPort(t, func(p *port) {
		p.register.takes = 10 * time.Millisecond
		var all sync.WaitGroup
		for i := range 1000 {
			all.Go(func() { p.follow(p.Fleet, strconv.Itoa(i), 10*time.Second) })
		}
		all.Wait()
		if p.register.saved > 5 || len(p.register.list) != 1000 {
			t.Errorf("%d writes, %d verifiers", p.register.saved, len(p.register.list))
		}
	})
}

func TestLeasesAreBounded(t *testing.T) {
	inPort(t, func(p *port) {
		p.ack("a", 1, time.Minute, "refuse")
		err := p.Ack(p.Context(), fleet.Verifier{Client: "orders", ID: "b", Staleness: time.Minute + 1, Seen: time.Now()})
		if !errors.Is(err, fleet.ErrStaleness) {
			t.Error(err)
		}
		p.says(0, 1, 0, time.Minute)
	})
}

// A rule of which only its own time is known may have become durable later.
func TestReceiptOfARule(t *testing.T) {
	inPort(t, func(p *port) {
		got, err := p.ReceiptOf(p.Context(), rule.Rule{Seq: 5, At: time.Now()})
		if want := time.Now().Add(fleet.CommitTime + fleet.DefaultStaleness); err != nil || !got.EffectiveBy.Equal(want) {
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
		other := fleet.New(p.register, time.Minute, time.Now)
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

// No client can cut off the others with names that it made up, and nobody can
// make receipts long.
func TestAClientHasAShareOfTheFleet(t *testing.T) {
	inPort(t, func(p *port) {
		for i := range 5000 {
			p.ack(strconv.Itoa(i), 4, time.Second, "open")
		}
		v := fleet.Verifier{Client: "orders", ID: "one more", WhenStale: "refuse", Seen: time.Now()}
		if err := p.Ack(p.Context(), v); !errors.Is(err, fleet.ErrTooManyVerifiers) {
			t.Error(err, "beyond its share")
		}
		p.ack("0", 4, time.Second, "open") // known already
		for _, client := range []string{"a", "b", "c"} {
			for i := range 5000 {
				v.Client, v.ID = client, strconv.Itoa(i)
				if err := p.Ack(p.Context(), v); err != nil {
					t.Fatal(err, client, i)
				}
			}
		}
		v.Client = "d"
		if err := p.Ack(p.Context(), v); !errors.Is(err, fleet.ErrTooManyVerifiers) {
			t.Error(err, "beyond the whole")
		}
		got, err := p.Receipt(p.Context(), 5, time.Now())
		if err != nil || len(got.Open) != 20 || got.OpenCount != 5000 || got.Pending != 20_000 {
			t.Error(err, len(got.Open), got.OpenCount, got.Pending)
		}
		// Who has gone frees its place.
		<-time.After(time.Hour)
		if err := p.Save(p.Context()); err != nil {
			t.Fatal(err)
		}
		p.ack("one more", 4, time.Second, "open")
	})
}
