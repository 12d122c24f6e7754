package sqlstore

import (
	"context"
	"sync"
	"sync/atomic"
)

// maxBatch bounds how many writes share one transaction, and so how long the
// first of them waits for the last.
const maxBatch = 256

// writer owns SQLite's one write connection. Whatever waits when it is free
// shares one transaction and one sync of the disk (group commit); it never
// waits for more, so a lone write is as fast as without.
type writer struct {
	conn *sqliteConn

	mu     sync.Mutex
	queue  []*job // bounded by the callers: each waits for its own job
	closed bool
	wake   chan struct{} // holds at most one token: "look at the queue"
	done   chan struct{}
}

// job is one caller's step.
type job struct {
	step    step
	several bool // of several statements: needs a savepoint of its own
	taken   atomic.Bool
	answer  chan error
}

func startWriter(conn *sqliteConn) *writer {
	w := &writer{conn: conn, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go w.run()
	return w
}

// do has the step done and waits until it is on disk. A context that ends
// before its turn leaves the step out; from then on it is completed.
func (w *writer) do(ctx context.Context, s step, several bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j := &job{step: s, several: several, answer: make(chan error, 1)}
	if !w.enqueue(j) {
		return ErrClosed
	}
	select {
	case err := <-j.answer:
		return err
	case <-ctx.Done():
	}
	if j.taken.CompareAndSwap(false, true) {
		return ctx.Err()
	}
	return <-j.answer
}

func (w *writer) enqueue(j *job) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.queue = append(w.queue, j)
	w.signal()
	return true
}

func (w *writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// close refuses new jobs and returns when the accepted ones are answered.
func (w *writer) close() {
	w.mu.Lock()
	w.closed = true
	w.signal()
	w.mu.Unlock()
	<-w.done
}

func (w *writer) run() {
	defer close(w.done)
	for range w.wake {
		for batch, last := w.next(); ; batch, last = w.next() {
			if len(batch) > 0 {
				w.answer(batch)
				continue
			}
			if last {
				return
			}
			break
		}
	}
}

// next takes what waits, and tells whether nothing can follow.
func (w *writer) next() (batch []*job, last bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := min(len(w.queue), maxBatch)
	batch = w.queue[:n:n]
	w.queue = w.queue[n:]
	if len(w.queue) == 0 {
		w.queue = nil
	}
	return batch, w.closed
}

// answer does a batch and tells everybody. Nobody hears of success before the
// commit; if that fails, nobody hears of success at all.
func (w *writer) answer(batch []*job) {
	batch = mine(batch)
	if len(batch) == 0 {
		return
	}
	errs, err := w.transact(batch)
	for i, j := range batch {
		switch {
		case err != nil:
			j.answer <- err
		default:
			j.answer <- errs[i]
		}
	}
}

// mine keeps the jobs whose callers still wait; they cannot leave any more.
func mine(batch []*job) []*job {
	kept := batch[:0]
	for _, j := range batch {
		if j.taken.CompareAndSwap(false, true) {
			kept = append(kept, j)
		}
	}
	return kept
}

// transact runs a batch in one transaction. errs are the steps' own errors,
// which undid only their step; err undid everything.
func (w *writer) transact(batch []*job) (errs []error, err error) {
	// Nobody's context: a caller who leaves must not tear down the others.
	ctx := context.Background()
	if err := w.conn.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return nil, wrap("begin", err)
	}
	defer func() {
		if err != nil {
			// Its own error adds nothing: SQLite may have rolled back already.
			_ = w.conn.exec(ctx, "ROLLBACK")
		}
	}()
	errs = make([]error, len(batch))
	for i, j := range batch {
		if errs[i] = w.perform(ctx, j); undone(errs[i]) {
			return nil, errs[i]
		}
	}
	return errs, wrap("commit", w.conn.exec(ctx, "COMMIT"))
}

// perform runs one job. A single statement that fails has undone itself.
func (w *writer) perform(ctx context.Context, j *job) error {
	if !j.several {
		return j.step(ctx, w.conn.queries)
	}
	if err := w.conn.exec(ctx, "SAVEPOINT job"); err != nil {
		return err
	}
	err := j.step(ctx, w.conn.queries)
	if err != nil {
		if undo := w.conn.exec(ctx, "ROLLBACK TO job"); undo != nil {
			return undo
		}
	}
	if release := w.conn.exec(ctx, "RELEASE job"); release != nil {
		return release
	}
	return err
}
