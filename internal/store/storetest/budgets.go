package storetest

import (
	"time"

	"github.com/portaria/portaria/internal/guard"
)

func budgetPromises() promises {
	limit := guard.Limit{Burst: 2, Every: time.Minute, First: time.Second, Most: time.Hour}
	saved := func(key string, failed float64, ago time.Duration) guard.Saved {
		return guard.Saved{Key: key, Failed: failed, Ago: ago, Limit: limit}
	}
	read := func(s *suite, now time.Time) []guard.Saved {
		s.Helper()
		list, err := s.store.Budgets(s.ctx, now, 10)
		s.ok(err)
		return list
	}
	return promises{
		"budgets count on from where they were saved, the longest first": func(s *suite) {
			s.ok(s.store.SaveBudgets(s.ctx, []guard.Saved{saved("a", 1.5, time.Second), saved("b", 3, 0)}, start))
			s.same(read(s, at(10*time.Second)), []guard.Saved{saved("b", 3, 10*time.Second), saved("a", 1.5, 11*time.Second)})
			list, err := s.store.Budgets(s.ctx, start, 1)
			s.ok(err)
			s.same(list, []guard.Saved{saved("b", 3, 0)})
		},
		"a budget is replaced, and forgotten when nothing counts as failed": func(s *suite) {
			s.ok(s.store.SaveBudgets(s.ctx, []guard.Saved{saved("a", 1, 0), saved("b", 2, 0)}, start))
			s.ok(s.store.SaveBudgets(s.ctx, []guard.Saved{saved("a", 4, 0), saved("b", 0, 0), saved("never saved", 0, 0)}, start))
			s.same(read(s, start), []guard.Saved{saved("a", 4, 0)})
		},
		"a budget that is as good as new is not returned, and is pruned": func(s *suite) {
			s.ok(s.store.SaveBudgets(s.ctx, []guard.Saved{saved("a", 1, 0), saved("b", 5, 0)}, start))
			s.same(len(read(s, at(time.Minute-time.Millisecond))), 2)
			s.same(len(read(s, at(time.Minute))), 1)
			n, err := s.store.PruneBudgets(s.ctx, at(time.Minute))
			s.ok(err)
			s.same(n, 1)
			s.same(read(s, start), []guard.Saved{saved("b", 5, 0)})
		},
	}
}

func budgetChanges() []Change {
	failedOnce := func(s *suite, o *owner) {
		s.ok(s.store.SaveBudgets(s.ctx, []guard.Saved{{Key: o.id, Failed: 1, Limit: guard.Limit{Burst: 2, Every: o.life}}}, start))
	}
	return []Change{
		{"forget a budget", []string{"DeleteBudget"}, failedOnce, func(s *suite, o *owner) {
			s.ok(s.store.SaveBudgets(s.ctx, []guard.Saved{{Key: o.id}}, start))
		}},
		byTime("prune budgets", "PruneBudgets", failedOnce, func(s *suite, t time.Time) error { return counted(s.store.PruneBudgets(s.ctx, t)) }),
	}
}
