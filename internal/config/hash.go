package config

import (
	"fmt"

	"github.com/portaria/portaria/internal/password"
)

// Password returns what a password hash costs, and how many are computed at the
// same time.
func (c Config) Password() password.Policy {
	policy := c.Argon2
	policy.InsecureCheapHashes = c.InsecurePasswordHash
	return policy
}

// checkPassword explains hashes that are too cheap in the words of the settings.
// The policy itself checks the rest.
func (l *loader) checkPassword() {
	c := l.config
	if c.Argon2.MemoryKiB < password.MinMemoryKiB && !c.InsecurePasswordHash {
		l.Reject("argon2_memory", tooCheap(c.Argon2.MemoryKiB, password.MinMemoryKiB))
	}
	if c.Argon2.Iterations < password.MinIterations && !c.InsecurePasswordHash {
		l.Reject("argon2_iterations", tooCheap(c.Argon2.Iterations, password.MinIterations))
	}
	c.Argon2.InsecureCheapHashes = true // already reported
	l.Validate()
	c.Argon2.InsecureCheapHashes = false
}

func tooCheap(value, least uint32) string {
	return fmt.Sprintf("%d makes stolen passwords cheap to guess; %d is the least (insecure_password_hash permits it, for benchmarks)",
		value, least)
}
