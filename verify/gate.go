package verify

import (
	"context"
	"sync"
	"time"
)

const (
	// firstWait is how long requests wait for the follower when the view has
	// just become too old, and laterWait how long after that was in vain. During
	// an outage a request costs no more than the second. Both leave the
	// processor to the follower.
	firstWait = 250 * time.Millisecond
	laterWait = 20 * time.Millisecond
)

// gate is where requests wait that the view is too old for. All that come
// during one wait share it, and its end.
type gate struct {
	mu     sync.Mutex
	turn   *turn
	inVain bool // the last wait was, and nothing was heard since
}

type turn struct {
	done    chan struct{}
	renewed bool // before done is closed
}

// wait returns when the view was renewed, and otherwise false after a while, or
// when ctx ends.
func (g *gate) wait(ctx context.Context) bool {
	t := g.join()
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
		time.AfterFunc(most, func() {
			g.mu.Lock()
			defer g.mu.Unlock()
			if g.turn == t {
				g.end(false)
			}
		})
	}
	return g.turn
}

// open lets everybody go on who waits: the view was renewed.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inVain = false
	if g.turn != nil {
		g.end(true)
	}
}

// end is for who holds the lock.
func (g *gate) end(renewed bool) {
	g.turn.renewed, g.inVain = renewed, !renewed
	close(g.turn.done)
	g.turn = nil
}
