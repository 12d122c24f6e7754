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

// Policy says what a hash costs and how many are computed at a time. The zero
// value is refused; start from [DefaultPolicy]. Hashes with other parameters stay
// valid and count as outdated. The tags make fields settings.
type Policy struct {
	// MemoryKiB is the memory of one password hash in KiB. Raise it as far as your machine allows; existing passwords are
	// hashed again at their next login.
	MemoryKiB uint32 `name:"memory" default:"19456" min:"8" max:"1048576"`
	// Iterations is the number of passes over that memory.
	Iterations uint32 `name:"iterations" default:"2" min:"1" max:"64"`
	// Parallelism is the number of threads of one password hash.
	Parallelism uint8 `name:"parallelism" default:"1" min:"1" max:"32"`

	// Concurrent is how many passwords are hashed at the same time; 0 means one for each core. Together with
	// `argon2_memory` it bounds the memory that many logins at once need.
	Concurrent int `name:"concurrency" default:"0" min:"0" max:"1024"`
	// Queue is how many logins may wait for their hash. Further logins are refused with 503 and `Retry-After`.
	Queue int `name:"queue" default:"128" min:"0" max:"100000"`
	// QueueDeadline is how long a login waits for its hash before it is refused with 503. It must end before the connection
	// times out.
	QueueDeadline time.Duration `name:"queue_wait" default:"10s" min:"1ms" max:"20s"`

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
