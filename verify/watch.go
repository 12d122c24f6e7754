package verify

import (
	"context"
	"sync"
	"time"

	"github.com/portaria/portaria/verify/internal/rules"
)

// watches are the connections that end when a rule lands. They are found by
// what the rule is about, so that many of them cost nothing.
type watches struct {
	mu  sync.Mutex
	by  map[rules.Key]map[*watch]struct{}
	all map[*watch]struct{}
}

type watch struct {
	r      *record
	cancel context.CancelCauseFunc
	keys   []rules.Key // nil until the log's salt is known
}

// Watch returns a context that ends when the token of the claims does: with
// [ErrRevoked] as its cause when a rule lands that refuses the token, and with
// [ErrExpired] when it expires. It is for what outlives a request: WebSockets,
// event streams, calls of gRPC. Call stop when the connection ends by itself.
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
	timer := v.expire(w)
	if v.follower == nil {
		return watched, func() { timer.Stop(); cancel(context.Canceled) }
	}
	v.watches.add(w, v.follower.salt.Load())
	if err := v.follower.standing(c.r); err != nil { // after it was added: none falls between
		cancel(err)
	}
	return watched, func() {
		timer.Stop()
		v.watches.remove(w)
		cancel(context.Canceled)
	}
}

// expire ends a watch in time.
func (v *Verifier) expire(w *watch) *time.Timer {
	left := w.r.dates[expires] + v.policy.leeway - v.now().UnixMilli()
	return time.AfterFunc(time.Duration(min(left, 1<<40))*time.Millisecond, func() { w.cancel(ErrExpired) })
}

func (s *watches) add(w *watch, salt *salt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all, s.by = map[*watch]struct{}{}, map[rules.Key]map[*watch]struct{}{}
	}
	s.all[w] = struct{}{}
	if salt != nil {
		s.enter(w, salt)
	}
}

func (s *watches) enter(w *watch, salt *salt) {
	for _, k := range append(w.r.keys(salt)[:], salt.issuer) {
		if k == (rules.Key{}) {
			continue
		}
		w.keys = append(w.keys, k)
		if s.by[k] == nil {
			s.by[k] = map[*watch]struct{}{}
		}
		s.by[k][w] = struct{}{}
	}
}

func (s *watches) remove(w *watch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, w)
	for _, k := range w.keys {
		if delete(s.by[k], w); len(s.by[k]) == 0 {
			delete(s.by, k)
		}
	}
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
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(batch) > len(s.by) {
		for w := range s.all {
			w.look(f)
		}
		return
	}
	for i := range batch {
		for w := range s.by[batch[i].Key] {
			w.look(f)
		}
	}
}

func (w *watch) look(f *follower) {
	if err := f.standing(w.r); err != nil {
		w.cancel(err)
	}
}
