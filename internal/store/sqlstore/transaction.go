package sqlstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/portaria/portaria/internal/background"
	"github.com/portaria/portaria/internal/store/sqlstore/query"
)

// transaction is a connection between BEGIN and COMMIT.
type transaction interface {
	exec(ctx context.Context, text string, args ...any) error
	ask() *query.Queries
	commit(ctx context.Context) error
	rollback(ctx context.Context)
	// lost reports an error after which the transaction is gone as a whole,
	// with all that others have in it.
	lost(err error) bool
}

// errUnguarded reports that a step failed without a savepoint, among others: the
// batch has to be done again with savepoints.
var errUnguarded = errors.New("a step of the batch failed")

// runGuarded runs a batch without savepoints, and once more with them when one
// of several steps fails. Nearly all steps succeed, and in PostgreSQL each
// savepoint costs two round trips.
func runGuarded(run func(guarded bool) ([]error, error)) ([]error, error) {
	errs, err := run(false)
	if errors.Is(err, errUnguarded) {
		return run(true)
	}
	return errs, err
}

// runBatch does a batch of steps in one transaction, writes what they add to
// the logs, and commits. errs are the steps' own errors, which undid only their
// step; err undid everything.
func runBatch(ctx context.Context, t transaction, batch []*job, guarded bool) (errs []error, err error) {
	done := false
	defer func() {
		if err != nil || !done { // also after a panic
			t.rollback(ctx)
		}
	}()
	// Before any step reads anything: a token must not claim to know more
	// than was known when its session was read.
	head, err := headFor(ctx, t.ask(), batch)
	if err != nil {
		return nil, err
	}
	errs = make([]error, len(batch))
	var all []*additions
	for i, j := range batch {
		j.adds.begin(head)
		errs[i] = j.perform(ctx, t, guarded)
		switch {
		case errs[i] != nil && (t.lost(errs[i]) || errors.Is(errs[i], errStepPanicked)):
			return nil, errs[i]
		case errs[i] != nil && j.several && !guarded && len(batch) > 1:
			return nil, errUnguarded
		case errs[i] != nil && j.several && !guarded:
			return errs, nil // rolled back: nobody else has anything in it
		case errs[i] == nil && j.adds != nil:
			all = append(all, j.adds)
		}
	}
	if err := flush(ctx, t, all); err != nil {
		return nil, err
	}
	err = wrap("commit", t.commit(ctx))
	done = true
	return errs, err
}

// errStepPanicked reports that a step panicked. What it wrote is unknown, so the whole
// transaction is undone.
var errStepPanicked = errors.New("step of a transaction panicked")

// safely runs the step. After a panic the error is errStepPanicked.
func (j *job) safely(ctx context.Context, q *query.Queries) error {
	err := background.Catch(func() error { return j.step(ctx, q) })
	var caught *background.Panic
	if errors.As(err, &caught) {
		return fmt.Errorf("%w: %w", errStepPanicked, caught)
	}
	return err
}

// perform runs one job. A single statement that fails has undone itself.
func (j *job) perform(ctx context.Context, t transaction, guarded bool) error {
	if !j.several || !guarded {
		return j.safely(ctx, t.ask())
	}
	if err := t.exec(ctx, "SAVEPOINT job"); err != nil {
		return err
	}
	err := j.safely(ctx, t.ask())
	if errors.Is(err, errStepPanicked) {
		return err
	}
	if err != nil {
		if undo := t.exec(ctx, "ROLLBACK TO job"); undo != nil {
			return undo
		}
	}
	if release := t.exec(ctx, "RELEASE job"); release != nil {
		return release
	}
	return err
}
