package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/portaria/portaria/internal/flow"
)

// pending is a flow that is ready to be inserted.
func pending(hash string) flow.Flow {
	return flow.Flow{Hash: hash, Kind: "code", AccountID: "ana", ClientID: "shop", Data: `{"x":"ção"}`, CreatedAt: start, ExpiresAt: at(time.Minute)}
}

func (s *suite) begun(hash string) flow.Flow {
	s.Helper()
	f := pending(hash)
	s.ok(s.store.InsertFlow(s.ctx, f))
	return f
}

func (s *suite) flow(hash string) flow.Flow {
	s.Helper()
	f, err := s.store.Flow(s.ctx, hash)
	s.ok(err)
	return f
}

func flowPromises() promises {
	return promises{
		"a flow is found as it was begun, and no other": func(s *suite) {
			f := s.begun("a")
			s.same(s.flow("a"), f)
			for _, hash := range []string{"b", "", "\x00", "\xff"} {
				_, err := s.store.Flow(s.ctx, hash)
				s.fails(err, flow.ErrNotFound)
			}
			if s.store.InsertFlow(s.ctx, f) == nil {
				s.Error("one hash is two flows")
			}
		},
		"a flow advances from the version that was read, while it lives": func(s *suite) {
			f := s.begun("a")
			f.AccountID, f.Data = "bia", "2"
			is(s, false)(s.store.AdvanceFlow(s.ctx, f, f.ExpiresAt))
			is(s, true)(s.store.AdvanceFlow(s.ctx, f, f.ExpiresAt.Add(-time.Millisecond)))
			is(s, false)(s.store.AdvanceFlow(s.ctx, f, start))
			is(s, false)(s.store.SpendFlow(s.ctx, f, start))
			f.Version = 1
			s.same(s.flow("a"), f)
		},
		"a flow that has expired is not spent": func(s *suite) {
			f := s.begun("a")
			is(s, false)(s.store.SpendFlow(s.ctx, f, f.ExpiresAt))
			is(s, true)(s.store.SpendFlow(s.ctx, f, f.ExpiresAt.Add(-time.Millisecond)))
		},
		"a spent flow says when, and neither advances nor is spent again": func(s *suite) {
			f := s.begun("a")
			is(s, true)(s.store.SpendFlow(s.ctx, f, at(time.Second)))
			is(s, false)(s.store.SpendFlow(s.ctx, f, at(2*time.Second)))
			is(s, false)(s.store.AdvanceFlow(s.ctx, f, at(2*time.Second)))
			f.SpentAt = at(time.Second)
			s.same(s.flow("a"), f)
		},
		"of 20 spenders in two processes, one wins": func(s *suite) {
			f := s.begun("a")
			processes := []Store{s.store, s.beside()}
			var group sync.WaitGroup
			var won atomic.Int64
			for i := range 20 {
				group.Go(func() {
					done, err := processes[i%2].SpendFlow(s.ctx, f, start)
					if err != nil {
						s.Error(err)
					}
					if done {
						won.Add(1)
					}
				})
			}
			group.Wait()
			s.same(won.Load(), int64(1))
		},
		"of 20 that advance or spend one version, one wins": func(s *suite) {
			f := s.begun("a")
			var group sync.WaitGroup
			var won atomic.Int64
			for i := range 20 {
				group.Go(func() {
					step := s.store.SpendFlow
					if i%2 == 0 {
						step = s.store.AdvanceFlow
					}
					done, err := step(s.ctx, f, start)
					if err != nil {
						s.Error(err)
					}
					if done {
						won.Add(1)
					}
				})
			}
			group.Wait()
			s.same(won.Load(), int64(1))
		},
		"flows are pruned when they have expired, spent or not": func(s *suite) {
			for i := range 150 { // more than one portion
				s.begun(fmt.Sprint(i))
			}
			is(s, true)(s.store.SpendFlow(s.ctx, pending("7"), start))
			late := pending("late")
			late.ExpiresAt = at(time.Hour)
			s.ok(s.store.InsertFlow(s.ctx, late))
			is(s, 0)(s.store.PruneFlows(s.ctx, at(time.Minute-time.Millisecond)))
			is(s, 150)(s.store.PruneFlows(s.ctx, at(time.Minute)))
			s.same(s.flow("late"), late)
		},
	}
}

func flowChanges() []Change {
	begun := func(s *suite, o *owner) {
		f := pending(o.id)
		f.ExpiresAt = at(o.life)
		s.ok(s.store.InsertFlow(s.ctx, f))
	}
	// Each step is refused for a wrong version and after the end.
	only := func(s *suite, o *owner, step func(flow.Flow, time.Time) (bool, error)) {
		f := pending(o.id)
		f.Version = 7
		is(s, false)(step(f, start))
		f.Version = 0
		is(s, false)(step(f, at(2*time.Hour)))
		is(s, true)(step(f, start))
	}
	return []Change{
		{"advance a flow", []string{"AdvanceFlow"}, begun, func(s *suite, o *owner) {
			only(s, o, func(f flow.Flow, now time.Time) (bool, error) { return s.store.AdvanceFlow(s.ctx, f, now) })
		}},
		{"spend a flow", []string{"SpendFlow"}, begun, func(s *suite, o *owner) {
			only(s, o, func(f flow.Flow, now time.Time) (bool, error) { return s.store.SpendFlow(s.ctx, f, now) })
		}},
		byTime("prune flows", "PruneFlows", begun, func(s *suite, t time.Time) error { return counted(s.store.PruneFlows(s.ctx, t)) }),
	}
}
