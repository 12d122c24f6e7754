package keyring

import (
	"errors"
	"fmt"
	"time"

	"github.com/portaria/portaria/internal/jose"
)

// Times on which the processes of one service rely together.
const (
	// ReloadEvery is the time between two reloads of the store. A key that another process
	// revoked is rejected after this time at the latest. One reload is one query of a few
	// rows.
	ReloadEvery = 10 * time.Second

	// retryEvery is the time until Maintain reads again after an error of the store.
	retryEvery = 2 * time.Second

	// staleAfter is how long a process may sign after its last reload. It is shorter than
	// settle, so that no process signs with a key that another one has retired.
	staleAfter = time.Minute

	// settle is how long it may take until every process publishes a new key: the last
	// reload before staleAfter, and the difference between clocks.
	settle = 2 * time.Minute
)

// Bounds and defaults of a [Policy].
const (
	maxTTL          = 400 * 24 * time.Hour
	maxKeySetMaxAge = 24 * time.Hour
	defaultRotation = 30 * 24 * time.Hour
	maxRotation     = 400 * 24 * time.Hour

	// maxPublished is the number of keys that a key set may hold. Verifiers reject longer
	// ones.
	maxPublished = 100
)

// Policy describes the signing keys of the ring and their rotation.
type Policy struct {
	// Algorithm of new signing keys. Default ES256. RS256 and ES256 are
	// verified nearly everywhere; EdDSA and PS256 are not. A change takes
	// effect with the next rotation.
	Algorithm jose.Algorithm
	// LongestTTL is the longest lifetime of any token that will be signed. A
	// retired key stays published for that long. Required, at most 400 days.
	LongestTTL time.Duration
	// RotateEvery is how long a key signs before the next one does. Default 30
	// days; at most 400 days, and no less than it takes to publish the next.
	RotateEvery time.Duration
	// KeySetMaxAge is how long others may keep a copy of the key set: a key is
	// published at least that long before it signs. At most 24 hours, which is
	// also the default.
	KeySetMaxAge time.Duration
}

// Validate reports everything that is wrong with the policy.
func (p Policy) Validate() error {
	var errs []error
	if p.Algorithm != "" && !p.Algorithm.Signs() {
		errs = append(errs, errors.New("key algorithm: unknown"))
	}
	if p.LongestTTL <= 0 || p.LongestTTL > maxTTL {
		errs = append(errs, errors.New("longest token lifetime: must be above zero and at most 400 days"))
	}
	if p.KeySetMaxAge < 0 || p.KeySetMaxAge > maxKeySetMaxAge {
		errs = append(errs, errors.New("key set max-age: must be 0 to 24 hours"))
	}
	return errors.Join(append(errs, p.withDefaults().validateRotation())...)
}

func (p Policy) validateRotation() error {
	switch {
	case p.RotateEvery < p.lead():
		return fmt.Errorf("key rotation: every %v is too often: a key is published for %v before it signs", p.RotateEvery, p.lead())
	case p.RotateEvery > maxRotation:
		return errors.New("key rotation: must be at most 400 days")
	case p.LongestTTL/p.RotateEvery > maxPublished-4:
		return fmt.Errorf("key rotation: every %v is too often for tokens that live %v: more than %d keys would be published at once",
			p.RotateEvery, p.LongestTTL, maxPublished)
	}
	return nil
}

func (p Policy) withDefaults() Policy {
	if p.Algorithm == "" {
		p.Algorithm = jose.ES256
	}
	if p.RotateEvery == 0 {
		p.RotateEvery = defaultRotation
	}
	if p.KeySetMaxAge == 0 {
		p.KeySetMaxAge = maxKeySetMaxAge
	}
	return p
}

// lead is how long a key is published before it signs.
func (p Policy) lead() time.Duration { return p.KeySetMaxAge + settle }
