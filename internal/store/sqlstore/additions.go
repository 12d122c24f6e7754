package sqlstore

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/internal/store/sqlstore/query"
)

// additions are the rules and events that a step adds to the logs. They get their
// numbers at the end of the transaction, because the others wait for a transaction
// that has a number.
type additions struct {
	// head of the revocation log before the first step of the transaction.
	head   int64
	origin event.Origin
	// order decides when the step runs within its batch: it is the account whose row
	// it locks, or see sessionsOf; empty when it locks no row.
	order string
	// steady is the time of the steady clock; zero if it is not kept.
	steady time.Time
	rules  []addedRule
	events []event.Event
}

// addedRule is a rule that is left out if no token can match it.
type addedRule struct {
	rule.Rule
	// lastMint is the latest moment at which a token in its scope was minted,
	// by the steady clock where that is kept. limit is the latest at which one
	// expires. A zero lastMint is unknown: the rule is written.
	lastMint, limit time.Time
	longest         time.Duration
	// client and request are those of an idempotency key.
	client, request string
}

// begin removes everything, because a step may run again.
func (add *additions) begin(head int64) {
	if add != nil {
		add.head, add.rules, add.events = head, add.rules[:0], add.events[:0]
	}
}

// Bounds of an event's texts, in bytes.
const (
	maxEventText = 256
	maxReason    = revoke.MaxReason * utf8.UTFMax
	maxDetails   = 16
)

// record adds several events.
func (add *additions) record(all []event.Event) {
	for _, e := range all {
		add.event(e)
	}
}

// event adds one, with its texts shortened and cleaned: a text that the database
// refuses would fail the transaction, which other steps share.
func (add *additions) event(e event.Event) {
	e.ID = cmp.Or(e.ID, uuid.NewString())
	e.Actor = cmp.Or(e.Actor, add.origin.Actor)
	e.Address = cmp.Or(e.Address, add.origin.Address)
	e.UserAgent = cmp.Or(e.UserAgent, add.origin.UserAgent)
	e.RequestID = cmp.Or(e.RequestID, add.origin.RequestID)
	for _, text := range []*string{&e.ID, &e.AccountID, &e.SessionID, &e.ClientID, &e.KeyID, &e.Actor, &e.Address, &e.UserAgent, &e.RequestID} {
		*text = fit(*text)
	}
	e.Reason = cut(e.Reason, maxReason)
	add.events = append(add.events, e)
}

// fit shortens and cleans a text, so that both engines accept it.
func fit(s string) string { return cut(s, maxEventText) }

func cut(s string, most int) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s[:min(len(s), most)], "\x00", ""), "")
}

// headFor reads the head if a step of the batch needs it.
func headFor(ctx context.Context, q *query.Queries, batch []*job) (int64, error) {
	for _, j := range batch {
		if j.adds != nil {
			row, err := q.RevocationHead(ctx)
			return rule.Seq(row.Epoch, row.N), wrap("read head of the log", err)
		}
	}
	return 0, nil
}

// flush numbers the rules and events of a transaction and writes them, as the last
// statements before the commit. Rules come first, always: otherwise two transactions
// could deadlock.
func flush(ctx context.Context, t transaction, all []*additions) error {
	if err := flushRules(ctx, t.ask(), all); err != nil {
		return wrap("write rules", err)
	}
	return wrap("write events", flushEvents(ctx, t, all))
}

// worthless is the remaining lifetime of a token below which no rule is written:
// verifiers need not apply a rule any sooner.
const worthless = 10 * time.Second

func flushRules(ctx context.Context, q *query.Queries, all []*additions) error {
	rules, err := useful(ctx, q, all)
	if err != nil || len(rules) == 0 {
		return err
	}
	last, err := q.TakeRevisions(ctx, int64(len(rules)))
	if err != nil {
		return err
	}
	for i, r := range rules {
		// At is wall time. A rule of a process whose clock is slow must not look old
		// to the others.
		r.Prune = latest(r.At, steadyMoment(last.Steady)).Add(r.longest + rule.PruneMargin)
		r.Seq = rule.Seq(last.Epoch, last.N-int64(len(rules)-1-i))
		if err := insertRule(ctx, q, r); err != nil {
			return err
		}
	}
	return nil
}

// useful returns the rules that a token can still match, with the longest lifetime
// of tokens.
func useful(ctx context.Context, q *query.Queries, all []*additions) ([]*addedRule, error) {
	count := 0
	for _, add := range all {
		count += len(add.rules)
	}
	if count == 0 {
		return nil, nil
	}
	ms, err := q.LongestTTL(ctx)
	if err != nil {
		return nil, err
	}
	longest := time.Duration(ms) * time.Millisecond
	kept := make([]*addedRule, 0, count)
	for _, add := range all {
		for i := range add.rules {
			if r := &add.rules[i]; r.matters(add.steady, longest) {
				r.longest = longest
				kept = append(kept, r)
			}
		}
	}
	return kept, nil
}

// matters reports whether a token in the rule's scope can be valid for longer than
// worthless. Two processes may have different wall clocks, so the steady clock
// decides where there is one.
func (r *addedRule) matters(steady time.Time, longest time.Duration) bool {
	if r.lastMint.IsZero() {
		return true
	}
	now := r.At
	if !steady.IsZero() {
		now = steady
	}
	// A spent refresh token can return one more token while its client may retry,
	// which is at most the lifetime of access tokens.
	expiry := r.lastMint.Add(2 * longest)
	if expiry.Sub(now) <= worthless {
		return false
	}
	// The limit is a time of day.
	if now.After(r.At) {
		now = r.At
	}
	return r.limit.Sub(now) > worthless
}

func insertRule(ctx context.Context, q *query.Queries, r *addedRule) error {
	err := q.InsertRule(ctx, query.InsertRuleParams{
		Seq: r.Seq, Kind: string(r.Kind), Value: storedValue(r.Value), Mode: string(r.Mode),
		WrittenAt: millis(r.At), PruneAt: millis(r.Prune),
	})
	if err != nil || r.request == "" {
		return err
	}
	return q.AnswerRequest(ctx, query.AnswerRequestParams{
		Seq: r.Seq, PruneAt: millis(r.Prune), ClientID: r.client, Request: r.request,
	})
}

func flushEvents(ctx context.Context, t transaction, all []*additions) error {
	var list []event.Event
	for _, add := range all {
		list = append(list, add.events...)
	}
	if len(list) == 0 {
		return nil
	}
	last, err := t.ask().TakeEvents(ctx, int64(len(list)))
	if err != nil {
		return err
	}
	first := last - int64(len(list)) + 1
	for i := range list {
		list[i].Seq = first + int64(i)
	}
	return insertEvents(ctx, t, list)
}

// requestIDDetail is the name under which the request id is stored with the details:
// no query searches for it.
const requestIDDetail = "request_id"

// encodeDetail encodes no details as an empty text.
func encodeDetail(detail map[string]string, requestID string) (string, error) {
	if len(detail) == 0 && requestID == "" {
		return "", nil
	}
	kept := make(map[string]string, len(detail)+1)
	if requestID != "" {
		kept[requestIDDetail] = requestID
	}
	for name, text := range detail {
		if len(kept) < maxDetails && name != requestIDDetail {
			kept[fit(name)] = fit(text)
		}
	}
	b, err := json.Marshal(kept)
	return string(b), err
}
