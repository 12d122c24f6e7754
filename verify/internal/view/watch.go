package view

import (
	"context"
	"sync"
	"time"

	"github.com/portaria/portaria/internal/background"
	"github.com/portaria/portaria/verify/internal/refusal"
	"github.com/portaria/portaria/verify/internal/rules"
)

// Watches are the connections that end when a rule lands. They are found by what
// the rule is about, so that many of them cost nothing. The zero Watches end in
// time and with their context only.
type Watches struct {
	view   *View // nil when nothing is followed
	panics *background.Panics

	mu   sync.Mutex
	by   map[rules.Key]*watchKey // the first watch of each key
	all  map[*watch]struct{}
	peak int // the most watches since the maps were made: maps never shrink
}

// leastPeak is the number of watches from which on memory is given back.
const leastPeak = 1024

type watch struct {
	token  Token
	cancel context.CancelCauseFunc
	keys   []watchKey // nil before the log's salt is known; under Watches.mu

	mu     sync.Mutex
	timer  *time.Timer
	unhook func() bool // from the context of the caller
}

// watchKey is one key of a watch, in the list of all watches with that key.
type watchKey struct {
	w          *watch
	key        rules.Key
	prev, next *watchKey
}

// NewWatches returns watches that no rule ends.
func NewWatches() *Watches { return &Watches{} }

// Watch returns a context that ends when a rule refuses the token, when the token
// expires after left, or with ctx. Its cause says which.
func (s *Watches) Watch(ctx context.Context, t Token, left time.Duration) (watched context.Context, stop func()) {
	watched, cancel := context.WithCancelCause(ctx)
	w := &watch{token: t, cancel: cancel}
	if s.view != nil {
		s.add(w)
	}
	s.expire(ctx, w, left)
	if s.view != nil {
		if err := s.view.Check(t); err != nil { // after it was added, so that no rule is missed
			s.end(w, err)
		}
	}
	return watched, func() { s.end(w, context.Canceled) }
}

// Len returns how many connections are watched, under how many keys, and for how
// many there is memory.
func (s *Watches) Len() (connections, keys, room int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all), len(s.by), s.peak
}

// expire has a watch end in time, and with the context of the caller.
func (s *Watches) expire(ctx context.Context, w *watch, left time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = s.panics.After(left, "expire watch", func() { s.end(w, refusal.ErrExpired) })
	w.unhook = s.panics.AfterDone(ctx, "end watch", func() { s.end(w, context.Cause(ctx)) })
}

// end ends a watch and releases its memory.
func (s *Watches) end(w *watch, cause error) {
	w.cancel(cause)
	w.mu.Lock()
	if w.timer != nil {
		w.timer.Stop()
		w.unhook()
	}
	w.mu.Unlock()
	s.remove(w)
}

// add registers a watch. It reads the salt with the lock held: index registers
// the watches that came before the salt.
func (s *Watches) add(w *watch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all, s.by = map[*watch]struct{}{}, map[rules.Key]*watchKey{}
	}
	s.all[w] = struct{}{}
	s.peak = max(s.peak, len(s.all))
	if salt := s.view.salt.Load(); salt != nil {
		s.enter(w, salt)
	}
}

func (s *Watches) enter(w *watch, salt *salt) {
	keys := salt.keys(w.token)
	w.keys = make([]watchKey, 0, len(keys)+1)
	for _, k := range append(keys[:], salt.issuer) {
		if k != (rules.Key{}) {
			w.keys = append(w.keys, watchKey{w: w, key: k})
		}
	}
	s.link(w)
}

// link adds a watch to the list of each of its keys.
func (s *Watches) link(w *watch) {
	for i := range w.keys {
		k := &w.keys[i]
		if k.prev, k.next = nil, s.by[k.key]; k.next != nil {
			k.next.prev = k
		}
		s.by[k.key] = k
	}
}

func (s *Watches) remove(w *watch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.all[w]; !ok {
		return
	}
	delete(s.all, w)
	for i := range w.keys {
		k := &w.keys[i]
		if k.next != nil {
			k.next.prev = k.prev
		}
		switch {
		case k.prev != nil:
			k.prev.next = k.next
		case k.next != nil:
			s.by[k.key] = k.next
		default:
			delete(s.by, k.key)
		}
	}
	if s.peak >= leastPeak && len(s.all) < s.peak/4 {
		s.shrink()
	}
}

// shrink makes new maps for the watches that are left.
func (s *Watches) shrink() {
	all := make(map[*watch]struct{}, len(s.all))
	s.by, s.peak = make(map[rules.Key]*watchKey), len(s.all)
	for w := range s.all {
		all[w] = struct{}{}
		s.link(w)
	}
	s.all = all
}

// index registers the watches that came before the salt of the log was known.
func (s *Watches) index() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.all {
		if w.keys == nil {
			s.enter(w, s.view.salt.Load())
		}
	}
}

// hit ends the watches that rules refuse.
func (s *Watches) hit(batch []rules.Rule) {
	for _, w := range s.among(batch) {
		if err := s.view.Check(w.token); err != nil {
			s.end(w, err)
		}
	}
}

// among returns the watches that rules may be about.
func (s *Watches) among(batch []rules.Rule) (found []*watch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(batch) > len(s.by) {
		for w := range s.all {
			found = append(found, w)
		}
		return found
	}
	for i := range batch {
		for k := s.by[batch[i].Key]; k != nil; k = k.next {
			found = append(found, k.w)
		}
	}
	return found
}
