package verify

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

var errLineTooLong = errors.New("line too long")

const (
	snapshotFor = 2 * time.Minute
	maxSnapshot = 64 << 20 // bytes on the wire
	maxUnpacked = 1 << 30
	maxLine     = 16 << 10
	maxHead     = 1 << 20 // the first line: it has the key set
)

// fetchSnapshot fetches every rule and merges it: nothing is taken back.
func (f *follower) fetchSnapshot(stream context.Context) error {
	if err := f.unfit.resting(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(stream, snapshotFor)
	defer cancel()
	t0 := f.mono(f.v.now())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, f.places.Load().snapshot+"?"+url.Values{"verifier": {f.name}}.Encode(), nil)
	if err != nil {
		return err
	}
	r.Header.Set("Accept-Encoding", "gzip")
	answer, err := f.send(r, "application/x-ndjson")
	if err != nil {
		return fmt.Errorf("fetch snapshot: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	if err = f.useSnapshot(t0, answer); stream.Err() == nil { // else it was this side that went
		f.unfit.note(err)
	}
	return err
}

func (f *follower) useSnapshot(t0 int64, answer *http.Response) (err error) {
	body := io.LimitReader(answer.Body, maxSnapshot)
	if answer.Header.Get("Content-Encoding") == "gzip" {
		if body, err = gzip.NewReader(body); err != nil {
			return fmt.Errorf("%w: %w", errSnapshot, err)
		}
	}
	head, all, err := readSnapshot(io.LimitReader(body, maxUnpacked))
	if err != nil {
		return err
	}
	return f.takeSnapshot(t0, head, all)
}

// readSnapshot reads a whole one. The end of it must be the end of a line: what
// was cut off is refused.
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

func (f *follower) takeSnapshot(t0 int64, head api.Snapshot, all []rules.Rule) error {
	if err := f.meet(head.FeedHello); err != nil {
		return err
	}
	if err := f.merge(all); err != nil {
		return err
	}
	f.move(head.Head, func(relay *feed.Log) { relay.Reset(head.FeedHello) })
	f.keepProof(head.Proof)
	if len(head.KeySet) > 0 {
		if err := f.keys(head.KeySet); err != nil {
			return err
		}
	}
	_, err := f.renew(t0, api.FeedHeartbeat{Age: -head.Age, Wall: head.Wall})
	return err
}
