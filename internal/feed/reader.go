// Package feed is the revocation feed as it goes over the wire. It reads a stream
// of events within limits, and serves a log as stream, poll and snapshot: one
// implementation for the issuer, for relays, and for the issuer of a test.
package feed

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
)

// ErrTooLong reports an event longer than MaxEvent.
var ErrTooLong = errors.New("feed: event too long")

// MaxEvent bounds an event, in bytes: some 30,000 rules.
const MaxEvent = 4 << 20

// Event is one event of a stream (text/event-stream).
type Event struct {
	Name string
	Data []byte
}

// Reader reads events.
type Reader struct {
	lines *bufio.Reader
	data  []byte
}

// NewReader reads events of a stream.
func NewReader(r io.Reader) *Reader { return &Reader{lines: bufio.NewReaderSize(r, 16<<10)} }

// Next returns the next event that has a name and data, and skips everything else.
// Its data are valid until the next call. Errors are those of the stream, or
// ErrTooLong.
func (r *Reader) Next() (Event, error) {
	var e Event
	r.data = r.data[:0]
	for size := 0; ; {
		line, err := r.line(MaxEvent - size)
		if err != nil {
			return Event{}, err
		}
		size += len(line)
		if len(line) == 0 {
			if e.Data = r.data; e.Name != "" && len(r.data) > 0 {
				return e, nil
			}
			e, r.data, size = Event{}, r.data[:0], 0
			continue
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "event":
			e.Name = string(value)
		case "data":
			if len(r.data) > 0 {
				r.data = append(r.data, '\n')
			}
			r.data = append(r.data, value...)
		}
	}
}

// line returns a line without its line break.
func (r *Reader) line(limit int) ([]byte, error) {
	var whole []byte
	for {
		part, err := r.lines.ReadSlice('\n')
		if len(whole)+len(part) > limit {
			return nil, ErrTooLong
		}
		if err == nil && whole == nil {
			return bytes.TrimRight(part, "\r\n"), nil
		}
		whole = append(whole, part...)
		if err == nil {
			return bytes.TrimRight(whole, "\r\n"), nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
	}
}

// Append appends an event. An id of 0 is left out.
func Append(b []byte, name string, id int64, data []byte) []byte {
	b = append(append(b, "event: "...), name...)
	if id != 0 {
		b = strconv.AppendInt(append(b, "\nid: "...), id, 10)
	}
	return append(append(append(b, "\ndata: "...), data...), "\n\n"...)
}
