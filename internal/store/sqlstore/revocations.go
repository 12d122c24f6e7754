package sqlstore

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/internal/store/sqlstore/query"
)

var _ revoke.Store = (*Store)(nil)

// foundLogs begins both logs in a new database. Of several processes one does.
func (s *Store) foundLogs(ctx context.Context) error {
	_, err := read(ctx, s, (*query.Queries).RevocationHead)
	if !errors.Is(err, sql.ErrNoRows) {
		return wrap("read revocation log", err)
	}
	var salt [revoke.SaltSize]byte
	rand.Read(salt[:]) // never fails
	_, err = writeAll(ctx, s, func(q *query.Queries, ctx context.Context) (int64, error) {
		if rows, err := q.FoundEventLog(ctx); err != nil {
			return rows, err
		}
		return q.FoundRevocationLog(ctx, salt[:])
	})
	return wrap("begin logs", err)
}

// Log implements [revoke.Store].
func (s *Store) Log(ctx context.Context) (revoke.Head, error) {
	row, err := read(ctx, s, (*query.Queries).RevocationLog)
	if err != nil {
		return revoke.Head{}, wrap("read revocation log", err)
	}
	head := revoke.Head{Epoch: row.Epoch, Seq: rule.Seq(row.Epoch, row.N)}
	if copy(head.Salt[:], row.Salt) != len(head.Salt) {
		return revoke.Head{}, fmt.Errorf("read revocation log: salt of %d bytes", len(row.Salt))
	}
	return head, nil
}

// maxRules bounds one reading of the log.
const maxRules = 10_000

// Rules implements [revoke.Store].
func (s *Store) Rules(ctx context.Context, after int64, limit int) ([]rule.Rule, int64, error) {
	rows, err := read(ctx, s, func(q *query.Queries, ctx context.Context) ([]query.RulesRow, error) {
		return q.Rules(ctx, after, int32(min(max(limit, 1), maxRules)))
	})
	if err != nil || len(rows) == 0 {
		return nil, 0, wrap("read rules", missingRow(err))
	}
	s.clock.saw(rows[0].Steady)
	head := rule.Seq(rows[0].Epoch, rows[0].N)
	if rows[0].Seq == 0 { // the head alone
		return nil, head, nil
	}
	// A join promises no order.
	slices.SortFunc(rows, func(a, b query.RulesRow) int { return cmp.Compare(a.Seq, b.Seq) })
	rules := make([]rule.Rule, len(rows))
	for i, row := range rows {
		rules[i] = rule.Rule{
			Seq: row.Seq, Kind: rule.Kind(row.Kind), Value: givenValue(row.Value), Mode: rule.Mode(row.Mode),
			At: moment(row.WrittenAt), Prune: moment(row.PruneAt),
		}
	}
	return rules, head, nil
}

// missingRow returns sql.ErrNoRows for a result that must have a row and has none.
func missingRow(err error) error {
	if err == nil {
		return sql.ErrNoRows
	}
	return err
}

// A pair's two parts are separated by NUL, which PostgreSQL does not keep.
const pairMark = "\x1f"

func storedValue(value string) string { return strings.Replace(value, "\x00", pairMark, 1) }

func givenValue(stored string) string { return strings.Replace(stored, pairMark, "\x00", 1) }

// errAnswerPending reports that the same request is in this very transaction. Its rule
// can be read after the commit.
var errAnswerPending = errors.New("request is being answered")

// Write implements [revoke.Store].
func (s *Store) Write(ctx context.Context, e revoke.Entry) (rule.Rule, error) {
	if err := e.Check(); err != nil {
		return rule.Rule{}, wrap("revoke", err)
	}
	e.At = moment(millis(e.At))
	before, err := s.overBefore(ctx, e)
	if err != nil {
		return rule.Rule{}, wrap("revoke", err)
	}
	for {
		rule, err := s.write(ctx, e, before)
		if !errors.Is(err, errAnswerPending) {
			return rule, wrap("revoke", err)
		}
	}
}

func (s *Store) write(ctx context.Context, e revoke.Entry, before int) (rule.Rule, error) {
	var added *additions
	earlier, err := writeLog(ctx, s, sessionsOf(eventOf(e).AccountID), func(q *query.Queries, ctx context.Context, add *additions) (rule.Rule, error) {
		added = add
		if earlier, err := claimRequest(ctx, q, e); err != nil || earlier.Seq != 0 {
			return earlier, err
		}
		return rule.Rule{}, revokeStep(ctx, q, add, e, before)
	})
	if err != nil || earlier.Seq != 0 {
		return earlier, err
	}
	return added.rules[0].Rule, nil
}

// claimRequest returns the rule that an earlier request with the same key has written,
// or the zero Rule.
func claimRequest(ctx context.Context, q *query.Queries, e revoke.Entry) (rule.Rule, error) {
	if e.Key == "" {
		return rule.Rule{}, nil
	}
	rows, err := q.ClaimRequest(ctx, query.ClaimRequestParams{
		ClientID: e.Client, Request: e.Key, Kind: string(e.Kind), Value: storedValue(e.Value), Mode: string(e.Mode),
		WrittenAt: millis(e.At), PruneAt: millis(e.At),
	})
	if err != nil || rows > 0 {
		return rule.Rule{}, err
	}
	row, err := q.RevocationRequest(ctx, e.Client, e.Key)
	switch {
	case err != nil:
		return rule.Rule{}, err
	case row.Kind != string(e.Kind) || row.Value != storedValue(e.Value) || row.Mode != string(e.Mode):
		return rule.Rule{}, revoke.ErrIdempotency
	case row.Seq == 0:
		return rule.Rule{}, errAnswerPending
	}
	return rule.Rule{
		Seq: row.Seq, Kind: e.Kind, Value: e.Value, Mode: e.Mode, At: moment(row.WrittenAt), Prune: moment(row.PruneAt),
	}, nil
}

// RaiseEpoch implements [revoke.Store].
func (s *Store) RaiseEpoch(ctx context.Context, seen int64, why revoke.Raise) (revoke.Head, error) {
	epoch, n := rule.Split(seen)
	if seen < 0 || rule.Seq(epoch+1, rule.LastOfEpoch) > rule.MaxSeq {
		return revoke.Head{}, wrap("raise epoch", revoke.ErrPlace)
	}
	_, err := writeLog(ctx, s, "", func(q *query.Queries, ctx context.Context, add *additions) (int64, error) {
		rows, err := q.RaiseEpoch(ctx, epoch, n)
		if rows > 0 {
			add.event(event.Event{Type: event.EpochRaised, At: why.At, Reason: why.Reason})
		}
		return rows, err
	})
	if err != nil {
		return revoke.Head{}, wrap("raise epoch", err)
	}
	return s.Log(ctx)
}

// PruneRules implements [revoke.Store]. It works in portions, as
// [Store.PruneSessions] does.
func (s *Store) PruneRules(ctx context.Context, t time.Time) (int, error) {
	n, err := s.prune(ctx, t, (*query.Queries).PruneRules)
	if err == nil {
		_, err = s.prune(ctx, t, (*query.Queries).PruneRequests)
	}
	return n, wrap("prune rules", err)
}

// prune deletes what is from before t, in portions, each a step of its own; what was
// deleted before an error stays deleted. It rests between portions, so that others get
// most of the database's time.
func (s *Store) prune(ctx context.Context, t time.Time, portion func(*query.Queries, context.Context, int64, int32) (int64, error)) (int, error) {
	for total := 0; ; {
		began := time.Now()
		rows, err := write(ctx, s, func(q *query.Queries, ctx context.Context) (int64, error) {
			return portion(q, ctx, millis(t), prunePortion)
		})
		total += int(rows)
		if err != nil || rows < prunePortion {
			return total, err
		}
		if err := pause(ctx, pruneRest*time.Since(began)); err != nil {
			return total, err
		}
	}
}

// pruneRest is the length of a rest, as a multiple of the time of the portion before
// it: pruning uses a tenth of the time. A portion includes its wait for other writes,
// so the rests are longer while there are many.
const pruneRest = 9

// maxRest bounds one rest.
const maxRest = time.Second

// pause waits, and returns the context's error when that ends first.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(min(d, maxRest))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
