package fleet_test

import (
	"testing"
	"time"

	"github.com/portaria/portaria/internal/revoke/fleet"
)

func TestTimesOfVerifiers(t *testing.T) {
	seen := time.Unix(1_000_000, 0)
	for lease, forget := range map[time.Duration]time.Duration{
		0: 10 * time.Minute, time.Minute: 10 * time.Minute, time.Minute + time.Second: 610 * time.Second, time.Hour: 10 * time.Hour,
	} {
		v := fleet.Verifier{Seen: seen, Staleness: lease}
		if got := v.ForgetAt().Sub(seen); got != forget {
			t.Errorf("a lease of %v is forgotten after %v", lease, got)
		}
		last := seen.Add(lease + 20*time.Second)
		if v.Silent(last) || !v.Silent(last.Add(1)) {
			t.Errorf("a lease of %v: silent at %v: %v, after it: %v", lease, last.Sub(seen), v.Silent(last), v.Silent(last.Add(1)))
		}
	}
}

// TestFollowersAreWrittenAgainInTime: half-way to being forgotten.
func TestFollowersAreWrittenAgainInTime(t *testing.T) {
	for after, news := range map[time.Duration]bool{5*time.Minute - 1: false, 5 * time.Minute: true} {
		inPort(t, func(p *port) {
			p.follow(p.Fleet, "a", 10*time.Second)
			<-time.After(after)
			if got := p.follow(p.Fleet, "a", 10*time.Second); got != news {
				t.Errorf("after %v: %v", after, got)
			}
			if p.follow(p.Fleet, "a", 10*time.Second) {
				t.Errorf("after %v, at once again", after)
			}
		})
	}
}

// TestAcksThatAreOnTimeWriteNothing: up to the default lease, one second is soon
// enough.
func TestAcksThatAreOnTimeWriteNothing(t *testing.T) {
	for lease, written := range map[time.Duration]int{fleet.DefaultStaleness: 0, fleet.DefaultStaleness + 1: 1} {
		inPort(t, func(p *port) {
			p.ack("a", 1, lease, "refuse")
			if p.register.saved != written {
				t.Errorf("a lease of %v: written %d times", lease, p.register.saved)
			}
		})
	}
}

// TestJoin: parts that touch are one, in either order.
func TestJoin(t *testing.T) {
	for _, test := range []struct{ a, b, want fleet.Span }{
		{fleet.Span{From: 0, To: 3}, fleet.Span{From: 3, To: 7}, fleet.Span{From: 0, To: 7}},
		{fleet.Span{From: 0, To: 3}, fleet.Span{From: 4, To: 7}, fleet.Span{From: 4, To: 7}},
		{fleet.Span{From: 0, To: 9}, fleet.Span{From: 2, To: 5}, fleet.Span{From: 0, To: 9}},
		{fleet.Span{From: 0, To: 5}, fleet.Span{From: 2, To: 9}, fleet.Span{From: 0, To: 9}},
		{fleet.Span{From: 2, To: 9}, fleet.Span{}, fleet.Span{From: 2, To: 9}},
		{fleet.Span{From: 2, To: 9}, fleet.Span{From: 9, To: 9}, fleet.Span{From: 2, To: 9}},
		{fleet.Span{From: 2, To: 9}, fleet.Span{From: 20, To: 10}, fleet.Span{From: 2, To: 9}},
	} {
		if got := test.a.Join(test.b); got != test.want {
			t.Errorf("%v and %v: %v", test.a, test.b, got)
		}
		if got := test.b.Join(test.a); got != test.want {
			t.Errorf("%v and %v: %v", test.b, test.a, got)
		}
	}
	s := fleet.Span{From: 3, To: 5}
	if s.Has(3) || !s.Has(4) || !s.Has(5) || s.Has(6) {
		t.Errorf("%v has 3 %v, 4 %v, 5 %v, 6 %v", s, s.Has(3), s.Has(4), s.Has(5), s.Has(6))
	}
}
