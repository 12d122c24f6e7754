package guard

// Bound sets how many budgets and pairs are kept of each.
func (m *Memory) Bound(most int) { m.most = most }

// Size is how many budgets and pairs are kept.
func (m *Memory) Size() (budgets, pairs int) { return len(m.levels), len(m.pairs) }
