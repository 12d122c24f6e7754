package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/store/sqlstore/query"
)

var _ session.Store = (*Store)(nil)

// Session implements [session.ChainStore].
func (s *Store) Session(ctx context.Context, id string) (session.Session, error) {
	row, err := read(ctx, s, func(q *query.Queries, ctx context.Context) (query.SessionRow, error) {
		return q.Session(ctx, id)
	})
	if err != nil {
		return session.Session{}, missing("find session", err, session.ErrNotFound)
	}
	found, err := toSession(row.Session)
	found.Revision = rule.Seq(row.Epoch, row.N)
	return found, wrap("find session", err)
}

// SessionWithOwner returns a session, ended or not, and its account, in one query. It returns session.ErrNotFound as Session does.
func (s *Store) SessionWithOwner(ctx context.Context, id string) (session.Session, account.Account, error) {
	row, err := read(ctx, s, func(q *query.Queries, ctx context.Context) (query.SessionWithOwnerRow, error) {
		return q.SessionWithOwner(ctx, id)
	})
	if err != nil {
		return session.Session{}, account.Account{}, missing("find session", err, session.ErrNotFound)
	}
	found, err := toSession(row.Session)
	found.Revision = rule.Seq(row.Epoch, row.N)
	return found, toAccount(row.Account, row.Identifier), wrap("find session", err)
}

// Rotate implements [session.ChainStore].
func (s *Store) Rotate(ctx context.Context, r session.Rotation) (bool, error) {
	rows, err := write(ctx, s, func(q *query.Queries, ctx context.Context) (int64, error) {
		return q.RotateSession(ctx, query.RotateSessionParams{
			ToGeneration:   r.To,
			RotatedAt:      steadyMillis(r.Steady),
			UsedAt:         millis(r.At),
			Address:        r.Address,
			UserAgent:      r.UserAgent,
			ExpiresAt:      millis(r.ExpiresAt),
			ID:             r.ID,
			FromGeneration: r.From,
		})
	})
	return rows > 0, wrap("rotate session", err)
}

// EndSession implements [session.ChainStore]. A session that had expired by
// e.At is ended, but was not alive.
func (s *Store) EndSession(ctx context.Context, e session.End) (bool, error) {
	owner, err := read(ctx, s, func(q *query.Queries, ctx context.Context) (string, error) {
		return q.SessionOwner(ctx, e.ID)
	})
	if err != nil {
		return false, unless(missing("find session", err, session.ErrNotFound), session.ErrNotFound)
	}
	n, err := writeLog(ctx, s, sessionsOf(owner), func(q *query.Queries, ctx context.Context, add *additions) (int, error) {
		return endSession(ctx, q, add, e)
	})
	return n > 0, wrap("end session", err)
}

// sessionsOf is the order, within a batch, of a step that locks sessions of an
// account but not its row: after the steps that lock the row first.
func sessionsOf(account string) string { return account + "\x01" }

// StepUp implements [session.ChainStore].
func (s *Store) StepUp(ctx context.Context, id string, proofs session.Proofs) (bool, error) {
	authTime := proofs.AuthTime()
	list, err := proofsText(proofs)
	if err != nil {
		return false, wrap("step up session", err)
	}
	owner, err := read(ctx, s, func(q *query.Queries, ctx context.Context) (string, error) {
		return q.SessionOwner(ctx, id)
	})
	if err != nil {
		return false, unless(missing("find session", err, session.ErrNotFound), session.ErrNotFound)
	}
	rows, err := writeLog(ctx, s, sessionsOf(owner), func(q *query.Queries, ctx context.Context, add *additions) (int64, error) {
		rows, err := q.StepUp(ctx, query.StepUpParams{AuthTime: millis(authTime), Proofs: list, ID: id, Now: millis(authTime)})
		if err == nil && rows > 0 {
			add.event(event.Event{Type: event.SessionSteppedUp, At: authTime, AccountID: owner, SessionID: id})
		}
		return rows, err
	})
	return rows > 0, wrap("step up session", err)
}

// Sessions implements [session.Store]. A page holds at most 1,000 sessions.
func (s *Store) Sessions(ctx context.Context, p session.Page) (session.List, error) {
	list, err := read(ctx, s, func(q *query.Queries, ctx context.Context) (session.List, error) {
		if p.AccountID != "" {
			return sessionsOfAccount(ctx, q, p)
		}
		return allSessions(ctx, q, p)
	})
	return list, wrap("list sessions", err)
}

// sessionWindow is how many sessions one reading of a list looks at. It is less
// than searchWindow, because PostgreSQL joins each row before it is left out.
const sessionWindow = 1000

// allSessions looks at a window of the sessions that have not ended: those that
// have expired are among them, and may be many.
func allSessions(ctx context.Context, q *query.Queries, p session.Page) (session.List, error) {
	at, id := before(p.After.CreatedAt, p.After.ID)
	downTo, err := q.SessionsFloor(ctx, query.SessionsFloorParams{AfterCreatedAt: at, AfterID: id, Skip: sessionWindow})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		downTo.CreatedAt = math.MinInt64
	case err != nil:
		return session.List{}, err
	}
	rows, err := q.Sessions(ctx, query.SessionsParams{
		AfterCreatedAt: at, AfterID: id, DownToAt: downTo.CreatedAt, DownTo: downTo.ID, Now: millis(p.Now), PageLimit: pageLimit(p.Limit),
	})
	if err != nil {
		return session.List{}, err
	}
	list, err := listSessions(rows, p.Limit)
	if downTo.ID != "" && list.Next.ID == "" {
		// The floor itself was searched.
		list.Next = session.Position{CreatedAt: moment(downTo.CreatedAt), ID: downTo.ID}
	}
	return list, err
}

// sessionsOfAccount needs no window: an account has few sessions that have not
// ended.
func sessionsOfAccount(ctx context.Context, q *query.Queries, p session.Page) (session.List, error) {
	at, id := before(p.After.CreatedAt, p.After.ID)
	own, err := q.SessionsOfAccount(ctx, query.SessionsOfAccountParams{
		AccountID: p.AccountID, AfterCreatedAt: at, AfterID: id, Now: millis(p.Now), PageLimit: pageLimit(p.Limit),
	})
	if err != nil {
		return session.List{}, err
	}
	rows := make([]query.SessionsRow, len(own))
	for i, row := range own {
		rows[i] = query.SessionsRow(row)
	}
	return listSessions(rows, p.Limit)
}

// listSessions is a page; if it is full, the list may go on.
func listSessions(rows []query.SessionsRow, limit int) (session.List, error) {
	list := session.List{Sessions: make([]session.Listed, len(rows))}
	for i, row := range rows {
		found, err := toSession(row.Session)
		if err != nil {
			return session.List{}, err
		}
		list.Sessions[i] = session.Listed{Session: found, Identifier: row.Display}
	}
	if n := len(rows); n > 0 && n == int(pageLimit(limit)) {
		list.Next = session.Position{CreatedAt: list.Sessions[n-1].CreatedAt, ID: list.Sessions[n-1].ID}
	}
	return list, nil
}

// EndSessions implements [session.Store]. Many sessions end in portions: see
// [Store.endMost].
func (s *Store) EndSessions(ctx context.Context, e session.EndMany) (int, error) {
	before, err := s.endMost(ctx, e, 0)
	if err != nil {
		return before, wrap("end sessions", err)
	}
	n, err := writeLog(ctx, s, sessionsOf(e.AccountID), func(q *query.Queries, ctx context.Context, add *additions) (int, error) {
		return endSessions(ctx, q, add, e, before)
	})
	return n, wrap("end sessions", err)
}

// prunePortion is how many rows one transaction deletes.
const prunePortion = 100

// PruneSessions implements [session.Store]. It deletes in portions, each a step of
// its own; what was deleted before an error stays deleted.
func (s *Store) PruneSessions(ctx context.Context, t time.Time) (int, error) {
	n, err := s.prune(ctx, t, (*query.Queries).PruneSessions)
	return n, wrap("prune sessions", err)
}

func insertSession(ctx context.Context, q *query.Queries, s session.Session) error {
	proofs, err := proofsText(s.Proofs)
	if err != nil {
		return err
	}
	return q.InsertSession(ctx, query.InsertSessionParams{
		ID:             s.ID,
		AccountID:      s.AccountID,
		ClientID:       s.ClientID,
		Audience:       s.Audience,
		Method:         oldMethod(s.Proofs),
		Proofs:         proofs,
		Parent:         s.Parent,
		CreatedAt:      millis(s.CreatedAt),
		AuthTime:       millis(s.AuthTime()),
		UsedAt:         millis(s.UsedAt),
		Address:        s.Address,
		UserAgent:      s.UserAgent,
		Generation:     s.Generation,
		RotatedAt:      steadyMillis(s.RotatedAt),
		Salt:           s.Salt[:],
		ExpiresAt:      millis(s.ExpiresAt),
		AbsoluteExpiry: millis(s.AbsoluteExpiry),
		EndedAt:        nullMillis(s.EndedAt),
		EndReason:      string(s.EndReason),
	})
}

func toSession(row query.Session) (session.Session, error) {
	s := session.Session{
		ID:             row.ID,
		AccountID:      row.AccountID,
		ClientID:       row.ClientID,
		Audience:       row.Audience,
		Parent:         row.Parent,
		CreatedAt:      moment(row.CreatedAt),
		UsedAt:         moment(row.UsedAt),
		Address:        row.Address,
		UserAgent:      row.UserAgent,
		Generation:     row.Generation,
		RotatedAt:      steadyMoment(row.RotatedAt),
		ExpiresAt:      moment(row.ExpiresAt),
		AbsoluteExpiry: moment(row.AbsoluteExpiry),
		EndedAt:        nullMoment(row.EndedAt),
		EndReason:      session.Reason(row.EndReason),
	}
	// copy would silently pad a salt of another length with zeros.
	if copy(s.Salt[:], row.Salt) != len(row.Salt) || len(row.Salt) != len(s.Salt) {
		return session.Session{}, fmt.Errorf("session %s: salt of %d bytes", row.ID, len(row.Salt))
	}
	var err error
	s.Proofs, err = toProofs(row)
	return s, err
}
