package revoke

import (
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/portaria/portaria/internal/revoke/rule"
)

// chunkSize is how many rules a full batch of the past holds.
const chunkSize = 512

// catchUpChunks is how many batches a follower gets to catch up with, about
// 10,000 rules; with a snapshot it is faster from there on.
const catchUpChunks = 20

// Batch is a part of the log: every rule after From up to To that can still
// refuse a token. It never changes.
type Batch struct {
	From, To int64
	Rules    []rule.Rule

	frame, lines shared
}

// shared is made once, by the first caller.
type shared struct {
	once  sync.Once
	bytes []byte
}

func (s *shared) get(b *Batch, encode func(*Batch) []byte) []byte {
	s.once.Do(func() { s.bytes = encode(b) })
	return s.bytes
}

// Frame is the batch as it goes to followers: encode is called once, whoever
// asks, and all who ask share the bytes.
func (b *Batch) Frame(encode func(*Batch) []byte) []byte { return b.frame.get(b, encode) }

// Lines is the batch as a part of a snapshot, shared likewise.
func (b *Batch) Lines(encode func(*Batch) []byte) []byte { return b.lines.get(b, encode) }

// View is the log up to a position, without the rules that can refuse no token any
// more. It never changes.
type View struct {
	// Head is the last position; Salt goes into every hash.
	Head int64
	Salt []byte

	// chunks are full and follow each other; tail is what comes after them.
	// Both grow without a copy: a view looks at its own length only.
	chunks []*Batch
	tail   []rule.Rule
	last   *Batch
}

func newView(head int64, salt []byte) *View {
	v := &View{Head: head, Salt: salt}
	v.last = &Batch{To: head}
	return v
}

// sealed is the position up to which chunks reach.
func (v *View) sealed() int64 {
	if len(v.chunks) == 0 {
		return 0
	}
	return v.chunks[len(v.chunks)-1].To
}

// append answers the view that follows this one: with more rules, by Seq, and
// up to another head. Only the youngest view may be followed.
func (v *View) append(rules []rule.Rule, head int64) *View {
	next := &View{Head: head, Salt: v.Salt, chunks: v.chunks, tail: append(v.tail, rules...)}
	for len(next.tail) >= chunkSize {
		full := next.tail[:chunkSize:chunkSize]
		next.chunks = append(next.chunks, &Batch{From: next.sealed(), To: full[chunkSize-1].Seq, Rules: full})
		next.tail = next.tail[chunkSize:]
	}
	next.last = &Batch{From: next.sealed(), To: head, Rules: next.tail}
	return next
}

// Len is how many rules there are.
func (v *View) Len() int { return len(v.chunks)*chunkSize + len(v.tail) }

// Batches are the whole view. All but the last are shared with the views that
// follow.
func (v *View) Batches() []*Batch { return append(slices.Clone(v.chunks), v.last) }

// All yields every rule, by Seq.
func (v *View) All(yield func(rule.Rule) bool) {
	for _, b := range v.Batches() {
		for _, r := range b.Rules {
			if !yield(r) {
				return
			}
		}
	}
}

// Find returns the rule at a position, while it lives.
func (v *View) Find(seq int64) (rule.Rule, bool) {
	i := sort.Search(len(v.chunks), func(i int) bool { return v.chunks[i].To >= seq })
	rules := v.tail
	if i < len(v.chunks) {
		rules = v.chunks[i].Rules
	}
	if j := after(rules, seq-1); j < len(rules) && rules[j].Seq == seq {
		return rules[j], true
	}
	return rule.Rule{}, false
}

// keep answers a view of the same head with those rules alone that live, and
// the others.
func (v *View) keep(live func(rule.Rule) bool) (kept *View, gone int) {
	var rules []rule.Rule
	for r := range v.All {
		if live(r) {
			rules = append(rules, r)
		}
	}
	return newView(0, v.Salt).append(rules, v.Head), v.Len() - len(rules)
}

// merge answers a view with further rules anywhere; those that it has are
// passed over.
func (v *View) merge(rules []rule.Rule, head int64) *View {
	all := slices.Collect(v.All)
	for _, r := range rules {
		if !v.has(r) {
			all = append(all, r)
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Seq < all[j].Seq })
	return newView(0, v.Salt).append(all, max(head, v.Head))
}

// has reports whether the very same rule is there; a store that was set back may have
// written another one at its position.
func (v *View) has(r rule.Rule) bool {
	i := sort.Search(len(v.chunks), func(i int) bool { return v.chunks[i].To >= r.Seq })
	rules := v.tail
	if i < len(v.chunks) {
		rules = v.chunks[i].Rules
	}
	for j := after(rules, r.Seq-1); j < len(rules) && rules[j].Seq == r.Seq; j++ {
		if rules[j].Same(r) {
			return true
		}
	}
	return false
}

// latest is the last rule of a batch, if no store can have dropped it yet,
// whatever its clock says.
func (b *Batch) latest(now time.Time) (rule.Rule, bool) {
	if len(b.Rules) == 0 {
		return rule.Rule{}, false
	}
	r := b.Rules[len(b.Rules)-1]
	return r, live(now.Add(rule.PruneMargin))(r)
}

// after returns the index of the first rule after a position.
func after(rules []rule.Rule, seq int64) int {
	return sort.Search(len(rules), func(i int) bool { return rules[i].Seq > seq })
}

// Floor is the position after which a follower can continue without a snapshot.
func (v *View) Floor() int64 {
	if len(v.chunks) <= catchUpChunks {
		return 0
	}
	return v.chunks[len(v.chunks)-catchUpChunks-1].To
}

// Resumes reports whether a follower that has applied everything up to a position can
// go on with After. Otherwise it needs a snapshot: too much has happened, or its
// position is not one of this epoch, or lies ahead. A new follower, at 0, is of every
// epoch.
func (v *View) Resumes(seq int64) bool {
	theirs, _ := rule.Split(seq)
	ours, _ := rule.Split(v.Head)
	return (seq == 0 || theirs == ours) && v.Floor() <= seq && seq <= v.Head
}

// After returns the batches from a position up to the head. All but the first are
// shared by everybody who asks.
func (v *View) After(seq int64) []*Batch {
	if seq >= v.Head {
		return nil
	}
	first := sort.Search(len(v.chunks), func(i int) bool { return v.chunks[i].To > seq })
	list := slices.Clone(v.chunks[first:])
	if v.Head > v.sealed() {
		list = append(list, v.last)
	}
	if b := list[0]; b.From != seq {
		list[0] = &Batch{From: seq, To: b.To, Rules: b.Rules[after(b.Rules, seq):]}
	}
	return list
}
