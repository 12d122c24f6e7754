package verify

import (
	"context"
	"sync"
	"time"

	"github.com/portaria/portaria/verify/internal/payload"
	"github.com/portaria/portaria/verify/internal/rules"
)

// watches are the connections that end when a rule lands. They are found by
// what the rule is about, so that many of them cost nothing.
type watches struct {
	mu   sync.Mutex
	by   map[rules.Key]*watchKey // the first of those with this key
	all  map[*watch]struct{}
	peak int // how many there were since the maps were made: maps never shrink
}

// leastPeak is how many watches are worth giving their memory back.
const leastPeak = 1024

type watch struct {
	r      *record
	cancel context.CancelCauseFunc
	keys   []watchKey // nil until the log's salt is known; under watches.mu

	mu     sync.Mutex
	timer  *time.Timer
	unhook func() bool // from the context of the caller
}

// watchKey is one key of a watch, in the list of all that have the same.
type watchKey struct {
	w          *watch
	key        rules.Key
	prev, next *watchKey
}

// Watch returns a context that ends when the token of the claims does: with
// [ErrRevoked] as its cause when a rule lands that refuses the token, and with
// [ErrExpired] when it expires. It is for what outlives a request: WebSockets,
// event streams, calls of gRPC. Call stop when the connection ends by itself.
// What a watch takes is given back when the token or the context ends, too.
//
// While the feed is stale nothing ends: whatever was revoked meanwhile does so
// as soon as the feed is back.
func (v *Verifier) Watch(ctx context.Context, c Claims) (watched context.Context, stop func()) {
	watched, cancel := context.WithCancelCause(ctx)
	if c.r == nil {
		cancel(ErrInvalid)
		return watched, func() {}
	}
	w := &watch{r: c.r, cancel: cancel}
	if v.follower != nil {
		v.watches.add(w, v.follower)
	}
	v.expire(ctx, w)
	if v.follower != nil {
		if err := v.follower.standing(c.r); err != nil { // after it was added: none falls between
			v.watches.end(w, err)
		}
	}
	return watched, func() { v.watches.end(w, context.Canceled) }
}

// expire ends a watch in time, and with the context of the caller.
func (v *Verifier) expire(ctx context.Context, w *watch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	left := w.r.dates[payload.Expires] + v.policy.leeway - v.now().UnixMilli()
	w.timer = time.AfterFunc(time.Duration(min(left, 1<<40))*time.Millisecond, func() { v.watches.end(w, ErrExpired) })
	w.unhook = context.AfterFunc(ctx, func() { v.watches.end(w, context.Cause(ctx)) })
}

// end ends a watch, and gives back what it takes.
func (s *watches) end(w *watch, cause error) {
	w.cancel(cause)
	w.mu.Lock()
	if w.timer != nil {
		w.timer.Stop()
		w.unhook()
	}
	w.mu.Unlock()
	s.remove(w)
}

// add enters a watch. The salt is read with the lock held: one that comes later
// is seen by index.
func (s *watches) add(w *watch, f *follower) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all, s.by = map[*watch]struct{}{}, map[rules.Key]*watchKey{}
	}
	s.all[w] = struct{}{}
	s.peak = max(s.peak, len(s.all))
	if salt := f.salt.Load(); salt != nil {
		s.enter(w, salt)
	}
}

func (s *watches) enter(w *watch, salt *salt) {
	keys := w.r.keys(salt)
	w.keys = make([]watchKey, 0, len(keys)+1)
	for _, k := range append(keys[:], salt.issuer) {
		if k != (rules.Key{}) {
			w.keys = append(w.keys, watchKey{w: w, key: k})
		}
	}
	s.link(w)
}

// link puts a watch into the list of each of its keys.
func (s *watches) link(w *watch) {
	for i := range w.keys {
		k := &w.keys[i]
		if k.prev, k.next = nil, s.by[k.key]; k.next != nil {
			k.next.prev = k
		}
		s.by[k.key] = k
	}
}

func (s *watches) remove(w *watch) {
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

// shrink makes new maps for what is left.
func (s *watches) shrink() {
	all := make(map[*watch]struct{}, len(s.all))
	s.by, s.peak = make(map[rules.Key]*watchKey), len(s.all)
	for w := range s.all {
		all[w] = struct{}{}
		s.link(w)
	}
	s.all = all
}

// index enters those who came before the salt of the log was known.
func (s *watches) index(f *follower) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.all {
		if w.keys == nil {
			s.enter(w, f.salt.Load())
		}
	}
}

// hit ends the watches that rules refuse.
func (s *watches) hit(f *follower, batch []rules.Rule) {
	for _, w := range s.among(batch) {
		if err := f.standing(w.r); err != nil {
			s.end(w, err)
		}
	}
}

// among returns the watches that rules may be about.
func (s *watches) among(batch []rules.Rule) (found []*watch) {
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
