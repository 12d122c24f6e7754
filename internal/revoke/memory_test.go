package revoke_test

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/portaria/portaria/internal/revoke"
	"github.com/portaria/portaria/internal/revoke/rule"
)

// memory is a log that keeps its promises in memory, for tests of the hub
// that let hours pass.
type memory struct {
	mu       sync.Mutex
	epoch, n int64
	rules    []rule.Rule
	requests map[string]rule.Rule
	entries  []revoke.Entry
	raised   []string
	looks    int
	fail     error
	delay    atomic.Int64 // of each reading, in nanoseconds
}

func newMemory() *memory { return &memory{epoch: 1, requests: map[string]rule.Rule{}} }

func (m *memory) head() int64 { return rule.Seq(m.epoch, m.n) }

func (m *memory) Log(context.Context) (revoke.Head, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return revoke.Head{Epoch: m.epoch, Seq: m.head(), Salt: [revoke.SaltSize]byte{1}}, m.fail
}

func (m *memory) Rules(_ context.Context, after int64, limit int) ([]rule.Rule, int64, error) {
	<-time.After(time.Duration(m.delay.Load())) // before the snapshot is taken: what is slow is the way there
	m.mu.Lock()
	defer m.mu.Unlock()
	m.looks++
	i, _ := slices.BinarySearchFunc(m.rules, after+1, func(r rule.Rule, seq int64) int { return int(r.Seq - seq) })
	list := slices.Clone(m.rules[i:min(i+limit, len(m.rules))])
	return list, m.head(), m.fail
}

func (m *memory) Write(_ context.Context, e revoke.Entry) (rule.Rule, error) {
	if err := e.Check(); err != nil {
		return rule.Rule{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	request := e.Client + "\x00" + e.Key
	if r, ok := m.requests[request]; ok && e.Key != "" {
		return r, nil
	}
	m.entries = append(m.entries, e)
	m.n++
	r := rule.Rule{Seq: m.head(), Kind: e.Kind, Value: e.Value, Mode: e.Mode, At: e.At, Prune: e.At.Add(time.Hour)}
	m.rules = append(m.rules, r)
	m.requests[request] = r
	return r, m.fail
}

func (m *memory) RaiseEpoch(_ context.Context, seen int64, why revoke.Raise) (revoke.Head, error) {
	m.mu.Lock()
	if m.head() < seen {
		epoch, _ := rule.Split(seen)
		m.epoch, m.n = max(m.epoch, epoch)+1, 0
		m.raised = append(m.raised, why.Reason)
	}
	m.mu.Unlock()
	return m.Log(context.Background())
}

func (m *memory) PruneRules(_ context.Context, t time.Time) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := len(m.rules)
	m.rules = slices.DeleteFunc(m.rules, func(r rule.Rule) bool { return r.Prune.Before(t) })
	return before - len(m.rules), nil
}

// backup is the log as it stands; restore puts it back.
func (m *memory) backup() *memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &memory{epoch: m.epoch, n: m.n, rules: slices.Clone(m.rules)}
}

func (m *memory) restore(b *memory) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.epoch, m.n, m.rules = b.epoch, b.n, slices.Clone(b.rules)
	m.requests = map[string]rule.Rule{}
}

func (m *memory) lookedUp() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.looks
}

func (m *memory) failWith(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = err
}

// revoke writes a rule about a session.
func (m *memory) revoke(session string) rule.Rule {
	r, err := m.Write(context.Background(), revoke.Entry{Kind: rule.Session, Value: session, Mode: rule.Hard, At: time.Now()})
	if err != nil {
		panic(err)
	}
	return r
}

func (m *memory) revokeMany(n int) {
	for i := range n {
		m.revoke("s" + strconv.Itoa(i))
	}
}
