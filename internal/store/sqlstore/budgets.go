package sqlstore

import (
	"context"
	"math"
	"time"

	"github.com/portaria/portaria/internal/guard"
	"github.com/portaria/portaria/internal/store/sqlstore/query"
)

var _ guard.Store = (*Store)(nil)

// SaveBudgets implements [guard.Store].
func (s *Store) SaveBudgets(ctx context.Context, saved []guard.Saved, now time.Time) error {
	_, err := writeAll(ctx, s, func(q *query.Queries, ctx context.Context) (none, error) {
		for _, b := range saved {
			if err := saveBudget(ctx, q, b, now); err != nil {
				return none{}, err
			}
		}
		return none{}, nil
	})
	return wrap("save budgets", err)
}

// thousandths of an attempt are how a level is stored: an attempt is forgotten bit by bit.
const thousandths = 1000

func saveBudget(ctx context.Context, q *query.Queries, b guard.Saved, now time.Time) error {
	if b.Failed == 0 {
		return q.DeleteBudget(ctx, b.Key)
	}
	at := now.Add(-b.Ago)
	return q.PutBudget(ctx, query.PutBudgetParams{
		Name: b.Key, Failed: int64(math.Ceil(b.Failed * thousandths)), At: millis(at), Burst: int64(b.Limit.Burst), Every: b.Limit.Every.Milliseconds(),
		First: b.Limit.First.Milliseconds(), Most: b.Limit.Most.Milliseconds(), ForgetAt: millis(at.Add(b.Limit.Idle(b.Failed))),
	})
}

// Budgets implements [guard.Store].
func (s *Store) Budgets(ctx context.Context, now time.Time, most int) ([]guard.Saved, error) {
	rows, err := read(ctx, s, func(q *query.Queries, ctx context.Context) ([]query.GuardBudget, error) {
		return q.Budgets(ctx, millis(now), int32(most))
	})
	if err != nil {
		return nil, wrap("read budgets", err)
	}
	saved := make([]guard.Saved, len(rows))
	for i, row := range rows {
		saved[i] = guard.Saved{
			Key: row.Name, Failed: float64(row.Failed) / thousandths, Ago: now.Sub(moment(row.At)),
			Limit: guard.Limit{Burst: int(row.Burst), Every: fromMillis(row.Every), First: fromMillis(row.First), Most: fromMillis(row.Most)},
		}
	}
	return saved, nil
}

// PruneBudgets implements [guard.Store], in portions as PruneSessions.
func (s *Store) PruneBudgets(ctx context.Context, t time.Time) (int, error) {
	n, err := s.prune(ctx, t, (*query.Queries).PruneBudgets)
	return n, wrap("prune budgets", err)
}
