package serve_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/portaria/portaria/internal/serve"
)

func lostLine(lines int64) []byte { return fmt.Appendf(nil, "lost %d\n", lines) }

// TestLogOfAFullPipe serves requests that are all logged, while nobody reads the
// log: more than the pipe and the queue hold. Then somebody reads it.
func TestLogOfAFullPipe(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	l := serve.NewLog(writer, lostLine)
	h := serve.Wrap(serve.Config{Log: slog.New(slog.NewJSONHandler(l, nil))}, answer(http.StatusForbidden))
	const requests = 10_000
	for range requests {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if w.Code != http.StatusForbidden {
			t.Fatal(w.Code)
		}
	}
	counted := make(chan [2]int64, 1)
	go func() {
		var written, lost int64
		lines := bufio.NewScanner(reader)
		for lines.Scan() {
			var n int64
			if _, err := fmt.Sscanf(lines.Text(), "lost %d", &n); err == nil {
				lost += n
			} else {
				written++
			}
		}
		counted <- [2]int64{written, lost}
	}()
	if err := errors.Join(l.Close(), writer.Close()); err != nil {
		t.Fatal(err)
	}
	got := <-counted
	if got[0]+got[1] != requests || got[1] == 0 || got[0] < 1000 {
		t.Errorf("%d lines written and %d counted as lost, of %d", got[0], got[1], requests)
	}
}

func TestLogKeepsOrderAndFlushes(t *testing.T) {
	var out bytes.Buffer
	l := serve.NewLog(&out, lostLine)
	var want strings.Builder
	line := make([]byte, 0, 16)
	for i := range 1000 {
		line = fmt.Appendf(line[:0], "%d\n", i) // as slog does, which uses its buffer again
		want.Write(line)
		if _, err := l.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil || out.String() != want.String() {
		t.Errorf("%v, %d bytes of %d", err, out.Len(), want.Len())
	}
}

// failing refuses its first write.
type failing struct {
	bytes.Buffer
	failed bool
}

func (f *failing) Write(p []byte) (int, error) {
	if !f.failed {
		f.failed = true
		return 0, io.ErrClosedPipe
	}
	return f.Buffer.Write(p)
}

func TestLogCountsWhatCouldNotBeWritten(t *testing.T) {
	out := &failing{}
	l := serve.NewLog(out, lostLine)
	_, _ = l.Write([]byte("a\n"))
	_, _ = l.Write(bytes.Repeat([]byte("b"), 2<<20)) // more than ever fits
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var lost int64
	for text := range strings.Lines(out.String()) {
		var n int64
		_, _ = fmt.Sscanf(text, "lost %d", &n)
		lost += n
	}
	if lost != 2 {
		t.Errorf("%q", out.String())
	}
}

// faulty panics at its first lines.
type faulty struct {
	bytes.Buffer
	panics int
}

func (f *faulty) Write(line []byte) (int, error) {
	if f.panics--; f.panics >= 0 {
		panic("the destination has a fault")
	}
	return f.Buffer.Write(line)
}

// TestLogOfADestinationThatPanics: the process lives, the lines are counted, and
// the log goes on.
func TestLogOfADestinationThatPanics(t *testing.T) {
	to := &faulty{panics: 1}
	l := serve.NewLog(to, lostLine)
	for _, line := range []string{"one\n", "two\n"} {
		if _, err := l.Write([]byte(line)); err != nil {
			t.Error(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if got := to.String(); !strings.Contains(got, "two\n") || !strings.Contains(got, "lost 1\n") || strings.Contains(got, "one") {
		t.Errorf("wrote %q", got)
	}
}
