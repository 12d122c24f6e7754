package storetest

import (
	"cmp"
	"slices"
	"time"

	"github.com/portaria/portaria/internal/revoke/fleet"
)

// verifier is one that has come as far as seq.
func verifier(id string, seq int64, seen time.Duration) fleet.Verifier {
	return fleet.Verifier{
		Client: "orders", ID: id, Seq: seq, Staleness: 10 * time.Second, WhenStale: "refuse",
		KeySet: `"etag"`, Audience: "orders", Seen: at(seen),
	}
}

func (s *suite) fleet(when time.Duration, want ...fleet.Verifier) {
	s.Helper()
	list, err := s.store.Verifiers(s.ctx, at(when))
	s.ok(err)
	slices.SortFunc(list, func(a, b fleet.Verifier) int { return cmp.Compare(a.ID, b.ID) })
	s.same(slices.Concat(list), slices.Concat(want)) // none is none
}

func verifierPromises() promises {
	return promises{
		"verifiers are kept with all they say, and the latest counts": func(s *suite) {
			s.fleet(0)
			a, b := verifier("a", 5, 0), verifier("b", 7, 0)
			s.ok(s.store.SaveVerifiers(s.ctx, []fleet.Verifier{a, b}))
			s.fleet(0, a, b)
			later := verifier("a", 9, time.Second)
			later.Staleness, later.WhenStale, later.KeySet, later.Audience = time.Minute, "open", "", ""
			s.ok(s.store.SaveVerifiers(s.ctx, []fleet.Verifier{later}))
			s.fleet(0, later, b)
		},
		"older news of a verifier changes nothing": func(s *suite) {
			a := verifier("a", 5, time.Second)
			s.ok(s.store.SaveVerifiers(s.ctx, []fleet.Verifier{a}))
			s.ok(s.store.SaveVerifiers(s.ctx, []fleet.Verifier{verifier("a", 3, 0)}))
			s.fleet(0, a)
		},
		"what was sent to a verifier is joined, however old the news": func(s *suite) {
			other := verifier("b", 1, 0)
			other.Sent = fleet.Span{From: 1, To: 2}
			for _, step := range []struct {
				seen       time.Duration
				part, want fleet.Span
			}{
				{0, fleet.Span{}, fleet.Span{}},
				{0, fleet.Span{From: 7, To: 7}, fleet.Span{}},
				{0, fleet.Span{From: 4, To: 6}, fleet.Span{From: 4, To: 6}},
				{2, fleet.Span{From: 6, To: 9}, fleet.Span{From: 4, To: 9}},
				{1, fleet.Span{From: 2, To: 5}, fleet.Span{From: 2, To: 9}},
				{2, fleet.Span{From: 3, To: 4}, fleet.Span{From: 2, To: 9}},
				{2, fleet.Span{From: 0, To: 1}, fleet.Span{From: 2, To: 9}},
				{3, fleet.Span{From: 12, To: 13}, fleet.Span{From: 12, To: 13}},
				{3, fleet.Span{From: 0, To: 14}, fleet.Span{From: 0, To: 14}},
			} {
				a := verifier("a", 5, step.seen*time.Second)
				a.Sent = step.part
				s.ok(s.store.SaveVerifiers(s.ctx, []fleet.Verifier{a, other}))
				list, err := s.store.Verifiers(s.ctx, at(0))
				s.ok(err)
				for _, v := range list {
					if v.ID == "a" {
						s.same(v.Sent, step.want)
					} else {
						s.same(v.Sent, other.Sent)
					}
				}
			}
		},
		"a lease never becomes shorter": func(s *suite) {
			a := verifier("a", 5, time.Second)
			a.Staleness = time.Minute
			s.ok(s.store.SaveVerifiers(s.ctx, []fleet.Verifier{a}))
			later := verifier("a", 6, 2*time.Second)
			s.ok(s.store.SaveVerifiers(s.ctx, []fleet.Verifier{later}))
			later.Staleness = time.Minute
			s.fleet(0, later)
			before := verifier("a", 6, 0) // by a clock that is behind
			before.Staleness = 2 * time.Minute
			s.ok(s.store.SaveVerifiers(s.ctx, []fleet.Verifier{before}))
			s.fleet(0, before)
		},
		"one name at two clients is two verifiers": func(s *suite) {
			a, other := verifier("a", 5, 0), verifier("a", 6, 0)
			other.Client = "billing"
			s.ok(s.store.SaveVerifiers(s.ctx, []fleet.Verifier{a, other}))
			list, err := s.store.Verifiers(s.ctx, at(0))
			s.ok(err)
			s.same(len(list), 2)
		},
		"a verifier that is silent for long is forgotten": func(s *suite) {
			a, b := verifier("a", 5, 0), verifier("b", 5, time.Minute)
			s.ok(s.store.SaveVerifiers(s.ctx, []fleet.Verifier{a, b}))
			s.fleet(10*time.Minute, a, b)
			s.fleet(10*time.Minute+time.Millisecond, b)
			n, err := s.store.ForgetVerifiers(s.ctx, at(10*time.Minute+time.Millisecond))
			s.ok(err)
			s.same(n, 1)
			s.fleet(0, b)
		},
	}
}
