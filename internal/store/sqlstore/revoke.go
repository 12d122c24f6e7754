package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"

	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/store/sqlstore/query"
)

// revokeStep drafts the rule that was asked for, and does what comes with it.
// The rule comes first and is always written: whoever asks wants its place.
// before is how many sessions have been ended for it already.
func revokeStep(ctx context.Context, q *query.Queries, d *draft, e revoke.Entry, before int) error {
	d.rules = append(d.rules, draftRule{
		Rule:   rule.Rule{Kind: e.Kind, Value: e.Value, Mode: e.Mode, At: e.At},
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
	case rule.Token:
		told.Detail["jti"] = e.Value
	case rule.Session:
		told.SessionID = e.Value
	case rule.Account:
		told.AccountID = e.Value
	case rule.Client:
		told.ClientID = e.Value
	case rule.AccountAtClient:
		told.AccountID, told.ClientID, _ = strings.Cut(e.Value, "\x00")
	case rule.Key:
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
	client := "" // whose sessions the rule is about
	switch e.Kind {
	case rule.Session:
		ended, err = q.EndSession(ctx, query.EndSessionParams{At: millis(e.At), Reason: reason, ID: e.Value})
	case rule.Account:
		ended, err = q.EndSessions(ctx, query.EndSessionsParams{At: millis(e.At), Reason: reason, AccountID: e.Value, BegunBy: begunBy(e)})
	case rule.AccountAtClient:
		var account string
		account, client, _ = strings.Cut(e.Value, "\x00")
		ended, err = q.EndSessionsAtClient(ctx, query.EndSessionsAtClientParams{
			At: millis(e.At), Reason: reason, AccountID: account, ClientID: client, BegunBy: begunBy(e),
		})
	case rule.Client: // what overBefore left
		client = e.Value
		ended, err = q.EndSessionsOfClient(ctx, query.EndSessionsOfClientParams{
			At: millis(e.At), Reason: reason, ClientID: e.Value, BegunBy: begunBy(e),
		})
	case rule.Issuer:
		ended, err = q.EndAllSessions(ctx, query.EndAllSessionsParams{At: millis(e.At), Reason: reason, BegunBy: begunBy(e)})
	case rule.Key:
		return 0, killKey(ctx, q, d, e)
	}
	if err != nil {
		return 0, err
	}
	if ended, err = withChildren(ctx, q, ended, e.At, session.ReasonRevoked); err != nil {
		return 0, err
	}
	if client != "" {
		d.childRules(ended, client)
	}
	return d.ended(ended), nil
}

// overBefore ends the sessions of very many accounts, or very many sessions of
// one, in portions: one step would have everybody else wait, and be given up for
// the time that it takes. Those that are started meanwhile are left to the step
// that writes the rule. A request that was answered already ends nothing.
func (s *Store) overBefore(ctx context.Context, e revoke.Entry) (total int, err error) {
	if !e.Ends() || e.Kind != rule.Client && e.Kind != rule.Issuer && e.Kind != rule.Account {
		return 0, nil
	}
	if again, err := s.asked(ctx, e); err != nil || again {
		return 0, err
	}
	if e.Kind == rule.Account {
		return s.endMost(ctx, session.EndMany{AccountID: e.Value, Reason: session.ReasonRevoked, At: e.At}, begunBy(e))
	}
	end := ending{at: e.At, reason: session.ReasonRevoked, begunBy: begunBy(e)}
	if e.Kind == rule.Client {
		end.client = e.Value
	}
	return s.endPortions(ctx, end, rule.Rule{Kind: e.Kind, Value: e.Value, Mode: rule.Soft, At: e.At})
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
