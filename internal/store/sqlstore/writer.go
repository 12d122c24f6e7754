package sqlstore

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/portaria/portaria/internal/background"
)

// maxBatch bounds how many writes share one transaction, and so how long the
// first of them waits for the last.
const maxBatch = 256

// writer runs steps one after another. The steps that wait when it becomes free share
// one transaction and one sync of the disk (group commit). It never waits for more
// steps, so a single write is not delayed. In SQLite it does all writing; in
// PostgreSQL the steps that write to a log, which would otherwise wait for the row of
// the counter.
type writer struct {
	// transact does a batch: see transaction.run.
	transact func(batch []*job) (errs []error, err error)
	panics   *background.Panics

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
	// adds is nil when the step adds nothing to the logs.
	adds   *additions
	taken  atomic.Bool
	answer chan error
}

func startWriter(transact func([]*job) ([]error, error), panics *background.Panics) *writer {
	w := &writer{transact: transact, panics: panics, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go w.run()
	return w
}

// do has the step done and waits until it is on disk. A context that ends
// before its turn leaves the step out; from then on it is completed.
func (w *writer) do(ctx context.Context, j *job) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j.answer = make(chan error, 1)
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

// next takes the steps that wait, and reports whether the writer is closed.
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

// answer runs a batch and reports to the callers, after the commit. If the commit
// fails, every step of the batch has failed.
func (w *writer) answer(batch []*job) {
	batch = mine(batch)
	if len(batch) == 0 {
		return
	}
	errs, err := w.attempt(batch)
	if errors.Is(err, errStepPanicked) && len(batch) > 1 {
		// Nothing was written. The others must not fail with the guilty step.
		errs, err = make([]error, len(batch)), nil
		for i := range batch {
			if own, all := w.attempt(batch[i : i+1]); all != nil {
				errs[i] = all
			} else {
				errs[i] = own[0]
			}
		}
	}
	for i, j := range batch {
		switch {
		case err != nil:
			j.answer <- err
		default:
			j.answer <- errs[i]
		}
	}
}

// attempt runs a batch. After a panic it returns an error: errStepPanicked if a step
// panicked, and then nothing was written.
func (w *writer) attempt(batch []*job) (errs []error, err error) {
	err = background.Catch(func() error {
		errs, err = w.transact(batch)
		return err
	})
	var caught *background.Panic
	if errors.As(err, &caught) {
		w.panics.Report(context.Background(), "database writer", caught)
	}
	return errs, err
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
