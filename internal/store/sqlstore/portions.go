package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/store/sqlstore/query"
)

// ending describes which sessions end, when and why.
type ending struct {
	// client is whose sessions end; empty for all clients.
	client string
	at     time.Time
	reason session.Reason
	// begunBy is when these sessions had begun at the latest; 0 for at. See begunBy.
	begunBy int64
}

// begunBy returns the latest start of the sessions that an entry ends: a repeated request
// must not end sessions that were started since. 0 sets no limit.
func begunBy(e revoke.Entry) int64 {
	if e.Repeats.IsZero() {
		return 0
	}
	return millis(e.Repeats)
}

// endPortion is how many sessions one step of a portion ends. Their events block all
// other events while they are written.
const endPortion = 100

// endPortions ends the sessions of a client, or all when it is empty, in portions if they
// are too many for one step. It returns how many were alive. The caller's own step then
// ends the rest. As in [Store.endMost], the first step writes a soft rule: no access token
// of an ended session stays valid, even if the caller's step fails. first is that rule.
func (s *Store) endPortions(ctx context.Context, e ending, first rule.Rule) (total int, err error) {
	by := e.begunBy
	if by == 0 {
		by = millis(e.at)
	}
	n, err := read(ctx, s, func(q *query.Queries, ctx context.Context) (int64, error) {
		if e.client == "" {
			return q.CountAliveOfAll(ctx, by, endPortion+1)
		}
		return q.CountAliveOfClient(ctx, e.client, endPortion+1)
	})
	if err != nil || n <= endPortion {
		return 0, err
	}
	return s.portions(ctx, portion{sessionsOf(""), first, e.reason, e.client}, func(q *query.Queries, ctx context.Context) (endings, error) {
		if e.client == "" {
			return q.EndPortion(ctx, query.EndPortionParams{At: millis(e.at), Reason: string(e.reason), BegunBy: by, Portion: endPortion})
		}
		return q.EndPortionOfClient(ctx, query.EndPortionOfClientParams{
			At: millis(e.at), Reason: string(e.reason), ClientID: e.client, BegunBy: by, Portion: endPortion,
		})
	})
}

// endMost ends the sessions of an account in portions if they are too many for one step,
// and returns how many were alive. The caller's own step then ends the rest. The first
// step writes a soft rule about the account: from then on no access token of an ended
// session is valid, even if the caller's step fails. Sessions that go on only refresh.
// With portions, the checks run before the first step.
func (s *Store) endMost(ctx context.Context, e session.EndMany, by int64, checks ...func() error) (total int, err error) {
	n, err := read(ctx, s, func(q *query.Queries, ctx context.Context) (int64, error) {
		return q.CountAlive(ctx, e.AccountID, endPortion+1)
	})
	if err != nil || n <= endPortion {
		return 0, err
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return 0, err
		}
	}
	if by == 0 {
		by = millis(e.At)
	}
	keptParent, err := read(ctx, s, func(q *query.Queries, ctx context.Context) (string, error) {
		return q.SessionParent(ctx, e.Except)
	})
	if err != nil && !errors.Is(err, sql.ErrNoRows) { // it never changes
		return 0, err
	}
	first := rule.Rule{Kind: rule.Account, Value: e.AccountID, Mode: rule.Soft, At: moment(millis(e.At))}
	return s.portions(ctx, portion{sessionsOf(e.AccountID), first, e.Reason, ""}, func(q *query.Queries, ctx context.Context) (endings, error) {
		return q.EndPortionOfAccount(ctx, query.EndPortionOfAccountParams{
			At: millis(e.At), Reason: string(e.Reason), AccountID: e.AccountID, BegunBy: by, ExceptID: e.Except, ExceptParent: keptParent, Portion: endPortion,
		})
	})
}

// portion is a step that ends some sessions, and is repeated.
type portion struct {
	order  string
	first  rule.Rule // written by the first step that ends any
	reason session.Reason
	client string // whose sessions end; empty for all clients
}

// portions repeats a step until it ends no session, and returns how many of
// those that it ended were alive. Each is a step of its own, and other writes
// come in between. Children end in the step of their parent.
func (s *Store) portions(ctx context.Context, p portion, end func(*query.Queries, context.Context) (endings, error)) (total int, err error) {
	for written := false; ; {
		alive := 0
		ended, err := writeLog(ctx, s, p.order, func(q *query.Queries, ctx context.Context, add *additions) (ended endings, err error) {
			if ended, err = end(q, ctx); err != nil || len(ended) == 0 {
				return ended, err
			}
			if ended, err = withChildren(ctx, q, ended, p.first.At, p.reason); err != nil {
				return nil, err
			}
			alive = add.ended(ended)
			if !written {
				add.rules = append(add.rules, addedRule{Rule: p.first})
			}
			if p.client != "" {
				add.childRules(ended, p.client)
			}
			return ended, nil
		})
		if err != nil {
			return total, err
		}
		written = true
		if total += alive; len(ended) == 0 {
			return total, nil
		}
	}
}

// forgetEnded deletes the ended sessions of an account in portions, so that the
// deletion of the account has few rows left.
func (s *Store) forgetEnded(ctx context.Context, account string) error {
	for {
		rows, err := write(ctx, s, func(q *query.Queries, ctx context.Context) (int64, error) {
			return q.ForgetEndedOfAccount(ctx, account, prunePortion)
		})
		if err != nil || rows < prunePortion {
			return err
		}
	}
}

// endIdlest ends the sessions of an account that were not used for longest,
// when it has more than most. kept is the session that was just started.
func endIdlest(ctx context.Context, q *query.Queries, add *additions, kept session.Session, most int) error {
	if most <= 0 {
		return nil
	}
	n, err := q.CountAlive(ctx, kept.AccountID, int32(most+endPortion))
	if err != nil || n <= int64(most) {
		return err
	}
	ended, err := q.EndIdlest(ctx, query.EndIdlestParams{
		At: millis(kept.CreatedAt), Reason: string(session.ReasonTooMany), AccountID: kept.AccountID, ExceptID: kept.ID, Portion: int32(n) - int32(most),
	})
	if err != nil {
		return err
	}
	add.sessionRules(ended)
	add.ended(ended)
	return nil
}
