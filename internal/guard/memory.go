package guard

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// Memory are counters for one process. The zero value is not usable: call
// [NewMemory]. It is safe for concurrent use.
//
// It takes time from a clock that no change of the wall clock moves: a clock
// that is set must neither free budgets nor lock anybody out.
type Memory struct {
	now  func() time.Time
	most int

	mu      sync.Mutex // an attempt touches several budgets at once
	levels  map[string]*kept
	pairs   map[string]time.Time // until when each is remembered
	dirty   map[string]struct{}  // changed since the last Changed
	dropped int64
}

// kept is a budget with its limit, which says when it may be forgotten.
type kept struct {
	Level
	limit Limit
}

// maxBudgets bounds how many budgets and pairs a Memory keeps of each, some 100
// bytes for one.
const maxBudgets = 200_000

// pairTime is how long a pair is remembered.
const pairTime = time.Hour

// NewMemory returns counters that read the time from now, which must be steady:
// time.Now, whose readings have a monotonic part, is.
func NewMemory(now func() time.Time) *Memory {
	return &Memory{
		now: now, most: maxBudgets,
		levels: map[string]*kept{}, pairs: map[string]time.Time{}, dirty: map[string]struct{}{},
	}
}

// Take implements [Counters]. It returns no error.
func (m *Memory) Take(_ context.Context, charges []Charge, solved bool) (Verdict, error) {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	v := Verdict{Refused: -1, Levels: make([]float64, len(charges)), Counted: make([]bool, len(charges))}
	for i, c := range charges {
		is := c.Limit.At(m.level(c.Key), now)
		v.Levels[i], v.Counted[i] = is.Failed, c.Pair == "" || !now.Before(m.pairs[c.Pair])
		if v.Refused >= 0 {
			continue
		}
		if wait := c.Limit.Next(m.level(c.Key), now); wait > 0 && v.Counted[i] {
			v.Refused, v.Wait = i, wait
		} else if !solved && c.Challenge > 0 && is.Failed >= float64(c.Challenge) {
			v.Refused = i
		}
	}
	if v.Refused >= 0 {
		clear(v.Counted)
		return v, nil
	}
	for i, c := range charges {
		if v.Counted[i] {
			v.Levels[i]++
			m.put(c, Level{Failed: v.Levels[i], At: now})
		}
		if c.Pair != "" {
			m.remember(c.Pair, now)
		}
	}
	return v, nil
}

// level returns a budget as it was after its last attempt; a new one is empty.
func (m *Memory) level(key string) Level {
	if k := m.levels[key]; k != nil {
		return k.Level
	}
	return Level{}
}

func (m *Memory) put(c Charge, is Level) {
	if k := m.levels[c.Key]; k != nil {
		k.Level, k.limit = is, c.Limit
	} else {
		m.makeRoom(is.At)
		m.levels[c.Key] = &kept{is, c.Limit}
	}
	m.dirty[c.Key] = struct{}{}
}

func (m *Memory) remember(pair string, now time.Time) {
	if _, known := m.pairs[pair]; !known && len(m.pairs) >= m.most {
		// Any one: a pair that is forgotten is counted once more.
		for old := range m.pairs {
			delete(m.pairs, old)
			break
		}
	}
	m.pairs[pair] = now.Add(pairTime)
}

// swept is how many budgets are looked at for each new one, so that the work of
// forgetting is spread.
const swept = 4

// makeRoom forgets budgets that are as good as new. When all are in use it
// drops the one of a few that is closest to being so.
func (m *Memory) makeRoom(now time.Time) {
	if len(m.levels) < m.most/2 {
		return
	}
	var best string
	var least time.Duration
	looked := 0
	for key, k := range m.levels { // in an order that differs each time
		left := k.limit.Idle(k.Failed) - now.Sub(k.At)
		if left <= 0 {
			m.forget(key)
			continue
		}
		if best == "" || left < least {
			best, least = key, left
		}
		if looked++; looked >= swept {
			break
		}
	}
	if len(m.levels) >= m.most {
		m.dropped++
		m.forget(best)
	}
}

func (m *Memory) forget(key string) {
	delete(m.levels, key)
	m.dirty[key] = struct{}{}
}

// Refund implements [Counters]. It returns no error.
func (m *Memory) Refund(_ context.Context, charges []Charge) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range charges {
		if k := m.levels[c.Key]; k != nil {
			k.Failed = max(0, k.Failed-1)
			m.dirty[c.Key] = struct{}{}
		}
		delete(m.pairs, c.Pair)
	}
	return nil
}

// Levels implements [Counters]. It returns no error.
func (m *Memory) Levels(_ context.Context, charges []Charge) ([]float64, []time.Duration, error) {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	levels, waits := make([]float64, len(charges)), make([]time.Duration, len(charges))
	for i, c := range charges {
		was := m.level(c.Key)
		levels[i], waits[i] = c.Limit.At(was, now).Failed, c.Limit.Next(was, now)
	}
	return levels, waits, nil
}

// Clear implements [Counters]. It returns no error.
func (m *Memory) Clear(_ context.Context, keys []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, key := range keys {
		m.forget(key)
	}
	return nil
}

// Dropped returns how many budgets were forgotten early, because there were too
// many. An operator should know: those who were counted there have a new budget.
func (m *Memory) Dropped() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dropped
}

// Saved is a budget as it rests in a store.
type Saved struct {
	Key    string
	Failed float64 // zero: it is forgotten
	Ago    time.Duration
	Limit  Limit
}

// Changed returns up to most budgets that changed since they were last
// returned, for a store that keeps them across a restart.
func (m *Memory) Changed(most int) []Saved {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	var saved []Saved
	for key := range m.dirty {
		if len(saved) == most {
			break
		}
		delete(m.dirty, key)
		s := Saved{Key: key}
		if k := m.levels[key]; k != nil {
			s.Failed, s.Ago, s.Limit = k.Failed, now.Sub(k.At), k.limit
		}
		saved = append(saved, s)
	}
	slices.SortFunc(saved, func(a, b Saved) int { return strings.Compare(a.Key, b.Key) })
	return saved
}

// Unsaved says that budgets which Changed returned were not saved.
func (m *Memory) Unsaved(lost []Saved) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range lost {
		m.dirty[s.Key] = struct{}{}
	}
}

// Restore brings back budgets after a start. Those that are counted already stay.
func (m *Memory) Restore(saved []Saved) {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range saved {
		if m.levels[s.Key] == nil && s.Failed > 0 && len(m.levels) < m.most {
			// A store's clock that was set back must not make a wait longer.
			m.levels[s.Key] = &kept{Level{s.Failed, now.Add(-max(0, s.Ago))}, s.Limit}
		}
	}
}

// Store keeps the budgets of a Memory across a restart.
type Store interface {
	// SaveBudgets keeps budgets, and forgets those with no failed attempt. now is
	// the time from which they count back.
	SaveBudgets(ctx context.Context, saved []Saved, now time.Time) error
	// Budgets returns up to most of those that are not as good as new at now, the
	// ones that last longest first.
	Budgets(ctx context.Context, now time.Time, most int) ([]Saved, error)
	// PruneBudgets deletes those that are as good as new at t.
	PruneBudgets(ctx context.Context, t time.Time) (int, error)
}
