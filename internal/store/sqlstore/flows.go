package sqlstore

import (
	"context"
	"time"

	"github.com/portaria/portaria/internal/flow"
	"github.com/portaria/portaria/internal/store/sqlstore/query"
)

var _ flow.Store = (*Store)(nil)

// InsertFlow implements [flow.Store].
func (s *Store) InsertFlow(ctx context.Context, f flow.Flow) error {
	_, err := write(ctx, s, func(q *query.Queries, ctx context.Context) (none, error) {
		return none{}, q.InsertFlow(ctx, query.InsertFlowParams{
			Hash: f.Hash, Kind: string(f.Kind), AccountID: f.AccountID, ClientID: f.ClientID, Data: f.Data, Version: f.Version,
			CreatedAt: millis(f.CreatedAt), ExpiresAt: millis(f.ExpiresAt), SpentAt: nullMillis(f.SpentAt),
		})
	})
	return wrap("insert flow", err)
}

// Flow implements [flow.Store].
func (s *Store) Flow(ctx context.Context, hash string) (flow.Flow, error) {
	row, err := read(ctx, s, func(q *query.Queries, ctx context.Context) (query.Flow, error) {
		return q.Flow(ctx, hash)
	})
	if err != nil {
		return flow.Flow{}, missing("find flow", err, flow.ErrNotFound)
	}
	return flow.Flow{
		Hash: row.Hash, Kind: flow.Kind(row.Kind), AccountID: row.AccountID, ClientID: row.ClientID, Data: row.Data, Version: row.Version,
		CreatedAt: moment(row.CreatedAt), ExpiresAt: moment(row.ExpiresAt), SpentAt: nullMoment(row.SpentAt),
	}, nil
}

// AdvanceFlow implements [flow.Store].
func (s *Store) AdvanceFlow(ctx context.Context, f flow.Flow, now time.Time) (bool, error) {
	rows, err := write(ctx, s, func(q *query.Queries, ctx context.Context) (int64, error) {
		return q.AdvanceFlow(ctx, query.AdvanceFlowParams{
			AccountID: f.AccountID, Data: f.Data, Hash: f.Hash, FromVersion: f.Version, Now: millis(now),
		})
	})
	return rows > 0, wrap("advance flow", err)
}

// SpendFlow implements [flow.Store].
func (s *Store) SpendFlow(ctx context.Context, f flow.Flow, now time.Time) (bool, error) {
	rows, err := write(ctx, s, func(q *query.Queries, ctx context.Context) (int64, error) {
		return q.SpendFlow(ctx, query.SpendFlowParams{SpentAt: millis(now), Hash: f.Hash, FromVersion: f.Version, Now: millis(now)})
	})
	return rows > 0, wrap("spend flow", err)
}

// PruneFlows implements [flow.Store], in portions as PruneSessions.
func (s *Store) PruneFlows(ctx context.Context, t time.Time) (int, error) {
	n, err := s.prune(ctx, t, (*query.Queries).PruneFlows)
	return n, wrap("prune flows", err)
}
