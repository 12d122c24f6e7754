package sqlstore

import (
	"context"
	"time"

	"github.com/portaria/portaria/internal/revoke/fleet"
	"github.com/portaria/portaria/internal/store/sqlstore/query"
)

var _ fleet.Store = (*Store)(nil)

// SaveVerifiers implements [fleet.Store].
func (s *Store) SaveVerifiers(ctx context.Context, list []fleet.Verifier) error {
	_, err := writeAll(ctx, s, func(q *query.Queries, ctx context.Context) (none, error) {
		for _, v := range list {
			if err := saveVerifier(ctx, q, v); err != nil {
				return none{}, err
			}
		}
		return none{}, nil
	})
	return wrap("save verifiers", err)
}

func saveVerifier(ctx context.Context, q *query.Queries, v fleet.Verifier) error {
	err := q.SaveVerifier(ctx, verifierRow(v))
	if err != nil || v.Sent.To <= v.Sent.From {
		return err
	}
	return q.SaveSent(ctx, query.SaveSentParams{PartFrom: v.Sent.From, PartTo: v.Sent.To, ClientID: v.Client, ID: v.ID})
}

func verifierRow(v fleet.Verifier) query.SaveVerifierParams {
	return query.SaveVerifierParams{
		ClientID:  v.Client,
		ID:        v.ID,
		Seq:       v.Seq,
		Staleness: v.Staleness.Milliseconds(),
		WhenStale: v.WhenStale,
		KeySet:    v.KeySet,
		Audience:  v.Audience,
		SeenAt:    millis(v.Seen),
		ForgetAt:  millis(v.ForgetAt()),
	}
}

// Verifiers implements [fleet.Store].
func (s *Store) Verifiers(ctx context.Context, now time.Time) ([]fleet.Verifier, error) {
	rows, err := read(ctx, s, func(q *query.Queries, ctx context.Context) ([]query.Verifier, error) {
		return q.Verifiers(ctx, millis(now))
	})
	list := make([]fleet.Verifier, len(rows))
	for i, row := range rows {
		list[i] = fleet.Verifier{
			Client:    row.ClientID,
			ID:        row.ID,
			Seq:       row.Seq,
			Staleness: time.Duration(row.Staleness) * time.Millisecond,
			WhenStale: row.WhenStale,
			KeySet:    row.KeySet,
			Audience:  row.Audience,
			Sent:      fleet.Span{From: row.SentFrom, To: row.SentTo},
			Seen:      moment(row.SeenAt),
		}
	}
	return list, wrap("list verifiers", err)
}

// ForgetVerifiers implements [fleet.Store].
func (s *Store) ForgetVerifiers(ctx context.Context, now time.Time) (int, error) {
	rows, err := write(ctx, s, func(q *query.Queries, ctx context.Context) (int64, error) {
		return q.ForgetVerifiers(ctx, millis(now))
	})
	return int(rows), wrap("forget verifiers", err)
}
