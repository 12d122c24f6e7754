package password

import (
	"errors"
	"fmt"
	"runtime"
	"time"
)

// The least that [Policy.Validate] accepts, and the default: OWASP's first
// choice for Argon2id.
const (
	MinMemoryKiB  = 19456
	MinIterations = 2
)

// Policy says what a hash costs and how many may be under way. The zero value
// is refused; start from [DefaultPolicy].
type Policy struct {
	// MemoryKiB, Iterations and Parallelism are Argon2id's m, t and p.
	// Hashes with other parameters stay valid and count as outdated.
	MemoryKiB   uint32
	Iterations  uint32
	Parallelism uint8

	// Concurrent bounds the hashes computed at one time, and with it the
	// memory: MemoryKiB each. 0 means one per core.
	Concurrent int
	// Queue bounds the callers that wait for their turn; one more is told
	// to come back later ([ErrBusy]).
	Queue int
	// QueueDeadline bounds how long one of them waits.
	QueueDeadline time.Duration

	// InsecureCheapHashes allows parameters below MinMemoryKiB and
	// MinIterations, down to what Argon2 itself requires. Stolen hashes are
	// then cheap to guess: for benchmarks and tests only.
	InsecureCheapHashes bool
}

// DefaultPolicy is Argon2id with 19 MiB, two iterations and one lane; a hash
// per core at a time, 128 callers waiting at most ten seconds.
func DefaultPolicy() Policy {
	return Policy{
		MemoryKiB:     MinMemoryKiB,
		Iterations:    MinIterations,
		Parallelism:   1,
		Queue:         128,
		QueueDeadline: 10 * time.Second,
	}
}

// Validate reports everything that is wrong with p at once.
func (p Policy) Validate() error {
	var errs []error
	if err := p.params().check(); err != nil {
		errs = append(errs, err)
	}
	if !p.InsecureCheapHashes && p.MemoryKiB < MinMemoryKiB {
		errs = append(errs, fmt.Errorf("memory of %d KiB is below %d", p.MemoryKiB, MinMemoryKiB))
	}
	if !p.InsecureCheapHashes && p.Iterations < MinIterations {
		errs = append(errs, fmt.Errorf("%d iterations are below %d", p.Iterations, MinIterations))
	}
	if p.Concurrent < 0 || p.Concurrent > 1024 {
		errs = append(errs, fmt.Errorf("%d concurrent hashes are not within 0 and 1024", p.Concurrent))
	}
	if p.Queue < 0 {
		errs = append(errs, fmt.Errorf("queue of %d is below 0", p.Queue))
	}
	if p.QueueDeadline <= 0 {
		errs = append(errs, fmt.Errorf("queue deadline of %v is not above 0", p.QueueDeadline))
	}
	return errors.Join(errs...)
}

func (p Policy) params() params {
	return params{memoryKiB: p.MemoryKiB, iterations: p.Iterations, parallelism: p.Parallelism}
}

// slots asks Go for the cores, not the machine: GOMAXPROCS respects the CPU
// limit of a container.
func (p Policy) slots() int {
	if p.Concurrent > 0 {
		return p.Concurrent
	}
	return runtime.GOMAXPROCS(0)
}
