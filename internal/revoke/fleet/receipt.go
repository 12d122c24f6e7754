package fleet

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/portaria/portaria/internal/revoke/rule"
)

// Verifiers answers everybody who follows the log, from here or from another
// process, by client and name.
func (f *Fleet) Verifiers(ctx context.Context) ([]Verifier, error) {
	list, err := f.stored(ctx)
	if err != nil {
		return nil, fmt.Errorf("list verifiers: %w", err)
	}
	now := f.now()
	all := map[verifierName]Verifier{}
	for _, v := range list {
		all[v.name()] = v
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for n, v := range f.heard {
		lease, sent := max(v.Staleness, all[n].Staleness), v.Sent.Join(all[n].Sent)
		if !v.ForgetAt().Before(now) && !v.Seen.Before(all[n].Seen) {
			v.Staleness, v.Sent = lease, sent
			all[n] = v
		} else if stored, there := all[n]; there {
			stored.Sent = sent
			all[n] = stored
		}
	}
	return slices.SortedFunc(maps.Values(all), byName), nil
}

// stored reads the store. Many who call at once share readings, of which there
// is one at a time: none began before the call that it answers.
func (f *Fleet) stored(ctx context.Context) ([]Verifier, error) {
	called := time.Now()
	select {
	case f.reading <- struct{}{}:
		defer func() { <-f.reading }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if f.began.After(called) {
		return f.known, nil
	}
	began := time.Now()
	list, err := f.store.Verifiers(ctx, f.now())
	if err == nil {
		f.began, f.known = began, list
	}
	return list, err
}

// maxOpen bounds the verifiers that a receipt names.
const maxOpen = 20

// Receipt is what is known of one rule.
type Receipt struct {
	Seq int64
	// EffectiveBy is when the last verifier refuses, however bad the network:
	// each trusts its view for a bounded time.
	EffectiveBy time.Time
	// Confirmed were sent the rule and said that they applied it; Pending have not said so yet; Silent
	// have not been heard of for longer than they trust what they knew.
	Confirmed, Pending, Silent int
	// Open are the verifiers that did not confirm and may accept what they
	// cannot know. For them the promise does not hold. Only the first 20 are
	// named; OpenCount counts all.
	Open      []Verifier
	OpenCount int
}

// Receipt tells of a rule that was durable at a moment.
func (f *Fleet) Receipt(ctx context.Context, seq int64, durable time.Time) (Receipt, error) {
	list, err := f.Verifiers(ctx)
	if err != nil {
		return Receipt{}, err
	}
	r, lease, now := Receipt{Seq: seq}, DefaultStaleness, f.now()
	named := make(map[verifierName]Verifier, len(list))
	for _, v := range list {
		named[v.name()] = v
	}
	for _, v := range list {
		lease = max(lease, v.Staleness)
		confirmed := v.Seq >= seq && has(named, v, seq)
		switch {
		case confirmed:
			r.Confirmed++
		case v.Silent(now):
			r.Silent++
		default:
			r.Pending++
		}
		if !confirmed && v.WhenStale == StaleOpen {
			r.addOpen(v)
		}
	}
	r.EffectiveBy = durable.Add(lease)
	return r, nil
}

// ReceiptOf tells of a rule of which only the time is known that it bears. When
// it became durable is not kept: EffectiveBy is up to CommitTime later than in
// the receipt that whoever wrote it got, and holds as well.
func (f *Fleet) ReceiptOf(ctx context.Context, r rule.Rule) (Receipt, error) {
	return f.Receipt(ctx, r.Seq, r.At.Add(CommitTime))
}

func (r *Receipt) addOpen(v Verifier) {
	if r.OpenCount++; len(r.Open) < maxOpen {
		r.Open = append(r.Open, v)
	}
}
