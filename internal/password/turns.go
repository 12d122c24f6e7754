package password

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Caller says who waits for a hash. The zero value is a caller whose address is
// not known: all of those share one line.
type Caller struct {
	// Network is where the caller is: the /24 of an IPv4 address, the /48 of an IPv6
	// address.
	Network netip.Prefix
	// Known says that the caller's device has signed in to the account before. It comes
	// first among those who have had no turn.
	Known bool
}

// NetworkOf returns the Network of an address.
func NetworkOf(address netip.Addr) netip.Prefix {
	address = address.Unmap().WithZone("")
	bits := 24
	if address.Is6() {
		bits = 48
	}
	network, _ := address.Prefix(bits) // the zero value for the zero address
	return network
}

type callerKey struct{}

// For returns a context whose hashes wait as those of a caller.
func For(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

func callerOf(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// turns gives slots to those who wait. Each network has a line of its own, and the
// line with the fewest hashes under way is next; so somebody in another network
// waits for one hash, however many wait in the longest line. When the queue is
// full, the last of the longest line leaves for somebody whose line is shorter.
type turns struct {
	most int // how many may wait

	mu      sync.Mutex
	idle    []*slot
	lines   map[Caller]*line
	count   int    // of those who wait, without background work
	served  uint64 // how many slots were given
	arrived uint64 // how many had to wait
	closed  bool
	back    chan *slot // takes the slots after the end
	size    int
}

// line is those of one network who wait, the first in front.
type line struct {
	caller  Caller
	waiting []*waiter
	running int    // hashes under way
	last    uint64 // when it was served, counted in slots
	// background is work that nobody waits for. It counts as a network of its own, and
	// needs no seat in the queue.
	background bool
}

type waiter struct {
	line   *line
	number uint64       // in the order of arrival
	ready  chan outcome // holds one
}

// errFull says that the queue is full, or that the wait took too long.
var errFull = errors.New("the queue of hashes is full")

type outcome struct {
	slot *slot
	err  error
}

func newTurns(slots, most int) *turns {
	return &turns{most: most, lines: map[Caller]*line{}, back: make(chan *slot, slots), size: slots}
}

// wait returns a slot when it is the caller's turn. It returns errFull
// if there is no seat in the queue, if the seat went to somebody with a shorter line,
// and at the deadline. A deadline of zero is none.
func (t *turns) wait(ctx context.Context, c Caller, background bool, deadline time.Duration) (*slot, error) {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return nil, ErrClosed
	}
	l := t.line(c, background)
	if n := len(t.idle); n > 0 { // then nobody waits
		s := t.idle[n-1]
		t.idle = t.idle[:n-1]
		t.serve(l, s)
		t.mu.Unlock()
		return s, nil
	}
	if !background && !t.seat(l) {
		t.leave(l)
		t.mu.Unlock()
		return nil, errFull
	}
	t.arrived++
	w := &waiter{line: l, number: t.arrived, ready: make(chan outcome, 1)}
	l.waiting = append(l.waiting, w)
	if !background {
		t.count++
	}
	t.mu.Unlock()

	var late <-chan time.Time
	if deadline > 0 {
		timer := time.NewTimer(deadline)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case got := <-w.ready:
		return got.slot, got.err
	case <-ctx.Done():
		return nil, t.cancel(w, ctx.Err())
	case <-late:
		return nil, t.cancel(w, errFull)
	}
}

// line returns the line of a caller. The lock is held.
func (t *turns) line(c Caller, background bool) *line {
	if background {
		c = Caller{Network: netip.PrefixFrom(netip.IPv4Unspecified(), 0)} // no caller has it
	}
	l := t.lines[c]
	if l == nil {
		l = &line{caller: c, background: background}
		t.lines[c] = l
	}
	return l
}

// seat reports whether one more may wait in a line. In a full queue somebody must
// leave for that: the last of the longest line, if it stays as long as this one. A
// known device may take the seat of a stranger whose line is as long as its own will
// be. Nobody can get more seats than that, so no caller can empty the lines of others.
// The lock is held.
func (t *turns) seat(l *line) bool {
	if t.count < t.most {
		return true
	}
	var longest *line
	for _, other := range t.lines {
		if !other.background && (longest == nil || other.longer(longest)) {
			longest = other
		}
	}
	own := len(l.waiting) + 1
	if l.caller.Known && longest != nil && !longest.caller.Known {
		own--
	}
	if longest == nil || len(longest.waiting) <= own {
		return false
	}
	w := longest.waiting[len(longest.waiting)-1]
	t.remove(w)
	t.leave(longest)
	w.ready <- outcome{err: errFull}
	return true
}

// longer reports whether more wait in a line than in another one. Of two equals, it is
// that of strangers.
func (l *line) longer(other *line) bool {
	if len(l.waiting) != len(other.waiting) {
		return len(l.waiting) > len(other.waiting)
	}
	return !l.caller.Known && other.caller.Known
}

// cancel ends a wait. A slot that came at the same moment goes to the next.
func (t *turns) cancel(w *waiter, why error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case got := <-w.ready:
		if got.slot != nil {
			t.take(got.slot)
		}
	default:
		t.remove(w)
		t.leave(w.line)
	}
	return why
}

func (t *turns) remove(w *waiter) {
	l := w.line
	if i := slices.Index(l.waiting, w); i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
		if !l.background {
			t.count--
		}
	}
}

// leave forgets a line that has nobody. The lock is held.
func (t *turns) leave(l *line) {
	if len(l.waiting) == 0 && l.running == 0 {
		delete(t.lines, l.caller)
	}
}

// serve notes that a line has a slot. The lock is held.
func (t *turns) serve(l *line, s *slot) {
	t.served++
	l.running, l.last, s.line = l.running+1, t.served, l
}

// give takes a slot back and gives it to the next.
func (t *turns) give(s *slot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.take(s)
}

// take is give with the lock held.
func (t *turns) take(s *slot) {
	if l := s.line; l != nil {
		l.running--
		s.line = nil
		t.leave(l)
	}
	if t.closed {
		t.back <- s
		return
	}
	var next *line
	for _, l := range t.lines {
		if len(l.waiting) > 0 && (next == nil || l.before(next)) {
			next = l
		}
	}
	if next == nil {
		t.idle = append(t.idle, s)
		return
	}
	w := next.waiting[0]
	t.remove(w)
	t.serve(next, s)
	w.ready <- outcome{slot: s}
}

// before reports whether a line is next rather than another one: the one with fewer
// hashes under way, then the one that was served earlier, then that of a known
// device, then the one whose first caller came earlier. Somebody waits in both.
func (l *line) before(other *line) bool {
	switch {
	case l.running != other.running:
		return l.running < other.running
	case l.last != other.last:
		return l.last < other.last
	case l.caller.Known != other.caller.Known:
		return l.caller.Known
	default:
		return l.waiting[0].number < other.waiting[0].number
	}
}

// end sends away those who wait, and returns each slot when its hash is done.
func (t *turns) end(each func(*slot)) {
	t.mu.Lock()
	t.closed = true
	for _, l := range t.lines {
		for _, w := range l.waiting {
			w.ready <- outcome{err: ErrClosed}
		}
		l.waiting = nil
	}
	t.count = 0
	for _, s := range t.idle {
		t.back <- s
	}
	t.idle = nil
	t.mu.Unlock()
	for range t.size {
		each(<-t.back)
	}
}
