package follow

import (
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/portaria/portaria/verify/internal/view"
)

const (
	// quiet is the least time between two reports of a lost feed. A feed that comes and
	// goes must not fill the log.
	quiet = time.Minute
	// maxCauses bounds how many different causes are logged while the feed is lost.
	maxCauses = 8
)

// trouble tracks what was logged about a feed that is lost. The goroutine that
// follows owns it.
type trouble struct {
	logged   time.Time // when a loss was last logged; zero for never
	attempts int       // that failed and were not logged since
	causes   []string  // logged since the feed was lost
	otherLog bool      // the feed belongs to another log, and that was logged
	other    time.Time // when that was logged
}

// failed records why an attempt ended. It logs the first failure, and then each
// other cause once, at most one line a minute: two causes that take turns must not
// fill the log, and neither must a feed that comes and goes.
func (s *stream) failed(err error) {
	s.failure.Store(&err)
	defer s.ended()
	now, t := time.Now(), &s.trouble
	t.attempts++
	if errors.Is(err, view.ErrOtherLog) {
		if !t.otherLog && due(t.other, now) {
			t.otherLog, t.other = true, now
			s.config.Log.Error("revocation feed belongs to a different database; restore the database, or restart this service to follow the new one",
				"error", err, "position", s.view.Position())
		}
		return
	}
	cause := causeOf(err)
	if slices.Contains(t.causes, cause) || len(t.causes) == maxCauses || !due(t.logged, now) {
		return
	}
	message := "revocation feed lost"
	if len(t.causes) > 0 {
		message = "revocation feed still lost"
	}
	attempts := t.attempts
	t.causes, t.logged, t.attempts = append(t.causes, cause), now, 0
	s.config.Log.Warn(message, "error", err, "position", s.view.Position(), "failed_attempts", attempts)
}

// due reports whether a line may be logged again.
func due(logged, now time.Time) bool { return logged.IsZero() || now.Sub(logged) >= quiet }

// renewed records that the view is current. It logs that only if the loss was logged.
func (s *stream) renewed() {
	defer s.ended()
	s.failure.Store(nil)
	t := &s.trouble
	lost := len(t.causes) > 0 || t.otherLog
	t.causes, t.otherLog = nil, false
	if lost {
		s.config.Log.Info("revocation feed followed again", "position", s.view.Position())
	}
}

// causeOf returns the text of an error without the address of the request, so
// that a read and a dial that fail in the same way are one cause.
func causeOf(err error) string {
	if request, ok := errors.AsType[*url.Error](err); ok {
		return request.Err.Error()
	}
	return err.Error()
}
