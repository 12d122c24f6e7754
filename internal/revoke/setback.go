package revoke

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/revoke/rule"
)

// A log can be set back: an old backup is restored, or a replica that lags is made the
// master. Then positions would be used again, and what was written meanwhile would be
// forgotten. The epoch rises for the first, and rules that this process still knows
// are written again for the second.

const (
	// tellEvery and tellAhead bound what a lying client can do by telling of positions
	// that never were: epochs are not endless.
	tellEvery = 10 * time.Minute
	tellAhead = 16
)

// ErrAhead reports a follower with a position that the log cannot have had, or tells
// again too soon.
var ErrAhead = errors.New("revocation: place beyond the log")

// setBack reports whether the head that the store tells of cannot follow ours.
func setBack(ours, theirs int64) bool {
	before, _ := rule.Split(ours)
	now, _ := rule.Split(theirs)
	return theirs < ours || ours != 0 && now != before
}

// Ahead raises the epoch if an authenticated follower knows a position that the log,
// looked at anew, has not reached: it was set back while nobody here was running. It
// returns nil when the follower was right, or is not ahead. It writes no rule: the
// follower may lie, and what the store has forgotten, nobody here knows. Followers
// keep what they know.
func (h *Hub) Ahead(ctx context.Context, seen int64) error {
	if err := h.Look(ctx); err != nil {
		return err
	}
	return h.alone(ctx, func() error { return h.ahead(ctx, seen) })
}

func (h *Hub) ahead(ctx context.Context, seen int64) error {
	v := h.View()
	if seen <= v.Head {
		return nil
	}
	ours, _ := rule.Split(v.Head)
	theirs, _ := rule.Split(seen)
	now := time.Now()
	if theirs > ours+tellAhead || !h.told.IsZero() && now.Sub(h.told) < tellEvery {
		return ErrAhead
	}
	h.told, h.why = now, RaisedByFollower
	if _, err := h.store.RaiseEpoch(ctx, seen, Raise{h.now(), RaisedByFollower}); err != nil {
		return fmt.Errorf("raise epoch: %w", err)
	}
	return h.look(ctx)
}

// NewEpoch begins an epoch in any case: an operator knows that the log was set
// back.
func (h *Hub) NewEpoch(ctx context.Context) error {
	log, err := h.store.Log(ctx)
	if err != nil {
		return fmt.Errorf("read revocation log: %w", err)
	}
	return h.alone(ctx, func() error {
		h.why = RaisedByOperator
		if _, err := h.store.RaiseEpoch(ctx, rule.Seq(log.Epoch, rule.LastOfEpoch), Raise{h.now(), RaisedByOperator}); err != nil {
			return fmt.Errorf("raise epoch: %w", err)
		}
		return h.look(ctx)
	})
}

// recover takes over from a log that was set back, or whose epoch somebody
// else has raised already. Nothing of it is visible here before all is done,
// so that it is done again when it fails half-way.
func (h *Hub) recover(ctx context.Context, v *View) error {
	// Whoever's request it was that looked, it has done nothing of this.
	ctx = event.From(ctx, event.Origin{})
	// In any case, as it may have come further than the view again.
	epoch, _ := rule.Split(v.Head)
	if _, err := h.store.RaiseEpoch(ctx, rule.Seq(epoch, rule.LastOfEpoch), Raise{h.now(), RaisedBySetBack}); err != nil {
		return fmt.Errorf("raise epoch: %w", err)
	}
	found, _, err := h.readAll(ctx)
	if err != nil {
		return err
	}
	lost, strange := h.doubtful(v, found)
	if err := h.repeatAll(ctx, lost, strange); err != nil {
		return err
	}
	found, head, err := h.readAll(ctx)
	if err != nil {
		return err
	}
	h.add(found)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.view.Store(v.merge(found, head))
	h.raised, h.why = cmp.Or(h.why, RaisedBySetBack), ""
	h.dropAll() // they reconnect, and get a reset to take a snapshot
	return nil
}

// Raised is why the epoch rose last, as far as this process knows: what another
// one did looks like a log that was set back. Empty when it never did.
func (h *Hub) Raised() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.raised
}

func (h *Hub) readAll(ctx context.Context) (all []rule.Rule, head int64, err error) {
	for {
		var after int64
		if len(all) > 0 {
			after = all[len(all)-1].Seq
		}
		rules, head, err := h.store.Rules(ctx, after, pageSize)
		if err != nil {
			return nil, 0, fmt.Errorf("read revocation log: %w", err)
		}
		if all = append(all, rules...); len(all) > h.most {
			return nil, 0, ErrTooManyRules
		}
		if len(rules) < pageSize {
			return all, head, nil
		}
	}
}

// doubtful are the rules that tokens may not know of although their rvs is greater:
// those that the store has forgotten, and those that it has written at positions that
// had been used before. There are none unless the hub saw with its own eyes that the
// log was set back.
func (h *Hub) doubtful(v *View, found []rule.Rule) (lost, strange []rule.Rule) {
	living := live(h.age())
	stored := newView(0, v.Salt).append(found, v.Head)
	for r := range v.All {
		if living(r) && !stored.has(r) {
			lost = append(lost, r)
		}
	}
	epoch, _ := rule.Split(v.Head)
	for _, r := range found {
		of, _ := rule.Split(r.Seq)
		if of == epoch && r.Seq <= v.Head && living(r) && !v.has(r) {
			strange = append(strange, r)
		}
	}
	return lost, strange
}

// repeatAll writes rules anew, once whichever process does it first. What the
// lost ones ended lives again in the store; what the strange ones ended does not.
func (h *Hub) repeatAll(ctx context.Context, lost, strange []rule.Rule) error {
	for _, r := range lost {
		if err := h.repeat(ctx, r, r.Mode == rule.Hard); err != nil {
			return err
		}
	}
	for _, r := range strange {
		if err := h.repeat(ctx, r, false); err != nil {
			return err
		}
	}
	return nil
}

// repeat writes a rule anew, as a soft one: its position comes after tokens of
// sessions that have begun since, and they can refresh. What the rule was meant for
// has ended, so it cannot. A killed key has no tokens of this kind.
func (h *Hub) repeat(ctx context.Context, r rule.Rule, ends bool) error {
	e := Entry{
		Kind: r.Kind, Value: r.Value, Mode: rule.Soft, At: h.now(), Reason: "the log was set back",
		Client: "portaria", Key: fmt.Sprintf("repeat %d %s", r.Seq, r.At.UTC().Format(time.RFC3339Nano)),
	}
	if r.Kind == rule.Key {
		e.Mode = rule.Hard
	}
	if ends {
		e.Repeats = r.At
	}
	if _, err := h.store.Write(ctx, e); err != nil {
		return fmt.Errorf("repeat rule: %w", err)
	}
	return nil
}
