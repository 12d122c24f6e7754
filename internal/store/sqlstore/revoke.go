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

// revokeStep adds the requested rule, and ends what a hard rule is about. The rule
// comes first and is always written, because the caller gets its number. before is how
// many sessions have been ended for it already.
func revokeStep(ctx context.Context, q *query.Queries, add *additions, e revoke.Entry, before int) error {
	add.rules = append(add.rules, addedRule{
		Rule:   rule.Rule{Kind: e.Kind, Value: e.Value, Mode: e.Mode, At: e.At},
		client: e.Client, request: e.Key,
	})
	recorded := eventOf(e)
	add.event(recorded) // the cause before its effects
	if !e.Ends() {
		return nil
	}
	over, err := overWith(ctx, q, add, e)
	recorded.Detail["sessions_ended"] = strconv.Itoa(before + over)
	return err
}

// eventOf returns the event of a rule.
func eventOf(e revoke.Entry) event.Event {
	recorded := event.Event{
		Type: event.RevocationWritten, At: e.At, Reason: e.Reason,
		Detail: map[string]string{"kind": string(e.Kind), "mode": string(e.Mode)},
	}
	switch e.Kind {
	case rule.Token:
		recorded.Detail["jti"] = e.Value
	case rule.Session:
		recorded.SessionID = e.Value
	case rule.Account:
		recorded.AccountID = e.Value
	case rule.Client:
		recorded.ClientID = e.Value
	case rule.AccountAtClient:
		recorded.AccountID, recorded.ClientID, _ = strings.Cut(e.Value, "\x00")
	case rule.Key:
		recorded.KeyID = e.Value
	}
	return recorded
}

// overWith ends what a hard rule is about, and returns how many sessions were alive.
func overWith(ctx context.Context, q *query.Queries, add *additions, e revoke.Entry) (int, error) {
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
		return 0, killKey(ctx, q, add, e)
	}
	if err != nil {
		return 0, err
	}
	if ended, err = withChildren(ctx, q, ended, e.At, session.ReasonRevoked); err != nil {
		return 0, err
	}
	if client != "" {
		add.childRules(ended, client)
	}
	return add.ended(ended), nil
}

// overBefore ends a great number of sessions in portions, because one step would make
// all other writers wait until it times out. The step that writes the rule ends the
// sessions that are started in between. A repeated request ends nothing.
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

// killKey stops a key from signing. The rule is written for an unknown key as well,
// because an attacker may sign with one.
func killKey(ctx context.Context, q *query.Queries, add *additions, e revoke.Entry) error {
	rows, err := q.KillKey(ctx, nullMillis(e.At), e.Value)
	if err == nil && rows > 0 {
		add.event(event.Event{Type: event.KeyKilled, At: e.At, KeyID: e.Value, Reason: e.Reason})
	}
	return err
}
