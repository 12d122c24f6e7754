package rules

import (
	"errors"
	"slices"
	"sort"
	"sync/atomic"
	"unsafe"
)

// Max bounds the rules of a table: more than that is no log but an attack. They
// take half a gigabyte.
const Max = 8 << 20

// ErrTooMany reports a log with more than Max live rules.
var ErrTooMany = errors.New("rules: too many rules")

// Set is the rules that are known, and how they change. One goroutine writes,
// any number read.
type Set struct {
	table atomic.Pointer[Table]
	live  int // slots in use
	most  int // Max, less in tests
	times []written
}

// NewSet returns a set without rules.
func NewSet() *Set {
	s := &Set{most: Max}
	s.table.Store(newTable(leastSlots, newest(nil)))
	return s
}

const leastSlots = 256

// Table is what to look tokens up in now. It is not to be kept: another takes its slot
// when it is full.
func (s *Set) Table() *Table { return s.table.Load() }

// Len is the number of rules, with those that could be pruned. For the writer.
func (s *Set) Len() int { return s.live }

// Size is the memory that the rules take, in bytes. For the writer.
func (s *Set) Size() int {
	t := s.table.Load()
	return len(t.slots)*int(unsafe.Sizeof(slot{})) + len(t.filter)*8 + cap(s.times)*int(unsafe.Sizeof(written{}))
}

// Merge adds rules, in any order and any number of times: of two about the same with
// the same mode the greater position and the later time of pruning remain. No rule is
// ever removed early. What can be pruned at now, in seconds since 1970, is left out
// when it costs nothing. An error wraps ErrTooMany; what was merged by then remains.
func (s *Set) Merge(rules []Rule, now int64) error {
	epochs, count := epochsOf(rules), len(rules)
	if s.live+count > s.most {
		count = s.table.Load().lacks(rules, now)
	}
	if err := s.room(count, epochs, now); err != nil {
		return err
	}
	for i := range rules {
		s.wrote(rules[i].Seq, rules[i].At)
	}
	s.publishTimes()
	t := s.table.Load() // room has made it large enough for all of them
	for i := range rules {
		s.merge(t, &rules[i])
	}
	if len(t.slots) > max(leastSlots, 4*s.live) { // much of it was there before
		return s.rebuild(0, nil, now)
	}
	return nil
}

// lacks counts the slots that rules need in addition to the live ones. Rules that
// the table has, and repetitions within the list, need none: a new snapshot
// repeats what is known. Expired rules of the table do not count as known, because
// a rebuild drops them.
func (t *Table) lacks(rules []Rule, now int64) int {
	type name struct {
		key  Key
		soft bool
	}
	missing := map[name]struct{}{}
	for i := range rules {
		if n := (name{rules[i].Key, rules[i].Soft}); !t.has(n.key, n.soft, now) {
			missing[n] = struct{}{}
		}
	}
	return len(missing)
}

// has reports whether the table has a live rule about a key, of that mode.
func (t *Table) has(k Key, soft bool, now int64) bool {
	for at := t.start(k); ; at++ {
		if at == len(t.slots) {
			at = 0
		}
		m := meta(t.slots[at].meta.Load())
		if m == 0 {
			return false
		}
		if m.soft() == soft && t.slots[at].hi.Load() == k.hi && t.slots[at].lo.Load() == k.lo {
			return m.prune() > now
		}
	}
}

// epochsOf lists the epochs of rules.
func epochsOf(rules []Rule) (epochs []int64) {
	last := int64(-1)
	for i := range rules {
		if e := rules[i].Seq >> 32; e != last {
			if last = e; !slices.Contains(epochs, e) {
				epochs = append(epochs, e)
			}
		}
	}
	return epochs
}

// room makes room for rules and their epochs. Most batches are small and fit.
func (s *Set) room(count int, epochs []int64, now int64) error {
	t := s.table.Load()
	unknown := slices.ContainsFunc(epochs, func(e int64) bool {
		_, ok := slices.BinarySearch(t.epochs[:], e)
		return !ok
	})
	if !unknown && s.live+count <= s.most && 2*(s.live+count) <= len(t.slots) {
		return nil
	}
	return s.rebuild(count, epochs, now)
}

// rebuild makes another table with room for more rules, in which nothing is that can
// be pruned, and installs it.
func (s *Set) rebuild(more int, epochs []int64, now int64) error {
	old := s.table.Load()
	live, epochs := 0, slices.Clone(epochs)
	for r := range old.Rules {
		if r.Prune > now {
			live++
			if e := r.Seq >> 32; !slices.Contains(epochs, e) {
				epochs = append(epochs, e)
			}
		}
	}
	if live+more > s.most {
		return ErrTooMany
	}
	// A tenth more than needed, so that a table that grows is not made anew
	// each time, and still takes less than 60 bytes a rule.
	capacity := max(leastSlots, (live+more)*22/10)
	t := newTable(capacity, newest(epochs))
	s.live = 0
	least := int64(1<<63 - 1)
	for r := range old.Rules {
		if r.Prune > now {
			least = min(least, r.Seq)
			s.merge(t, &r)
		}
	}
	s.forgetTimes(least)
	t.times.Store(old.times.Load())
	s.table.Store(t)
	s.publishTimes()
	return nil
}

// newest lists epochs in order. There are never as many as fit; if there are,
// rules of the oldest count as of the next one: more is refused, never less.
func newest(epochs []int64) (list [maxEpochs]int64) {
	slices.Sort(epochs)
	if len(epochs) > maxEpochs {
		epochs = epochs[len(epochs)-maxEpochs:]
	}
	for i := range list {
		list[i] = 1<<31 + int64(i) // above all, so that the list is in order
	}
	copy(list[:], epochs)
	return list
}

// merge puts one rule into a table that has room for it.
func (s *Set) merge(t *Table, r *Rule) {
	m := t.pack(r)
	for at := t.start(r.Key); ; at++ {
		if at == len(t.slots) {
			at = 0
		}
		sl := &t.slots[at]
		old := meta(sl.meta.Load())
		if old == 0 {
			sl.hi.Store(r.Key.hi)
			sl.lo.Store(r.Key.lo)
			sl.meta.Store(uint64(m))
			word, set := t.filterWord(r.Key)
			word.Store(word.Load() | set)
			s.live++
			return
		}
		if old.soft() == r.Soft && sl.hi.Load() == r.Key.hi && sl.lo.Load() == r.Key.lo {
			sl.meta.Store(uint64(old.with(m)))
			return
		}
	}
}

// pack is a rule as a meta of this table.
func (t *Table) pack(r *Rule) meta {
	e, n := r.Seq>>32, uint64(r.Seq&(1<<32-1))
	index := sort.Search(maxEpochs, func(i int) bool { return t.epochs[i] >= e })
	m := uint64(index)<<32<<seqShift | n<<seqShift | uint64(r.Kind)<<pruneBits | packPrune(r.Prune)
	if r.Soft {
		m |= softBit
	}
	return meta(m)
}

// with returns the greater position and the later pruning of two rules about the same.
func (m meta) with(other meta) meta {
	prune := max(m&pruneNever, other&pruneNever)
	if other.place() > m.place() {
		m = other
	}
	return m&^pruneNever | prune
}

// Sweep gives back the memory of what can be pruned at now, if it is worth it.
func (s *Set) Sweep(now int64) {
	old := 0
	for r := range s.table.Load().Rules {
		if r.Prune <= now {
			old++
		}
	}
	if old > 0 && old >= s.live/8 {
		_ = s.rebuild(0, nil, now) // less than before cannot be too many
	}
}

// wrote notes when a rule was written. The list rises in both: a rule counts as
// written no earlier than those before it, whatever a clock said. So it holds a
// place for each second of the log at most, and does not depend on the order in
// which rules came.
func (s *Set) wrote(seq, at int64) {
	i := sort.Search(len(s.times), func(i int) bool { return s.times[i].seq > seq })
	if i > 0 && s.times[i-1].at >= at {
		return
	}
	if i == len(s.times) {
		// Readers hold the list up to its former length, and see nothing of this.
		s.times = append(s.times, written{seq, at})
		return
	}
	end := i
	for end < len(s.times) && s.times[end].at <= at {
		end++
	}
	kept := i
	if i > 0 && s.times[i-1].seq == seq {
		kept--
	}
	s.times = slices.Concat(s.times[:kept], []written{{seq, at}}, s.times[end:])
}

// forgetTimes drops what was written before all rules that are left.
func (s *Set) forgetTimes(least int64) {
	i := sort.Search(len(s.times), func(i int) bool { return s.times[i].seq > least })
	s.times = slices.Clone(s.times[max(i-1, 0):])
}

func (s *Set) publishTimes() {
	times := s.times
	s.table.Load().times.Store(&times)
}
