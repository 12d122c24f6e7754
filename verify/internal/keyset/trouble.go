package keyset

import (
	"log/slog"
	"sync"
	"time"
)

// trouble is what is wrong with getting the issuer's keys. It logs the first
// failure, the moment from which every token is rejected, and the recovery.
type trouble struct {
	log *slog.Logger

	mu      sync.Mutex
	err     error // why the newest attempt failed, nil if it did not
	since   time.Time
	refuses bool // no usable key is left, and that was logged
}

// failed notes why there are no new keys. While usable is false every token is
// rejected.
func (s *trouble) failed(err error, now time.Time, age time.Duration, usable bool) {
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
func (s *trouble) fetched(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		s.log.Info("issuer's keys are fetched again", "failed_for", now.Sub(s.since))
	}
	s.err, s.since, s.refuses = nil, time.Time{}, false
}

// failure returns since when all attempts have failed, and why the newest did; a
// nil error if it did not.
func (s *trouble) failure() (since time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.since, s.err
}
