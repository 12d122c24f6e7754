package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/store/sqlstore/query"
)

// revokeStep drafts the rule that was asked for, and does what comes with it.
// The rule comes first and is always written: whoever asks wants its place.
// before is how many sessions have been ended for it already.
func revokeStep(ctx context.Context, q *query.Queries, d *draft, e revoke.Entry, before int) error {
	d.rules = append(d.rules, draftRule{
		Rule:   revoke.Rule{Kind: e.Kind, Value: e.Value, Mode: e.Mode, At: e.At},
		client: e.Client, request: e.Key,
	})
	told := toldOf(e)
	d.event(told) // the cause before what comes of it
	if !e.Ends() {
		return nil
	}
	over, err := overWith(ctx, q, d, e)
	told.Detail["sessions_ended"] = strconv.Itoa(before + over)
	return err
}

// toldOf is the event of a rule.
func toldOf(e revoke.Entry) event.Event {
	told := event.Event{
		Type: event.RevocationWritten, At: e.At, Reason: e.Reason,
		Detail: map[string]string{"kind": string(e.Kind), "mode": string(e.Mode)},
	}
	switch e.Kind {
	case revoke.Token:
		told.Detail["jti"] = e.Value
	case revoke.Session:
		told.SessionID = e.Value
	case revoke.Account:
		told.AccountID = e.Value
	case revoke.Client:
		told.ClientID = e.Value
	case revoke.AccountAtClient:
		told.AccountID, told.ClientID, _ = strings.Cut(e.Value, "\x00")
	case revoke.Key:
		told.KeyID = e.Value
	}
	return told
}

// overWith ends what a hard rule is about, and answers how many sessions were
// alive.
func overWith(ctx context.Context, q *query.Queries, d *draft, e revoke.Entry) (int, error) {
	const reason = string(session.ReasonRevoked)
	var ended endings
	var err error
	switch e.Kind {
	case revoke.Session:
		ended, err = q.EndSession(ctx, query.EndSessionParams{At: millis(e.At), Reason: reason, ID: e.Value})
	case revoke.Account:
		ended, err = q.EndSessions(ctx, query.EndSessionsParams{At: millis(e.At), Reason: reason, AccountID: e.Value, BegunBy: begunBy(e)})
	case revoke.AccountAtClient:
		account, client, _ := strings.Cut(e.Value, "\x00")
		ended, err = q.EndSessionsAtClient(ctx, query.EndSessionsAtClientParams{
			At: millis(e.At), Reason: reason, AccountID: account, ClientID: client, BegunBy: begunBy(e),
		})
	case revoke.Client: // what overBefore left
		ended, err = q.EndSessionsOfClient(ctx, query.EndSessionsOfClientParams{
			At: millis(e.At), Reason: reason, ClientID: e.Value, BegunBy: begunBy(e),
		})
	case revoke.Issuer:
		ended, err = q.EndAllSessions(ctx, query.EndAllSessionsParams{At: millis(e.At), Reason: reason, BegunBy: begunBy(e)})
	case revoke.Key:
		return 0, killKey(ctx, q, d, e)
	}
	return d.ended(ended), err
}

// overBefore ends the sessions of very many accounts in portions, as one step
// would have everybody else wait, and be given up for the time that it takes.
// Those that are started meanwhile are left to the step that writes the rule. A
// request that was answered already ends nothing.
func (s *Store) overBefore(ctx context.Context, e revoke.Entry) (total int, err error) {
	client := ""
	switch {
	case !e.Ends():
		return 0, nil
	case e.Kind == revoke.Client:
		client = e.Value
	case e.Kind != revoke.Issuer:
		return 0, nil
	}
	if again, err := s.asked(ctx, e); err != nil || again {
		return 0, err
	}
	return s.endPortions(ctx, client, ending{at: e.At, reason: session.ReasonRevoked, begunBy: begunBy(e)})
}

// ending is why and when sessions end, and which: see begunBy.
type ending struct {
	at      time.Time
	reason  session.Reason
	begunBy int64
}

// begunBy is when the sessions that an entry ends had begun at the latest: a
// repeat must not sign out who has signed in since. 0 is whenever.
func begunBy(e revoke.Entry) int64 {
	if e.Repeats.IsZero() {
		return 0
	}
	return millis(e.Repeats)
}

// endPortion is how many sessions one step of endPortions ends. Each has an
// event, and while they are written no other event can be.
const endPortion = 100

// endPortions ends the sessions of a client, or all when it is empty, some in a
// step with their events, and answers how many were alive.
func (s *Store) endPortions(ctx context.Context, client string, e ending) (total int, err error) {
	for after := ""; ; {
		alive := 0
		ended, err := writeLog(ctx, s, sessionsOf(""), func(q *query.Queries, ctx context.Context, d *draft) (endings, error) {
			ended, err := q.EndPortion(ctx, query.EndPortionParams{
				At: millis(e.at), Reason: string(e.reason), After: after, ClientID: client, BegunBy: e.begunBy, Portion: endPortion,
			})
			alive = d.ended(ended)
			return ended, err
		})
		if err != nil {
			return total, err
		}
		total += alive
		if len(ended) < endPortion {
			return total, nil
		}
		after = ended.last()
	}
}

// asked reports whether this very request was made before.
func (s *Store) asked(ctx context.Context, e revoke.Entry) (bool, error) {
	if e.Key == "" {
		return false, nil
	}
	_, err := read(ctx, s, func(q *query.Queries, ctx context.Context) (query.RevocationRequest, error) {
		return q.RevocationRequest(ctx, e.Client, e.Key)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// killKey has the key not sign any longer. A key that nobody knows here may be
// one that somebody signs with all the same.
func killKey(ctx context.Context, q *query.Queries, d *draft, e revoke.Entry) error {
	rows, err := q.KillKey(ctx, nullMillis(e.At), e.Value)
	if err == nil && rows > 0 {
		d.event(event.Event{Type: event.KeyKilled, At: e.At, KeyID: e.Value, Reason: e.Reason})
	}
	return err
}
