package config

import (
	"fmt"

	"github.com/portaria/portaria/internal/password"
)

// Password returns what a password hash costs, and how many are computed at the
// same time.
func (c Config) Password() password.Policy {
	return password.Policy{
		MemoryKiB:           uint32(c.Argon2Memory),
		Iterations:          uint32(c.Argon2Iterations),
		Parallelism:         uint8(c.Argon2Parallelism),
		Concurrent:          c.Argon2Concurrency,
		Queue:               c.Argon2Queue,
		QueueDeadline:       c.Argon2QueueWait,
		InsecureCheapHashes: c.InsecurePasswordHash,
	}
}

// checkPassword explains hashes that are too cheap in the words of the settings,
// and leaves the rest to the policy itself.
func (l *loader) checkPassword() {
	c := l.config
	if c.Argon2Memory < password.MinMemoryKiB && !c.InsecurePasswordHash {
		l.complain("argon2_memory", tooCheap(c.Argon2Memory, password.MinMemoryKiB))
	}
	if c.Argon2Iterations < password.MinIterations && !c.InsecurePasswordHash {
		l.complain("argon2_iterations", tooCheap(c.Argon2Iterations, password.MinIterations))
	}
	policy := c.Password()
	policy.InsecureCheapHashes = true // said above
	if err := policy.Validate(); err != nil {
		l.problem(l.place("argon2_memory", "argon2_iterations", "argon2_parallelism"), "password hash: "+err.Error())
	}
}

func tooCheap(value, least int) string {
	return fmt.Sprintf("%d makes stolen passwords cheap to guess; %d is the least (insecure_password_hash permits it, for benchmarks)",
		value, least)
}
