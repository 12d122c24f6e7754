package rules

import (
	"math/bits"
	"sort"
	"sync/atomic"
)

// slot is one rule. Its key is written before meta, and never again: whoever
// sees a meta other than 0 sees the key of it.
type slot struct {
	meta   atomic.Uint64
	hi, lo atomic.Uint64
}

// meta packs all that may change into one word, so that readers never see half
// a change. From the top: 4 bits for which epoch (see Table.epochs), 32 for the
// place in it, 1 for soft, 3 for the kind and 24 for the time of pruning, in
// pruneUnits after pruneBase, rounded up; all ones mean never.
type meta uint64

const (
	pruneBits  = 24
	kindBits   = 3
	pruneBase  = 1_767_225_600 // 2026-01-01
	pruneUnit  = 32            // seconds; reaches until 2043
	pruneNever = 1<<pruneBits - 1
	softBit    = 1 << (pruneBits + kindBits)
	seqShift   = pruneBits + kindBits + 1
	maxEpochs  = 16
)

func packPrune(at int64) uint64 {
	return uint64(min(max(at-pruneBase+pruneUnit-1, pruneUnit)/pruneUnit, pruneNever))
}

func (m meta) prune() int64 {
	if m&pruneNever == pruneNever {
		return 1<<63 - 1
	}
	return pruneBase + int64(m&pruneNever)*pruneUnit
}

func (m meta) soft() bool { return m&softBit != 0 }
func (m meta) kind() Kind { return Kind(m >> pruneBits & (1<<kindBits - 1)) }

// place is the position in the log without the epoch's number.
func (m meta) place() uint64 { return uint64(m >> seqShift) }

// Table is the rules at one time, and those that are added until another takes
// its place. It is open addressing with half of the slots empty, behind two
// bits for each rule in one word of a filter that stays in the processor's
// cache: a token that no rule is about costs no access to memory.
type Table struct {
	slots  []slot
	filter []atomic.Uint64
	// epochs has the epoch of each index, rising. It never changes.
	epochs [maxEpochs]int64
	// times says when rules were written, for tokens that do not say what they
	// knew of the log.
	times atomic.Pointer[[]written]
}

// written says that the rules from seq on were written at this second, or
// earlier.
type written struct{ seq, at int64 }

const filterBits = 8 // for each rule, two of which it sets

func newTable(capacity int, epochs [maxEpochs]int64) *Table {
	t := &Table{slots: make([]slot, capacity), filter: make([]atomic.Uint64, capacity/2*filterBits/64+1), epochs: epochs}
	t.times.Store(&[]written{})
	return t
}

func (t *Table) seq(m meta) int64 {
	p := m.place()
	return t.epochs[p>>32]<<32 | int64(p&(1<<32-1))
}

// filterWord is the word of the filter for a key, and the bits in it. The slot
// is chosen by the other half of the key.
func (t *Table) filterWord(k Key) (*atomic.Uint64, uint64) {
	at, _ := bits.Mul64(k.lo, uint64(len(t.filter)))
	return &t.filter[at], 1<<(k.lo&63) | 1<<(k.lo>>6&63)
}

func (t *Table) maybe(k Key) bool {
	word, want := t.filterWord(k)
	return word.Load()&want == want
}

func (t *Table) start(k Key) int {
	at, _ := bits.Mul64(k.hi, uint64(len(t.slots)))
	return int(at)
}

// Check looks a token up. A key of the issuer's own, which is the same for all
// tokens, is given apart. Everything counts that is found: a token that two
// rules hit gets the harder answer.
func (t *Table) Check(k *Keys, issuer Key, s Standing) Verdict {
	var maybe [keys]bool
	for i := range k { // first, so that the memory is asked for all at once
		maybe[i] = t.maybe(k[i])
	}
	verdict := Stands
	for i := range k {
		if maybe[i] && k[i] != (Key{}) {
			verdict = max(verdict, t.find(k[i], s, i == SigningKey))
		}
	}
	if t.maybe(issuer) {
		verdict = max(verdict, t.find(issuer, s, false))
	}
	return verdict
}

// find is Check for one key, all of whose rules may lie in a row of slots.
func (t *Table) find(k Key, s Standing, absolute bool) Verdict {
	verdict := Stands
	for at := t.start(k); ; at++ {
		if at == len(t.slots) {
			at = 0
		}
		m := meta(t.slots[at].meta.Load())
		if m == 0 {
			return verdict
		}
		if t.slots[at].hi.Load() != k.hi || t.slots[at].lo.Load() != k.lo || !absolute && !t.hits(m, s) {
			continue
		}
		if !m.soft() {
			return Revoked
		}
		verdict = Soft
	}
}

// hits tells whether a token of a rule's scope is older than the rule.
func (t *Table) hits(m meta, s Standing) bool {
	if s.Revision >= 0 {
		return t.seq(m) > s.Revision
	}
	return s.IssuedAt <= t.writtenAt(t.seq(m))+1
}

// writtenAt is when a rule was written, or later.
func (t *Table) writtenAt(seq int64) int64 {
	times := *t.times.Load()
	i := sort.Search(len(times), func(i int) bool { return times[i].seq > seq })
	if i == 0 {
		return 1<<62 - 1 // not known: no token is younger
	}
	return times[i-1].at
}

// Rules calls yield for each rule until it returns false.
func (t *Table) Rules(yield func(Rule) bool) {
	for i := range t.slots {
		m := meta(t.slots[i].meta.Load())
		if m == 0 {
			continue
		}
		seq := t.seq(m)
		key := Key{t.slots[i].hi.Load(), t.slots[i].lo.Load()}
		if !yield(Rule{Seq: seq, Key: key, At: t.writtenAt(seq), Prune: m.prune(), Kind: m.kind(), Soft: m.soft()}) {
			return
		}
	}
}
