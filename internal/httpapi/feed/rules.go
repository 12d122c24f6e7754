package feed

import (
	"context"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/endpoint"
	"github.com/portaria/portaria/internal/httpapi/access"
	"github.com/portaria/portaria/internal/problem"
	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/fleet"
	"github.com/portaria/portaria/internal/revoke/rule"
	"github.com/portaria/portaria/internal/serve"
)

const (
	// maxWait bounds what Prefer: wait may ask for. The fleet is then looked at
	// after askFirst, and less and less often until it is every askLast.
	maxWait  = 20 * time.Second
	askFirst = 50 * time.Millisecond
	askLast  = 400 * time.Millisecond
)

// revoke writes a rule and answers its receipt. Nobody hears of it before it is
// durable, and from then on this process refuses what it is about.
func (f *server) revoke(ctx context.Context, c access.Caller, in api.Revoke) (api.Revoked, error) {
	target, err := byKind(in.Target)
	if err != nil {
		return api.Revoked{}, err
	}
	entry, err := f.entry(target)
	if err != nil {
		return api.Revoked{}, err
	}
	entry.Mode, entry.Reason, entry.Key = rule.Mode(in.Mode), in.Reason, in.IdempotencyKey
	if in.Mode == "" {
		entry.Mode = rule.Hard
	}
	if !printableKey(entry.Key) {
		return api.Revoked{}, problem.Field("Idempotency-Key", "expected printable text")
	}
	entry.Client, entry.At = c.ClientID(), c.Use.At.Truncate(time.Millisecond)
	if err := entry.Check(); err != nil {
		return api.Revoked{}, err
	}
	if !in.Unseen {
		if err := f.known(ctx, target); err != nil {
			return api.Revoked{}, err
		}
	}
	rule, err := f.Log.Write(ctx, entry)
	if err != nil {
		return api.Revoked{}, err
	}
	durable := f.Gate.Now().UTC()
	if !rule.At.Equal(entry.At) { // it was written by an earlier request
		durable = rule.At.Add(fleet.CommitTime)
	}
	receipt, err := f.receipt(ctx, rule.Seq, durable, preferredWait(in.Prefer))
	return api.Revoked{Receipt: receipt}, err
}

// printableKey reports whether an idempotency key is text on one line.
func printableKey(key string) bool { return strings.IndexFunc(key, unicode.IsControl) < 0 }

// receipt asks the fleet, again and again while somebody is still expected to
// confirm.
func (f *server) receipt(ctx context.Context, seq int64, durable time.Time, wait time.Duration) (api.Receipt, error) {
	serve.Patient(ctx)
	deadline := time.Now().Add(wait)
	for pause := askFirst; ; pause = min(2*pause, askLast) {
		got, err := f.Fleet.Receipt(ctx, seq, durable)
		if err != nil || got.Pending == 0 || !time.Now().Before(deadline) || !sleep(ctx, min(pause, time.Until(deadline))) {
			return receiptOf(got), err
		}
	}
}

// sleep reports whether the time passed before the request or the service
// ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-serve.Stopping(ctx):
	case <-ctx.Done():
	}
	return false
}

func receiptOf(r fleet.Receipt) api.Receipt {
	out := api.Receipt{
		Seq:         r.Seq,
		EffectiveBy: r.EffectiveBy.UTC(),
		Confirmed:   r.Confirmed,
		Pending:     r.Pending,
		Silent:      r.Silent,
		Open:        []string{},
		OpenCount:   r.OpenCount,
	}
	for _, v := range r.Open {
		out.Open = append(out.Open, v.Client+"/"+v.ID)
	}
	return out
}

// preferredWait reads "wait=2" out of a Prefer header (RFC 7240 §4.3); what it
// does not understand it passes over, as the RFC says.
func preferredWait(header string) time.Duration {
	for part := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		n, err := strconv.Atoi(strings.Trim(value, `"`))
		if strings.EqualFold(name, "wait") && err == nil && n > 0 {
			return min(time.Duration(min(n, 3600))*time.Second, maxWait)
		}
	}
	return 0
}

// showReceipt answers how far a rule has come by now.
func (f *server) showReceipt(ctx context.Context, _ access.Caller, in api.RulePosition) (api.Receipt, error) {
	rule, ok := f.Log.View().Find(int64(in.Seq))
	if !ok {
		return api.Receipt{}, fleet.ErrRuleNotFound
	}
	got, err := f.Fleet.ReceiptOf(ctx, rule)
	return receiptOf(got), err
}

// entry is what a target names. Exactly one thing may be named: a request that
// means two would revoke one of them only.
func (f *server) entry(t api.Target) (revoke.Entry, error) {
	var found []revoke.Entry
	add := func(given bool, kind rule.Kind, value string) {
		if given {
			found = append(found, revoke.Entry{Kind: kind, Value: value})
		}
	}
	pair := t.Account != "" && t.Client != ""
	add(t.Token != "", rule.Token, t.Token)
	add(t.Session != "", rule.Session, t.Session)
	add(t.Account != "" && !pair, rule.Account, t.Account)
	add(t.Client != "" && !pair, rule.Client, t.Client)
	add(pair, rule.AccountAtClient, rule.Pair(t.Account, t.Client))
	add(t.Key != "", rule.Key, t.Key)
	add(t.Issuer, rule.Issuer, f.Origin.Issuer)
	if len(found) != 1 {
		return revoke.Entry{}, problem.Field("target", "name exactly one: token, session, account, client, account and client, key, or issuer")
	}
	for name, id := range map[string]string{"session": t.Session, "account": t.Account} {
		if id != "" && !endpoint.IsID(id) {
			return revoke.Entry{}, problem.Field("target."+name, "expected a UUID")
		}
	}
	return found[0], nil
}

// byKind reads the form {kind, id}; other targets stay as they are.
func byKind(t api.Target) (api.Target, error) {
	if t.Kind == "" {
		return t, nil
	}
	other := api.Target{}
	switch t.Kind {
	case "token":
		other.Token = t.ID
	case "session":
		other.Session = t.ID
	case "account":
		other.Account = t.ID
	case "client":
		other.Client = t.ID
	case "key":
		other.Key = t.ID
	case "issuer":
		other.Issuer = t.ID == ""
	}
	t.Kind, t.ID = "", ""
	if t != (api.Target{}) {
		return t, problem.Field("target", "give kind and id, or a name of its own, not both")
	}
	return other, nil
}
