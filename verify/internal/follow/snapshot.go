package follow

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/feed"
	"github.com/portaria/portaria/verify/internal/rules"
)

var (
	errSnapshot    = errors.New("malformed snapshot")
	errLineTooLong = errors.New("line too long")
	errTooLarge    = errors.New("snapshot is too large")
)

const (
	snapshotFor = 2 * time.Minute
	maxSnapshot = 64 << 20 // bytes on the wire
	maxUnpacked = 1 << 30  // bytes of text
	maxLine     = 16 << 10
	maxHead     = 1 << 20 // the first line: it has the key set
)

// fetchSnapshot fetches every rule and merges it. It drops no rule that is known.
func (s *stream) fetchSnapshot(stream context.Context) error {
	if err := s.pause.blocks(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(stream, snapshotFor)
	defer cancel()
	t0 := s.view.Mono(s.config.Now())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.addresses.Load().snapshot+"?"+url.Values{"verifier": {s.upstream.Name()}}.Encode(), nil)
	if err != nil {
		return err
	}
	r.Header.Set("Accept-Encoding", "gzip")
	answer, err := s.upstream.Send(r, "application/x-ndjson")
	if err != nil {
		return fmt.Errorf("fetch snapshot: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	if err = s.useSnapshot(t0, answer); stream.Err() == nil { // otherwise this side ended it
		s.pause.note(err)
	}
	return err
}

func (f *Follower) useSnapshot(t0 int64, answer *http.Response) error {
	text, err := openSnapshot(answer.Body, answer.Header.Get("Content-Encoding") == "gzip", maxSnapshot, maxUnpacked)
	if err != nil {
		return err
	}
	head, all, err := readSnapshot(text)
	if err != nil {
		return err
	}
	return f.takeSnapshot(t0, head, all)
}

// openSnapshot returns the text of a snapshot, within limits in bytes.
func openSnapshot(body io.Reader, packed bool, wire, unpacked int64) (io.Reader, error) {
	body = &limited{body, wire}
	if packed {
		text, err := gzip.NewReader(body)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errSnapshot, err)
		}
		body = text
	}
	return &limited{body, unpacked}, nil
}

// limited returns an error beyond its limit. An [io.LimitReader] would end there, and
// a snapshot that is cut off at the end of a line looks whole: the rules after it
// would be missing.
type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}

// readSnapshot reads a whole snapshot. It must end with the end of a line: one that
// was cut off is rejected.
func readSnapshot(body io.Reader) (head api.Snapshot, all []rules.Rule, err error) {
	lines := bufio.NewReaderSize(body, maxHead)
	first, err := lines.ReadSlice('\n')
	if err != nil || json.Unmarshal(first, &head) != nil {
		return head, nil, fmt.Errorf("%w: first line", errSnapshot)
	}
	for {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return head, all, nil
		}
		if err != nil || len(line) > maxLine || len(all) == rules.Max {
			return head, nil, fmt.Errorf("%w: line %d: %w", errSnapshot, len(all)+2, cmp.Or(err, errLineTooLong))
		}
		r, err := rules.Parse(line[:len(line)-1])
		if err != nil {
			return head, nil, fmt.Errorf("%w: line %d: %w", errSnapshot, len(all)+2, err)
		}
		all = append(all, r)
	}
}

func (f *Follower) takeSnapshot(t0 int64, head api.Snapshot, all []rules.Rule) error {
	if err := f.view.Meet(head.FeedHello); err != nil {
		return err
	}
	if err := f.merge(all); err != nil {
		return err
	}
	f.downstream.advance(head.Head, func(log *feed.Log) { log.Reset(head.FeedHello) })
	f.upstream.KeepProof(head.Proof)
	if len(head.KeySet) > 0 {
		f.takeKeySet(head.KeySet)
	}
	_, err := f.renew(t0, api.FeedHeartbeat{Age: -head.Age, Wall: head.Wall})
	return err
}
