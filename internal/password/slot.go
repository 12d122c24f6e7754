package password

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/portaria/portaria/internal/password/legacy"
)

// job is one computation: of Argon2id, or of the scheme of another system.
type job struct {
	params
	size  int // of the tag, in bytes
	salt  []byte
	plain []byte
	// foreign has the scheme to compute instead. The other fields but size and plain
	// are then empty.
	foreign *legacy.Hash
}

func (j job) tag() []byte {
	if j.foreign != nil {
		return foreignTag(*j.foreign, j.plain)
	}
	return argon2.IDKey(j.plain, j.salt, j.iterations, j.memoryKiB, j.parallelism, uint32(j.size))
}

// slot is the right to compute one hash at a time, and the worker that does it.
type slot struct {
	command []string
	report  func(error)
	worker  *worker // nil until needed
	line    *line   // whose hash it computes; see turns
}

// compute returns the tag and how long the slot should rest now, because other
// work had to wait for the processors. A worker that has died (it left when
// idle, or the system ended it) gets one successor; after that, and where none
// can be started, the hash is computed here: slower for others, but no login
// is lost.
func (s *slot) compute(j job) ([]byte, time.Duration) {
	if len(s.command) == 0 {
		return j.tag(), 0
	}
	var failed error
	for range 2 {
		tag, waited, err := s.ask(j)
		if err == nil {
			return tag, rest(waited)
		}
		failed = err
		s.stop()
		if errors.Is(err, errors.ErrUnsupported) {
			s.command = nil
			break
		}
	}
	if s.report != nil {
		s.report(fmt.Errorf("compute hash in worker: %w", failed))
	}
	return j.tag(), 0
}

func (s *slot) ask(j job) ([]byte, time.Duration, error) {
	if s.worker == nil || s.worker.gone() {
		s.stop()
		w, err := startWorker(s.command)
		if err != nil {
			return nil, 0, fmt.Errorf("start: %w", err)
		}
		s.worker = w
	}
	return s.worker.ask(j)
}

func (s *slot) stop() {
	if s.worker != nil {
		s.worker.stop()
		s.worker = nil
	}
}

// The choice of docs/adr/0003, derived from its figures: with a factor of 4,
// token checks keep more than four fifths of their rate during a storm of logins. The cap bounds
// how slow logins become on a machine that is always full; at the cap, hashing
// keeps about a thirtieth of each core.
const (
	restFactor = 4
	restMost   = 500 * time.Millisecond
)

// rest turns the time for which a hash was kept waiting into a pause. The
// lowest priority alone still leaves hashing a quarter of a busy machine: the
// system's scheduler fills every short gap with it, and those whose gap it was
// come back to an occupied processor.
func rest(waited time.Duration) time.Duration {
	return min(restFactor*waited, restMost)
}

// kept is how long a computation was kept from the processor. Up to a quarter
// is the ordinary unrest of a machine that has processors left.
func kept(wall, cpu time.Duration) time.Duration {
	if wall <= cpu+cpu/4 {
		return 0
	}
	return wall - cpu
}
