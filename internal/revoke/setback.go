package revoke

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A log can be set back: an old backup is restored, or a replica that lags is
// made the master. Then places would be given away again, and what was written
// meanwhile would be forgotten. The epoch rises for the first, and rules that
// this process still knows are written again for the second.

const (
	// tellEvery and tellAhead bound what a lying client can do by telling of
	// places that never were: epochs are not endless.
	tellEvery = 10 * time.Minute
	tellAhead = 16
	// doubt is how long after its start a process repeats the rules that it
	// has seen written, when it then hears that the log was set back before.
	doubt = 10 * time.Minute
)

// ErrAhead says that a follower tells of a place that the log cannot have had,
// or tells again too soon.
var ErrAhead = errors.New("revocation: place beyond the log")

// setBack reports whether the head that the store tells of cannot follow ours.
func setBack(ours, theirs int64) bool {
	before, _ := Split(ours)
	now, _ := Split(theirs)
	return theirs < ours || ours != 0 && now != before
}

// Ahead makes the epoch rise when an authenticated follower knows a place that
// the log, looked at anew, has not reached: it was set back while nobody here
// was running. It returns nil when the follower was right, or is not ahead.
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
	ours, _ := Split(v.Head)
	theirs, _ := Split(seen)
	now := time.Now()
	if theirs > ours+tellAhead || !h.told.IsZero() && now.Sub(h.told) < tellEvery {
		return ErrAhead
	}
	h.told, h.doubting = now, true
	if _, err := h.store.RaiseEpoch(ctx, seen); err != nil {
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
		h.doubting = true
		if _, err := h.store.RaiseEpoch(ctx, Seq(log.Epoch, LastOfEpoch)); err != nil {
			return fmt.Errorf("raise epoch: %w", err)
		}
		return h.look(ctx)
	})
}

// recover takes over from a log that was set back, or whose epoch somebody
// else has raised already. Nothing of it is visible here before all is done,
// so that it is done again when it fails half-way.
func (h *Hub) recover(ctx context.Context, v *View) error {
	// In any case, as it may have come further than the view again.
	epoch, _ := Split(v.Head)
	if _, err := h.store.RaiseEpoch(ctx, Seq(epoch, LastOfEpoch)); err != nil {
		return fmt.Errorf("raise epoch: %w", err)
	}
	found, _, err := h.readAll(ctx)
	if err != nil {
		return err
	}
	for _, r := range h.doubtful(v, found) {
		if err := h.repeat(ctx, r); err != nil {
			return err
		}
	}
	found, head, err := h.readAll(ctx)
	if err != nil {
		return err
	}
	h.doubting = false
	h.add(found)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.view.Store(v.merge(found, head))
	h.dropAll() // they come back, and are told to take a snapshot
	return nil
}

func (h *Hub) readAll(ctx context.Context) (all []Rule, head int64, err error) {
	for {
		var after int64
		if len(all) > 0 {
			after = all[len(all)-1].Seq
		}
		rules, head, err := h.store.Rules(ctx, after, pageSize)
		if err != nil {
			return nil, 0, fmt.Errorf("read revocation log: %w", err)
		}
		if all = append(all, rules...); len(rules) < pageSize {
			return all, head, nil
		}
		if len(all) > MaxRules {
			return nil, 0, ErrTooManyRules
		}
	}
}

// doubtful are the rules that tokens may not know of although their rvs is
// greater: those that the store has forgotten, and those that it has written
// at places that had been given away before.
func (h *Hub) doubtful(v *View, found []Rule) []Rule {
	now := h.now()
	stored := newView(0, v.Salt).append(found, v.Head)
	var list []Rule
	for r := range v.All {
		if live(now)(r) && !stored.has(r) {
			list = append(list, r)
		}
	}
	epoch, _ := Split(v.Head)
	young := h.doubting && time.Since(h.start) < doubt
	for _, r := range found {
		of, _ := Split(r.Seq)
		if of == epoch && r.Seq <= v.Head && live(now)(r) && (!v.has(r) || young && r.Seq > h.opened) {
			list = append(list, r)
		}
	}
	return list
}

// repeat writes a rule anew, once whichever process does it first.
func (h *Hub) repeat(ctx context.Context, r Rule) error {
	_, err := h.store.Write(ctx, Entry{
		Kind: r.Kind, Value: r.Value, Mode: r.Mode, At: h.now(), Reason: "the log was set back",
		Client: "portaria", Key: fmt.Sprintf("repeat %d %s", r.Seq, r.At.UTC().Format(time.RFC3339Nano)),
	})
	if err != nil {
		return fmt.Errorf("repeat rule: %w", err)
	}
	return nil
}
