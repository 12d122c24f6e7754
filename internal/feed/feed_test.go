package feed_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/feed"
)

func TestReader(t *testing.T) {
	text := ": hello\n\nevent: a\nid: 7\ndata: 1\n\nevent:b\r\ndata:2\r\ndata: 3\r\nretry: 9\r\n\r\ndata: nameless\n\nevent: empty\n\n" +
		string(feed.Append(nil, "c", 9, []byte(strings.Repeat("x", 100_000)))) + "event: cut"
	r := feed.NewReader(strings.NewReader(text))
	want := []string{"a=1", "b=2\n3", "c=" + strings.Repeat("x", 100_000)}
	for _, w := range want {
		e, err := r.Next()
		if got := e.Name + "=" + string(e.Data); err != nil || got != w {
			t.Fatalf("%.40q, %v; want %.40q", got, err, w)
		}
	}
	if e, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("what was cut off: %+v, %v", e, err)
	}
}

// forever repeats.
type forever string

func (f forever) Read(into []byte) (int, error) {
	n := 0
	for n+len(f) <= len(into) {
		n += copy(into[n:], f)
	}
	return n, nil
}

// TestReaderIsBounded: one line, and many lines of one event.
func TestReaderIsBounded(t *testing.T) {
	for _, again := range []forever{"0123456789abcdef", "data: 9abcdef01\n", "x: 3456789abcde\n"} {
		if _, err := feed.NewReader(again).Next(); !errors.Is(err, feed.ErrTooLong) {
			t.Errorf("%q for ever: %v", string(again), err)
		}
	}
}

// served is a log and what it is asked.
type served struct {
	t      *testing.T
	log    *feed.Log
	asOf   time.Duration // how old the view is
	rules  []api.FeedRule
	server *feed.Server
}

func newServed(t *testing.T) *served {
	s := &served{t: t, log: feed.NewLog(api.FeedHello{Epoch: 1, Head: 10, Salt: "c2FsdA"})}
	s.log.SetKeySet([]byte(`{"keys":[]}`))
	s.server = &feed.Server{Now: time.Now, Log: func() *feed.Log { return s.log },
		AsOf:  func() (time.Time, bool) { return time.Now().Add(-s.asOf), true },
		Rules: func() iter.Seq[api.FeedRule] { return slices.Values(s.rules) }}
	return s
}

func (s *served) append(to int64, rules ...api.FeedRule) {
	s.rules = append(s.rules, rules...)
	from := int64(10)
	if n := len(s.rules) - len(rules); n > 0 {
		from = s.rules[n-1].Seq
	}
	s.log.Append(api.FeedRules{From: from, To: to, Rules: rules})
}

// poll returns the frames for somebody at a place, in short.
func (s *served) poll(after int64, wait int) []string {
	s.t.Helper()
	body, err := json.Marshal(api.Poll{After: after, Wait: wait})
	if err != nil {
		s.t.Fatal(err)
	}
	w := httptest.NewRecorder()
	s.server.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/x/poll", bytes.NewReader(body)))
	var frames api.Frames
	if err := json.Unmarshal(w.Body.Bytes(), &frames); err != nil {
		s.t.Fatalf("%q: %v", w.Body, err)
	}
	var short []string
	for _, f := range frames.Frames {
		text := f.Type
		switch f.Type {
		case api.FrameRules:
			var part api.FeedRules
			_ = json.Unmarshal(f.Data, &part)
			text += fmt.Sprintf(" %d-%d", part.From, part.To)
		case api.FrameHeartbeat:
			var hb api.FeedHeartbeat
			_ = json.Unmarshal(f.Data, &hb)
			text += fmt.Sprintf(" %d %d", hb.Head, hb.Age)
		}
		short = append(short, text)
	}
	return short
}

func (s *served) want(got []string, want ...string) {
	s.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Error(diff)
	}
}

func TestPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServed(t)
		s.want(s.poll(10, 0), "hello", "jwks", "hb 10 0")
		s.append(11, api.FeedRule{Seq: 11})
		s.append(12, api.FeedRule{Seq: 12})
		s.want(s.poll(10, 5), "hello", "rev 10-11", "rev 11-12", "jwks", "hb 12 0")
		s.want(s.poll(11, 5), "hello", "rev 11-12", "jwks", "hb 12 0")
		s.want(s.poll(13, 5), "reset", "jwks", "hb 12 0")
		s.want(s.poll(3, 5), "reset", "jwks", "hb 12 0")
		began := time.Now()
		s.asOf = 1500 * time.Microsecond // rounded to the older side
		s.want(s.poll(12, 4), "hello", "jwks", "hb 12 3998")
		if took := time.Since(began); took != 4*time.Second {
			t.Errorf("waited %v", took)
		}
		go func() {
			time.Sleep(time.Second)
			s.append(14, api.FeedRule{Seq: 14})
		}()
		s.asOf = 0
		s.want(s.poll(12, 4), "hello", "rev 12-14", "jwks", "hb 14 1000")
		s.log.Reset(api.FeedHello{Epoch: 2, Head: 99, Salt: "c2FsdA"})
		s.want(s.poll(14, 4), "reset", "jwks", "hb 99 0")
	})
}

// TestFloor: who is too far behind is sent to the snapshot.
func TestFloor(t *testing.T) {
	s := newServed(t)
	for i := range int64(feed.MaxKept + 10) {
		s.log.Append(api.FeedRules{From: 10 + i, To: 11 + i, Rules: []api.FeedRule{{Seq: 11 + i}}})
	}
	if got := s.poll(10, 0); got[0] != "reset" {
		t.Errorf("%v", got[:2])
	}
	if got := s.poll(10+feed.MaxKept, 0); got[0] != "hello" || len(got) != 13 {
		t.Errorf("%d frames, %v", len(got), got[:2])
	}
}

func TestSnapshot(t *testing.T) {
	s := newServed(t)
	s.append(11, api.FeedRule{Seq: 11, Kind: "s", Mode: "hard"})
	for _, packed := range []bool{true, false} {
		r := httptest.NewRequest(http.MethodGet, "/snapshot", nil)
		if packed {
			r.Header.Set("Accept-Encoding", "gzip")
		}
		w := httptest.NewRecorder()
		s.server.ServeHTTP(w, r)
		var body io.Reader = w.Body
		if packed {
			var err error
			if body, err = gzip.NewReader(w.Body); err != nil {
				t.Fatal(err)
			}
		}
		text, err := io.ReadAll(body)
		lines := strings.Split(string(text), "\n")
		if err != nil || len(lines) != 3 || !strings.Contains(lines[0], `"head":11`) || !strings.Contains(lines[1], `"seq":11`) || w.Header().Get("ETag") != `"11"` {
			t.Errorf("%q, %v", text, err)
		}
	}
}

func TestNotServed(t *testing.T) {
	s := newServed(t)
	for request, want := range map[string]int{
		"GET /poll": 404, "POST /feed": 404, "GET /": 404, "POST /poll": 400, "POST /ack": 400, "GET /feed?after=-1": 422, "GET /feed?after=x": 422,
	} {
		method, path, _ := strings.Cut(request, " ")
		w := httptest.NewRecorder()
		s.server.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader("{")))
		if w.Code != want {
			t.Errorf("%s: %d, want %d", request, w.Code, want)
		}
	}
}
