package verify

import (
	"log/slog"
	"sync"
	"time"
)

// keyState is how the fetching of keys goes. It logs the first failure, the
// moment from which every token is refused, and the recovery.
type keyState struct {
	log *slog.Logger

	mu      sync.Mutex
	err     error // why the newest attempt failed, nil if it did not
	since   time.Time
	refuses bool // no usable key is left, and that was logged
}

// failed notes why keys could not be fetched. While usable is false every token
// is refused.
func (s *keyState) failed(err error, now time.Time, age time.Duration, usable bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.err == nil
	if first {
		s.since = now
	}
	s.err = err
	switch {
	case !usable && !s.refuses:
		s.refuses = true
		s.log.Error("issuer's keys cannot be fetched, every token is refused", "error", err, "failing_for", now.Sub(s.since))
	case first:
		s.log.Warn("issuer's keys cannot be fetched, the known ones stay in use", "error", err, "key_age", age)
	}
}

// fetched notes that there are new keys.
func (s *keyState) fetched(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		s.log.Info("issuer's keys are fetched again", "failed_for", now.Sub(s.since))
	}
	s.err, s.since, s.refuses = nil, time.Time{}, false
}

// failure returns since when all attempts have failed, and why the newest did;
// a nil error if it did not.
func (s *keyState) failure() (since time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.since, s.err
}
