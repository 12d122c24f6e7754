// Package turn lets the processes that write to one file take turns.
//
// SQLite's own write lock is not fair. A process that commits one transaction
// after another has the lock again within microseconds, and a process that
// waits for it looks only every 100 ms: it can miss every gap for minutes.
// With a turn, each process takes the turn first, then the write lock, and
// gives the turn back once it has the write lock. The process that waits for the
// write lock holds the turn, so that the last writer cannot overtake it.
package turn

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// poll is how often a process that waits looks again.
const poll = time.Millisecond

// ErrTimeout reports that another process held the turn for too long.
var ErrTimeout = errors.New("another process holds the turn")

// errHeld reports that another process holds the turn right now.
var errHeld = errors.New("held")

// Turn is one process's view of the turn. It is not for concurrent use.
type Turn struct {
	path string
	file *os.File
}

// Open opens the file of the turn, and creates it (mode 0600) when it is
// missing. The file stays empty; the operating system keeps the turn, and ends
// it when a process dies.
func Open(path string) (*Turn, error) {
	t := &Turn{path: path}
	return t, t.open()
}

func (t *Turn) open() (err error) {
	if t.file, err = os.OpenFile(t.path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return fmt.Errorf("open turn: %w", err)
	}
	return nil
}

// Take waits for the turn. It returns ErrTimeout when that takes longer than
// patience. On a file system without locks it returns at once: the turn is
// about fairness, not about safety.
func (t *Turn) Take(patience time.Duration) error {
	for end := time.Now().Add(patience); ; time.Sleep(poll) {
		err := lock(t.file)
		if !errors.Is(err, errHeld) {
			if t.current() {
				return nil
			}
			// Its last user removed the file while we waited.
			if err := errors.Join(t.file.Close(), t.open()); err != nil {
				return err
			}
			continue
		}
		if time.Now().After(end) {
			return ErrTimeout
		}
	}
}

// current reports whether the file that is locked is the one that others will
// open.
func (t *Turn) current() bool {
	held, err := t.file.Stat()
	if err != nil {
		return false
	}
	now, err := os.Stat(t.path)
	return err == nil && os.SameFile(held, now)
}

// Give gives the turn back.
func (t *Turn) Give() { unlock(t.file) }

// Close closes the file, which also gives the turn back.
func (t *Turn) Close() error { return t.file.Close() }

// Remove closes the file and removes it. Its caller holds the turn and is the
// last user.
func (t *Turn) Remove() error { return errors.Join(os.Remove(t.path), t.file.Close()) }
