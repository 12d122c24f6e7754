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

// endings are sessions that a step has ended, as they are now. Those that have
// expired are ended as well, in case another process's clock is behind.
type endings []query.Session

func endSession(ctx context.Context, q *query.Queries, d *draft, e session.End) (int, error) {
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
		d.accountRule(ended, rule.Soft)
	} else {
		d.sessionRules(ended)
	}
	return d.ended(ended), nil
}

// endSessions has a rule about the account when none of its sessions is spared.
// before is how many of them were ended in portions: see [Store.endMost]. A token
// may have been minted since the rule of the first portion, so another follows.
func endSessions(ctx context.Context, q *query.Queries, d *draft, e session.EndMany, before int) (int, error) {
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
		d.rules = append(d.rules, draftRule{Rule: rule.Rule{Kind: rule.Account, Value: e.AccountID, Mode: mode, At: moment(millis(e.At))}})
	case e.Except == "":
		d.accountRule(ended, mode)
	default:
		d.sessionRules(ended)
	}
	return before + d.ended(ended), nil
}

// ended drafts an event for each session that was alive, and counts those.
func (d *draft) ended(sessions endings) int {
	alive := 0
	for _, s := range sessions {
		if s.ExpiresAt <= s.EndedAt.Int64 {
			continue
		}
		alive++
		d.event(event.Event{
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

// sessionRules drafts a rule for each tree of sessions, or one for the account when
// they are many: a soft one, since sessions that go on are in its scope.
func (d *draft) sessionRules(ended endings) {
	trees := ended.trees()
	if len(trees) > flood {
		d.accountRule(ended, rule.Soft)
		return
	}
	for _, tree := range trees {
		d.rule(rule.Session, tree[0].ID, rule.Hard, tree)
	}
}

// accountRule drafts a rule for the one account that the sessions are of.
func (d *draft) accountRule(ended endings, mode rule.Mode) {
	if len(ended) > 0 {
		d.rule(rule.Account, ended[0].AccountID, mode, ended)
	}
}

// childRules drafts the rules that a rule about a client leaves to be written: for
// the sessions at other clients that came from a session at this one.
func (d *draft) childRules(ended endings, client string) {
	elsewhere := map[string]endings{} // by account
	for _, tree := range ended.trees() {
		if slices.ContainsFunc(tree, func(s query.Session) bool { return s.ClientID != client }) {
			elsewhere[tree[0].AccountID] = append(elsewhere[tree[0].AccountID], tree...)
		}
	}
	for _, account := range slices.Sorted(maps.Keys(elsewhere)) {
		d.sessionRules(elsewhere[account])
	}
}

// rule drafts a rule that is of use while a token of one of the sessions can live.
func (d *draft) rule(kind rule.Kind, value string, mode rule.Mode, ended endings) {
	r := draftRule{Rule: rule.Rule{Kind: kind, Value: value, Mode: mode, At: moment(ended[0].EndedAt.Int64)}}
	unknown := false
	for _, s := range ended {
		minted := d.lastMint(s)
		unknown = unknown || minted.IsZero()
		r.lastMint, r.limit = latest(r.lastMint, minted), latest(r.limit, lastExpiry(s))
	}
	if unknown {
		r.lastMint = time.Time{}
	}
	d.rules = append(d.rules, r)
}

// lastMint is when an access token was minted from a session at the latest: at
// its last use, at a step-up, or for a repeated refresh token. Where the steady
// clock is kept, it is a time of that. The zero time means that nobody knows:
// of a step-up there is only the time of day.
func (d *draft) lastMint(s query.Session) time.Time {
	switch {
	case d.steady.IsZero():
		return moment(max(s.UsedAt, s.AuthTime)).Add(session.MaxGrace)
	case s.RotatedAt == 0 || s.AuthTime > s.CreatedAt:
		return time.Time{}
	}
	return moment(s.RotatedAt).Add(session.MaxGrace)
}

// lastExpiry is when its last access token expires at the latest: with it, or
// the second after, as less cannot be written.
func lastExpiry(s query.Session) time.Time { return moment(s.AbsoluteExpiry).Add(time.Second) }

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
