package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/feed"
)

// drained is what a follower saw after the signal.
type drained struct {
	last  string // the last event
	beats int
	took  time.Duration // until the end of the stream
}

// TestShutdownDrainsFollowers: streams continue after the signal, and end one after
// the other, within half a lease. Followers that hang, and read nothing, keep neither
// the others nor the end of the process waiting.
func TestShutdownDrainsFollowers(t *testing.T) {
	const followers, hanging, lease = 100, 20, 4 * time.Second
	dir, address := t.TempDir(), freeAddress(t)
	if err := os.WriteFile(filepath.Join(dir, "watch.secret"), []byte(watchSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := launch(dir, []string{raceOptions, "PORTARIA_LISTEN=" + address,
		`PORTARIA_CLIENTS=[{"id":"watch","kind":"service","secret_file":"watch.secret","scopes":["revocation:read"]}]`})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill() }) // it has ended
	signalled := make(chan time.Time, followers)
	var all sync.WaitGroup
	seen, errs := make([]drained, followers), make([]error, followers)
	for i := range followers {
		stream, err := openStream(s.url, lease)
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			defer stream.Close()
			seen[i], errs[i] = watchStream(stream, signalled)
		})
	}
	var hang []io.ReadCloser
	for range hanging {
		stream, err := openStream(s.url, lease)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { stream.Close() })
		hang = append(hang, stream)
	}
	at := time.Now()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for range followers {
		signalled <- at
	}
	all.Wait()
	if <-s.exited; s.status != nil || errors.Join(errs...) != nil {
		t.Fatalf("%v, %v\n%s", s.status, errors.Join(errs...), s.err.String())
	}
	if took := time.Since(at); took > lease {
		t.Errorf("the process ended after %v", took)
	}
	for _, stream := range hang {
		ended := make(chan time.Time, 1)
		ended <- at
		if d, err := watchStream(stream, ended); err != nil || d.last != api.FrameDrain {
			t.Errorf("a follower that hangs: %s, %v", d.last, err)
		}
	}
	slices.SortFunc(seen, func(a, b drained) int { return int(a.took - b.took) })
	for _, d := range seen {
		if d.last != api.FrameDrain || d.took > lease/4 && d.beats == 0 {
			t.Errorf("a stream of %v ended with %s after %d heartbeats", d.took, d.last, d.beats)
		}
	}
	if first, last := seen[0].took, seen[followers-1].took; last-first < lease/8 {
		t.Errorf("all streams ended between %v and %v", first, last)
	}
}

func openStream(url string, lease time.Duration) (io.ReadCloser, error) {
	r, err := http.NewRequest(http.MethodGet, fmt.Sprintf("%s/rev/v1/feed?verifier=%d&lease_ms=%d", url, time.Now().UnixNano(), lease.Milliseconds()), nil)
	if err != nil {
		return nil, err
	}
	r.SetBasicAuth("watch", watchSecret)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("follow: status %d", answer.StatusCode), answer.Body.Close())
	}
	return answer.Body, nil
}

func watchStream(stream io.Reader, signalled <-chan time.Time) (d drained, err error) {
	events := feed.NewReader(stream)
	var at time.Time
	for {
		e, err := events.Next()
		if at.IsZero() {
			select {
			case at = <-signalled:
			default:
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			if at.IsZero() {
				at = <-signalled
			}
			d.took = time.Since(at)
			return d, nil
		case err != nil:
			return d, err
		}
		if d.last = e.Name; e.Name == api.FrameHeartbeat && !at.IsZero() {
			d.beats++
		}
	}
}
