package skew

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Reference is the knowledge of a process about a clock that it shares with others,
// such as that of a database: between which two bounds it is now. It is safe for
// concurrent use.
type Reference struct {
	read  func(context.Context) (time.Time, error)
	began time.Time // monotonic times count from here

	mu sync.Mutex
	// The clock showed at least low at the monotonic time lowAt, and at most
	// high at highAt. Both are since 1970.
	low, lowAt, high, highAt time.Duration
	peak                     Peak
}

// Measure returns a Reference after it has read the clock once.
func Measure(ctx context.Context, read func(context.Context) (time.Time, error)) (*Reference, error) {
	r := &Reference{read: read, began: time.Now()}
	if err := r.Update(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// Update reads the clock again. The time that the reading takes is the error of
// the bounds. After an error the bounds stay as they were, and grow apart.
func (r *Reference) Update(ctx context.Context) error {
	before := time.Since(r.began)
	shown, err := r.read(ctx)
	after := time.Since(r.began)
	if err != nil {
		return fmt.Errorf("read the shared clock: %w", err)
	}
	unix := time.Duration(shown.UnixNano())
	r.mu.Lock()
	defer r.mu.Unlock()
	r.low, r.lowAt = unix, after
	r.high, r.highAt = time.Duration(r.peak.Note(before, int64(unix-before)))+before, before
	return nil
}

// Earliest is a time that the shared clock has reached by now. It never jumps
// between two readings, whatever the clock of this machine does.
func (r *Reference) Earliest() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	elapsed := time.Since(r.began) - r.lowAt
	return time.Unix(0, int64(r.low+elapsed-elapsed/Drift)).UTC()
}

// Latest is a time that the shared clock had not passed at a moment, even if it
// was set back in the hour before. The moment has a monotonic reading.
func (r *Reference) Latest(at time.Time) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	elapsed := at.Sub(r.began) - r.highAt
	return time.Unix(0, int64(r.high+elapsed+max(elapsed, -elapsed)/Drift)).UTC()
}

// Offset is how far this machine's clock is ahead of the shared one, at least;
// negative when it is slow by at least so much, and 0 when they may agree.
func (r *Reference) Offset(now time.Time) time.Duration {
	if ahead := now.Sub(r.Latest(time.Now())); ahead > 0 {
		return ahead
	}
	return min(now.Sub(r.Earliest()), 0)
}
