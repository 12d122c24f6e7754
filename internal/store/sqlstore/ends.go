package sqlstore

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/store/sqlstore/query"
)

// endings are the sessions that a step has ended, as their rows are now. Expired ones
// are ended as well, in case the clock of another process is slow.
type endings []query.Session

func endSession(ctx context.Context, q *query.Queries, add *additions, e session.End) (int, error) {
	ended, err := q.EndSession(ctx, query.EndSessionParams{At: millis(e.At), Reason: string(e.Reason), ID: e.ID})
	if err != nil || len(ended) == 0 {
		return 0, err
	}
	if ended, err = withChildren(ctx, q, ended, e.At, e.Reason); err != nil {
		return 0, err
	}
	recent, err := q.RecentlyEnded(ctx, ended[0].AccountID, millis(e.At.Add(-floodWindow)))
	if err != nil {
		return 0, err
	}
	if recent > flood {
		add.accountRule(ended, rule.Soft)
	} else {
		add.sessionRules(ended)
	}
	return add.ended(ended), nil
}

// endSessions writes one rule about the account when none of its sessions is kept.
// before is how many were ended in portions: see [Store.endMost]. A token may have
// been minted since the rule of the first portion, so another rule follows.
func endSessions(ctx context.Context, q *query.Queries, add *additions, e session.EndMany, before int) (int, error) {
	ended, err := q.EndSessions(ctx, query.EndSessionsParams{
		At: millis(e.At), Reason: string(e.Reason), AccountID: e.AccountID, ExceptID: e.Except,
	})
	if err != nil {
		return 0, err
	}
	if ended, err = withChildren(ctx, q, ended, e.At, e.Reason); err != nil {
		return 0, err
	}
	mode := rule.Hard
	if e.Except != "" {
		mode = rule.Soft
	}
	switch {
	case before > 0:
		add.rules = append(add.rules, addedRule{Rule: rule.Rule{Kind: rule.Account, Value: e.AccountID, Mode: mode, At: moment(millis(e.At))}})
	case e.Except == "":
		add.accountRule(ended, mode)
	default:
		add.sessionRules(ended)
	}
	return before + add.ended(ended), nil
}

// ended adds an event for each session that was alive, and returns how many.
func (add *additions) ended(sessions endings) int {
	alive := 0
	for _, s := range sessions {
		if s.ExpiresAt <= s.EndedAt.Int64 {
			continue
		}
		alive++
		add.event(event.Event{
			Type: event.SessionEnded, At: moment(s.EndedAt.Int64),
			AccountID: s.AccountID, SessionID: s.ID, ClientID: s.ClientID, Reason: s.EndReason, Detail: parentDetail(s.Parent),
		})
	}
	return alive
}

// parentDetail names the session that another came from; nil for none.
func parentDetail(parent string) map[string]string {
	if parent == "" {
		return nil
	}
	return map[string]string{"parent": parent}
}

// flood is how many rules about sessions of one account a step may write, and
// how many steps may within floodWindow: after that each is about the account,
// of which verifiers keep only the last.
const (
	flood       = 8
	floodWindow = time.Hour
)

// sessionRules adds a rule for each tree of sessions, or one for the account when
// they are many: a soft one, because sessions that go on are in its scope.
func (add *additions) sessionRules(ended endings) {
	trees := ended.trees()
	if len(trees) > flood {
		add.accountRule(ended, rule.Soft)
		return
	}
	for _, tree := range trees {
		add.rule(rule.Session, tree[0].ID, rule.Hard, tree)
	}
}

// accountRule adds a rule for the one account that the sessions belong to.
func (add *additions) accountRule(ended endings, mode rule.Mode) {
	if len(ended) > 0 {
		add.rule(rule.Account, ended[0].AccountID, mode, ended)
	}
}

// childRules adds the rules that a rule about a client does not cover: for the
// sessions at other clients that came from a session at this one.
func (add *additions) childRules(ended endings, client string) {
	elsewhere := map[string]endings{} // by account
	for _, tree := range ended.trees() {
		if slices.ContainsFunc(tree, func(s query.Session) bool { return s.ClientID != client }) {
			elsewhere[tree[0].AccountID] = append(elsewhere[tree[0].AccountID], tree...)
		}
	}
	for _, account := range slices.Sorted(maps.Keys(elsewhere)) {
		add.sessionRules(elsewhere[account])
	}
}

// rule adds a rule that matters while a token of one of the sessions can be valid.
func (add *additions) rule(kind rule.Kind, value string, mode rule.Mode, ended endings) {
	r := addedRule{Rule: rule.Rule{Kind: kind, Value: value, Mode: mode, At: moment(ended[0].EndedAt.Int64)}}
	unknown := false
	for _, s := range ended {
		minted := add.lastMint(s)
		unknown = unknown || minted.IsZero()
		r.lastMint, r.limit = latest(r.lastMint, minted), latest(r.limit, lastExpiry(s))
	}
	if unknown {
		r.lastMint = time.Time{}
	}
	add.rules = append(add.rules, r)
}

// lastMint returns the latest moment at which an access token was minted from a
// session: at its last use, at a step-up, or for a repeated refresh token. Where the
// steady clock is kept, it is a time of that clock. The zero time is unknown: a
// step-up is stored in wall time alone.
func (add *additions) lastMint(s query.Session) time.Time {
	switch {
	case add.steady.IsZero():
		return moment(max(s.UsedAt, s.AuthTime)).Add(session.MaxGrace)
	case s.RotatedAt == 0 || s.AuthTime > s.CreatedAt:
		return time.Time{}
	}
	return moment(s.RotatedAt).Add(session.MaxGrace)
}

// lastExpiry returns the latest moment at which an access token of a session expires:
// with the session, rounded up to the next second.
func lastExpiry(s query.Session) time.Time { return moment(s.AbsoluteExpiry).Add(time.Second) }

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
