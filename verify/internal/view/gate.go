package view

import (
	"context"
	"sync"
	"time"

	"github.com/portaria/portaria/internal/background"
)

const (
	// firstWait is how long requests wait for the follower when the view has just
	// become too old, and laterWait how long after a wait in vain. During an
	// outage a request costs no more than laterWait. Both leave the processor to
	// the follower.
	firstWait = 250 * time.Millisecond
	laterWait = 20 * time.Millisecond
)

// gate is where requests wait while the view is too old for their token. All
// requests that come during one wait share it and its end.
type gate struct {
	panics *background.Panics

	mu     sync.Mutex
	turn   *turn
	inVain bool // the last wait was in vain, and the view was not renewed since
}

type turn struct {
	done    chan struct{}
	renewed bool // set before done is closed
}

// Wait returns true when the view is renewed. It returns false after a short
// while, or when ctx ends.
func (v *View) Wait(ctx context.Context) bool {
	t := v.gate.join()
	select {
	case <-t.done:
		return t.renewed
	case <-ctx.Done():
		return false
	}
}

func (g *gate) join() *turn {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.turn == nil {
		most := firstWait
		if g.inVain {
			most = laterWait
		}
		t := &turn{done: make(chan struct{})}
		g.turn = t
		g.panics.After(most, "end wait for view", func() {
			g.mu.Lock()
			defer g.mu.Unlock()
			if g.turn == t {
				g.end(false)
			}
		})
	}
	return g.turn
}

// open lets all waiting requests go on, because the view was renewed.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inVain = false
	if g.turn != nil {
		g.end(true)
	}
}

// end ends the wait. The lock is held.
func (g *gate) end(renewed bool) {
	g.turn.renewed, g.inVain = renewed, !renewed
	close(g.turn.done)
	g.turn = nil
}
