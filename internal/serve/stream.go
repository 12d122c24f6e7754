package serve

import (
	"context"
	"net/http"
	"time"
)

// stoppingKey finds what a request may know about the end of its server.
type stoppingKey struct{}

type stopping struct {
	begun chan struct{} // closed when the listener is closed
	grace time.Duration
}

// StreamWrite bounds one write to a stream. A client that takes longer to read
// what is at most some hundred kilobytes is gone, or too slow to follow.
const StreamWrite = 10 * time.Second

// Stream is a response that goes on for as long as its client likes.
type Stream struct {
	http.ResponseWriter
	// Stopping is closed when the server takes no new requests. A stream must end
	// within Grace from then on; afterwards it is cut off.
	Stopping <-chan struct{}
	Grace    time.Duration
	control  *http.ResponseController
}

// NewStream frees a request of the limits of ordinary ones: it may take as long
// as it likes, and is not logged as slow.
func NewStream(w http.ResponseWriter, r *http.Request) *Stream {
	s := &Stream{ResponseWriter: w, Stopping: Stopping(r.Context()), Grace: Grace(r.Context()), control: http.NewResponseController(w)}
	Patient(r.Context())
	// Without this, the server would take the silence of a client that listens
	// for the end of its connection. Where there is no connection, as in tests
	// of handlers, there are no deadlines either.
	_ = s.control.SetReadDeadline(time.Time{})
	_ = s.control.SetWriteDeadline(time.Now().Add(StreamWrite))
	return s
}

// Flush sends what was written, and gives the next write its time.
func (s *Stream) Flush() error {
	if err := s.control.Flush(); err != nil {
		return err
	}
	_ = s.control.SetWriteDeadline(time.Time{})
	return nil
}

// Write sends some of the stream.
func (s *Stream) Write(p []byte) (int, error) {
	_ = s.control.SetWriteDeadline(time.Now().Add(StreamWrite))
	return s.ResponseWriter.Write(p)
}

// Stopping is closed when the server of a request takes no new ones. Outside of
// a request it never is.
func Stopping(ctx context.Context) <-chan struct{} {
	stop, _ := ctx.Value(stoppingKey{}).(stopping)
	return stop.begun
}

// Grace returns how long a request may continue after Stopping was closed.
func Grace(ctx context.Context) time.Duration {
	stop, _ := ctx.Value(stoppingKey{}).(stopping)
	return stop.grace
}

// Patient says that the request waits on purpose, so that it is not logged as
// slow.
func Patient(ctx context.Context) {
	if c, ok := ctx.Value(contextKey{}).(*requestContext); ok {
		c.patient = true
	}
}
