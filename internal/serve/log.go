package serve

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Limits of a [Log]: the bytes in its queue, and how long Close waits for them.
const (
	maxLogBytes = 1 << 20
	logFlush    = 2 * time.Second
)

// Log is a writer that never waits for its destination: requests must not hang because the
// log is not read. Lines wait in a queue of 1 MiB. A line that does not fit is dropped and
// counted. When the destination accepts lines again, one line reports how many are missing.
// Make it with [NewLog].
type Log struct {
	to io.Writer
	// lost returns the line that reports dropped lines.
	lost func(lines int64) []byte

	mu      sync.Mutex
	queue   [][]byte
	waiting int   // bytes in queue
	dropped int64 // lines that are not reported yet
	closed  bool
	wake    chan struct{} // holds at most one signal to read the queue
	done    chan struct{}
}

// NewLog starts a log that writes to a destination. Each Write is one line, as
// package slog does it. lost returns the line that reports dropped lines. The caller closes
// the log.
func NewLog(to io.Writer, lost func(lines int64) []byte) *Log {
	l := &Log{to: to, lost: lost, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go l.run()
	return l
}

// Write queues a copy of a line, or drops it. It never fails.
func (l *Log) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.waiting+len(line) > maxLogBytes {
		l.dropped++
		return len(line), nil
	}
	l.queue = append(l.queue, append([]byte(nil), line...))
	l.waiting += len(line)
	l.signal()
	return len(line), nil
}

func (l *Log) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Close writes the queued lines, for at most two seconds, and drops later ones. Call it
// once.
func (l *Log) Close() error {
	l.mu.Lock()
	l.closed = true
	l.signal()
	l.mu.Unlock()
	timer := time.NewTimer(logFlush)
	defer timer.Stop()
	select {
	case <-l.done:
	case <-timer.C:
	}
	return nil
}

func (l *Log) run() {
	defer close(l.done)
	for range l.wake {
		for {
			lines, dropped, closed := l.take()
			for _, line := range lines {
				l.put(line)
			}
			if dropped > 0 {
				// After the queued lines, which are older.
				_ = l.write(func() []byte { return l.lost(dropped) })
			}
			if len(lines) == 0 && dropped == 0 {
				if closed {
					return
				}
				break
			}
		}
	}
}

// put writes one line and frees its room in the queue.
func (l *Log) put(line []byte) {
	err := l.write(func() []byte { return line })
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting -= len(line)
	if err != nil {
		l.dropped++
	}
}

// write makes and writes one line. A panic there is an error, so that the line
// counts as dropped: this goroutine must neither end nor end the process.
func (l *Log) write(line func() []byte) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("write log: panic: %v", value)
		}
	}()
	_, err = l.to.Write(line())
	return err
}

func (l *Log) take() (lines [][]byte, dropped int64, closed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines, dropped, closed = l.queue, l.dropped, l.closed
	l.queue, l.dropped = nil, 0
	return lines, dropped, closed
}
