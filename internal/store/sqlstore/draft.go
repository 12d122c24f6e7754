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

// draft is what a step adds to the logs. It gets its numbers when all else of
// the transaction is done, since whoever has a number makes the others wait.
type draft struct {
	// head of the revocation log before the first step of the transaction.
	head   int64
	origin event.Origin
	// order is the step's place among others of its batch: the account whose
	// row it holds, and see sessionsOf; empty when it holds nobody's.
	order string
	// steady is the time of the steady clock; zero if nobody keeps it.
	steady time.Time
	rules  []draftRule
	events []event.Event
}

// draftRule is a rule that may turn out to be of no use.
type draftRule struct {
	rule.Rule
	// lastMint is the latest moment at which a token in its scope was minted,
	// by the steady clock where that is kept, and limit the latest at which one
	// expires whenever it was minted. A zero lastMint means that nobody knows, so
	// the rule is written.
	lastMint, limit time.Time
	longest         time.Duration
	// client and request are those of an idempotency key.
	client, request string
}

// begin makes the draft empty: a step may be run again.
func (d *draft) begin(head int64) {
	if d != nil {
		d.head, d.rules, d.events = head, d.rules[:0], d.events[:0]
	}
}

// Bounds of an event's texts, in bytes.
const (
	maxEventText = 256
	maxReason    = revoke.MaxReason * utf8.UTFMax
	maxDetails   = 16
)

// record drafts several events.
func (d *draft) record(all []event.Event) {
	for _, e := range all {
		d.event(e)
	}
}

// event adds one. Its texts are made fit here: an unfit one would fail the
// transaction, and with it what others have in it.
func (d *draft) event(e event.Event) {
	e.ID = cmp.Or(e.ID, uuid.NewString())
	e.Actor = cmp.Or(e.Actor, d.origin.Actor)
	e.Address = cmp.Or(e.Address, d.origin.Address)
	e.UserAgent = cmp.Or(e.UserAgent, d.origin.UserAgent)
	e.RequestID = cmp.Or(e.RequestID, d.origin.RequestID)
	for _, text := range []*string{&e.ID, &e.AccountID, &e.SessionID, &e.ClientID, &e.KeyID, &e.Actor, &e.Address, &e.UserAgent, &e.RequestID} {
		*text = fit(*text)
	}
	e.Reason = cut(e.Reason, maxReason)
	d.events = append(d.events, e)
}

// fit makes any text one that both engines keep.
func fit(s string) string { return cut(s, maxEventText) }

func cut(s string, most int) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s[:min(len(s), most)], "\x00", ""), "")
}

// headFor reads the head when somebody in the batch will want it.
func headFor(ctx context.Context, q *query.Queries, batch []*job) (int64, error) {
	for _, j := range batch {
		if j.draft != nil {
			row, err := q.RevocationHead(ctx)
			return rule.Seq(row.Epoch, row.N), wrap("read head of the log", err)
		}
	}
	return 0, nil
}

// flush numbers the rules and events of a transaction and writes them: the last
// that happens before the commit. Always in this order, or two transactions
// could wait for each other.
func flush(ctx context.Context, t transaction, drafts []*draft) error {
	if err := flushRules(ctx, t.ask(), drafts); err != nil {
		return wrap("write rules", err)
	}
	return wrap("write events", flushEvents(ctx, t, drafts))
}

// worthless is how long a token may go on without a rule: verifiers need not
// have heard of one any sooner.
const worthless = 10 * time.Second

func flushRules(ctx context.Context, q *query.Queries, drafts []*draft) error {
	rules, err := useful(ctx, q, drafts)
	if err != nil || len(rules) == 0 {
		return err
	}
	last, err := q.TakeRevisions(ctx, int64(len(rules)))
	if err != nil {
		return err
	}
	for i, r := range rules {
		// At is a wall clock's. A rule of a process whose clock is behind must
		// not seem old to the others.
		r.Prune = latest(r.At, steadyMoment(last.Steady)).Add(r.longest + rule.PruneMargin)
		r.Seq = rule.Seq(last.Epoch, last.N-int64(len(rules)-1-i))
		if err := insertRule(ctx, q, r); err != nil {
			return err
		}
	}
	return nil
}

// useful drops the rules that no token is left for, and says of the others when
// none will be.
func useful(ctx context.Context, q *query.Queries, drafts []*draft) ([]*draftRule, error) {
	drafted := 0
	for _, d := range drafts {
		drafted += len(d.rules)
	}
	if drafted == 0 {
		return nil, nil
	}
	ms, err := q.LongestTTL(ctx)
	if err != nil {
		return nil, err
	}
	longest := time.Duration(ms) * time.Millisecond
	kept := make([]*draftRule, 0, drafted)
	for _, d := range drafts {
		for i := range d.rules {
			if r := &d.rules[i]; r.matters(d.steady, longest) {
				r.longest = longest
				kept = append(kept, r)
			}
		}
	}
	return kept, nil
}

// matters reports whether a token in the rule's scope can be good for long
// enough to be worth one. The process that ends something may have another time
// of day than the one that minted: only the steady clock tells that enough has
// passed.
func (r *draftRule) matters(steady time.Time, longest time.Duration) bool {
	if r.lastMint.IsZero() {
		return true
	}
	now := r.At
	if !steady.IsZero() {
		now = steady
	}
	// A refresh token that was spent can give one more token for as long as its
	// client may retry, which is not longer than its access tokens live.
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

func insertRule(ctx context.Context, q *query.Queries, r *draftRule) error {
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

func flushEvents(ctx context.Context, t transaction, drafts []*draft) error {
	var all []event.Event
	for _, d := range drafts {
		all = append(all, d.events...)
	}
	if len(all) == 0 {
		return nil
	}
	last, err := t.ask().TakeEvents(ctx, int64(len(all)))
	if err != nil {
		return err
	}
	first := last - int64(len(all)) + 1
	for i := range all {
		all[i].Seq = first + int64(i)
	}
	return insertEvents(ctx, t, all)
}

// requestIDDetail is where the request id is kept, beside the details: nobody
// searches for it.
const requestIDDetail = "request_id"

// encodeDetail keeps no detail as an empty text.
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
