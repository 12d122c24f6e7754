package feed_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/feed"
)

// begin is the first moment of a synctest bubble.
var begin = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// stream returns what a stream sends in a time.
func (s *served) stream(query string, header http.Header, lasts time.Duration) *httptest.ResponseRecorder {
	ctx, cancel := context.WithTimeout(s.t.Context(), lasts)
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/x/feed?"+query, nil)
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	s.server.ServeHTTP(w, r)
	return w
}

// send posts a body and returns the response.
func (s *served) send(path, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.server.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)))
	return w
}

// Followers of other versions and languages read these bytes.
func TestKnownFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServed(t)
		s.server.IssuedBy = func(asOf time.Time) (time.Time, bool) { return asOf.Add(250 * time.Millisecond), true }
		s.log = feed.NewLog(api.FeedHello{Epoch: 3, Head: 12884901894, Salt: "AAECAwQFBgcICQoLDA0ODw"})
		s.log.SetKeySet([]byte(`{"keys":[]}`))
		rule := api.FeedRule{Seq: 12884901895, Kind: "s", Hash: "09Y5bULDqq5mKGRGI5Aozw", At: 1893553445, Prune: 1893554405, Mode: "hard"}
		s.rules = []api.FeedRule{rule}
		s.log.Append(api.FeedRules{From: 12884901894, To: 12884901895, Rules: s.rules})
		s.asOf = 1500 * time.Microsecond
		const want = "event: hello\ndata: " + `{"epoch":3,"head":12884901895,"floor":12884901894,"salt":"AAECAwQFBgcICQoLDA0ODw"}` + "\n\n" +
			"event: jwks\ndata: " + `{"keys":[]}` + "\n\n" +
			"event: rev\nid: 12884901895\ndata: " +
			`{"from":12884901894,"to":12884901895,"rules":[{"seq":12884901895,"kind":"s","h":"09Y5bULDqq5mKGRGI5Aozw","t":1893553445,"x":1893554405,"mode":"hard"}]}` + "\n\n" +
			"event: hb\ndata: " + `{"head":12884901895,"age_ms":-2,"w":946684800249}` + "\n\n"
		w := s.stream("after=12884901894", nil, time.Millisecond)
		if got := w.Body.String(); got != want || w.Header().Get("Content-Type") != "text/event-stream" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("stream:\n%s\nwant\n%s", got, want)
		}
		const reset = "\n\nevent: reset\ndata: " + `{"epoch":3,"head":12884901895,"floor":12884901894,"salt":"AAECAwQFBgcICQoLDA0ODw"}` + "\n\n"
		if got := s.stream("after=1", nil, time.Millisecond).Body.String(); !strings.Contains(got, reset) {
			t.Errorf("reset:\n%s\nwant\n%s", got, reset)
		}
		r := httptest.NewRecorder()
		s.server.ServeHTTP(r, httptest.NewRequest(http.MethodGet, "/x/snapshot", nil))
		const snapshot = `{"epoch":3,"head":12884901895,"floor":12884901894,"salt":"AAECAwQFBgcICQoLDA0ODw","asof_age_ms":2,"w":946684800251,"jwks":{"keys":[]}}` + "\n" +
			`{"seq":12884901895,"kind":"s","h":"09Y5bULDqq5mKGRGI5Aozw","t":1893553445,"x":1893554405,"mode":"hard"}` + "\n"
		if got := r.Body.String(); got != snapshot {
			t.Errorf("snapshot:\n%s\nwant\n%s", got, snapshot)
		}
	})
}

// TestStream: a stream begins where the follower was, greets once, sends what is
// new, and a heartbeat each second.
func TestStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServed(t)
		s.append(11, api.FeedRule{Seq: 11})
		go func() {
			time.Sleep(1500 * time.Millisecond)
			s.append(12, api.FeedRule{Seq: 12})
		}()
		events := func(w *httptest.ResponseRecorder) (names []string) {
			for e := feed.NewReader(w.Body); ; {
				event, err := e.Next()
				if err != nil {
					return names
				}
				names = append(names, event.Name)
			}
		}
		s.want(events(s.stream("after=10", nil, 2500*time.Millisecond)), "hello", "jwks", "rev", "hb", "hb", "rev", "hb")
		s.want(events(s.stream("", http.Header{"Last-Event-Id": {"11"}}, time.Millisecond)), "hello", "jwks", "rev", "hb")
		s.want(events(s.stream("after=12", http.Header{"Last-Event-Id": {"11"}}, time.Millisecond)), "hello", "jwks", "rev", "hb")
		s.want(events(s.stream("", nil, time.Millisecond)), "hello", "jwks", "reset", "hb")
		stays := 3
		s.server.Stays = func(who api.FollowerAck) bool {
			stays--
			return who.Verifier == "v1" && who.Seq == 12 && who.Staleness == 10_000 && who.WhenStale == "refuse" && stays > 0
		}
		s.want(events(s.stream("after=12&verifier=v1", nil, time.Hour)), "hello", "jwks", "hb", "hb")
		if passed := time.Since(begin); passed > 7*time.Second {
			t.Errorf("the stream of a follower that may not stay ended after %v", passed)
		}
	})
}

// TestBeats: heartbeats come four times in each lease, at least once a second,
// and at most four times a second.
func TestBeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServed(t)
		for lease, want := range map[string]int{"10000": 10, "4000": 10, "2000": 20, "1000": 40, "500": 40} {
			// The stream ends just before the last beat.
			w := s.stream("after=10&verifier=v1&lease_ms="+lease, nil, 10*time.Second-time.Millisecond)
			if got := bytes.Count(w.Body.Bytes(), []byte("event: hb\n")); got != want {
				t.Errorf("lease of %s ms: %d heartbeats in ten seconds, want %d", lease, got, want)
			}
		}
	})
}

// TestLeasesOfAStream: a lease is between a millisecond and a year.
func TestLeasesOfAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServed(t)
		for query, want := range map[string]int{
			"verifier=v1&lease_ms=1": 200, "verifier=v1&lease_ms=31536000000": 200, "verifier=v1&lease_ms=31536000001": 200, "lease_ms=1": 422,
			"verifier=v1&lease_ms=0": 422, "verifier=v1&lease_ms=-1": 422, "verifier=v1&lease_ms=x": 422, "verifier=v1&verifier=v1": 422, "since=1": 422,
			"verifier=v1": 200, "verifier=" + strings.Repeat("x", 64): 200, "verifier=" + strings.Repeat("x", 65): 422,
			"verifier=v1&when_stale=hope": 422, "verifier=v1&when_stale=open": 200, "verifier=%00": 422,
			"after=9223372036854775808": 422, "after=0": 200,
		} {
			if got := s.stream(query, nil, time.Microsecond).Code; got != want {
				t.Errorf("%s: %d, want %d", query, got, want)
			}
		}
	})
}

// TestAcksAndPolls: what is not as it should be is refused and not handed on.
func TestAcksAndPolls(t *testing.T) {
	s := newServed(t)
	var acked []api.Ack
	s.server.Acked = func(a api.Ack) error {
		acked = append(acked, a)
		return nil
	}
	const good = `{"verifier":"v1","seq":7,"staleness_ms":10000,"when_stale":"refuse"`
	for request, want := range map[string]int{
		"ack " + good + "}":                                204,
		"ack " + good + `,"followers":[` + good + `}]}`:    204,
		"ack " + good + `,"followers":[` + good + `},{}]}`: 422,
		"ack {}":                           422,
		"ack {":                            400,
		"poll " + `{"after":10}`:           200,
		"poll " + `{"after":-1}`:           422,
		"poll " + `{"after":10,"wait":26}`: 422,
		"poll " + `{"after":10,"wait":-1}`: 422,
		"poll " + `{"after":10,"since":1}`: 400,
		"poll " + `{"after":10,"verifier":"v1","lease_ms":31536000000}`:           200,
		"poll " + `{"after":10,"verifier":"v1","lease_ms":31536000001}`:           200,
		"poll " + `{"after":10,"verifier":"v1","when_stale":"hope"}`:              422,
		"poll " + `{"after":10,"verifier":"` + strings.Repeat("x", 65) + `"}`:     422,
		"poll " + `{"after":10,"ack":` + good + `}}`:                              200,
		"poll " + `{"after":10,"ack":{}}`:                                         422,
		"poll " + `{"after":10,"verifier":"` + strings.Repeat(" ", 64<<10) + `"}`: 413,
	} {
		acked = nil
		path, body, _ := strings.Cut(request, " ")
		w := s.send("/x/"+path, body)
		if w.Code != want {
			t.Errorf("%.80s: %d, want %d", request, w.Code, want)
		}
		if frames := strings.HasPrefix(w.Body.String(), `{"frames":[`); frames != (want == 200) {
			t.Errorf("%.80s: %s", request, w.Body)
		}
		if handed := len(acked) == 1; handed != (want < 300 && strings.Contains(body, "staleness_ms")) {
			t.Errorf("%.80s: %d acks are handed on", request, len(acked))
		}
	}
}

// TestSizeOfBodies: a body at the limit is read, a longer one is refused.
func TestSizeOfBodies(t *testing.T) {
	s := newServed(t)
	for _, test := range []struct {
		path, body string
		limit      int
		good       int
	}{{"/poll", `{"after":10}`, 64 << 10, 200}, {"/ack", `{"verifier":"v1","seq":7,"staleness_ms":10000,"when_stale":"refuse"}`, 64 << 10, 204}} {
		fill := strings.Repeat(" ", test.limit-len(test.body))
		if got := s.send(test.path, fill+test.body).Code; got != test.good {
			t.Errorf("%s of %d bytes: %d", test.path, test.limit, got)
		}
		if got := s.send(test.path, " "+fill+test.body).Code; got != 413 {
			t.Errorf("%s of %d bytes: %d", test.path, test.limit+1, got)
		}
	}
}

// TestJoining: a follower with a lease that is too long gets 422, and one that
// cannot be let in now gets 503, in each of the ways to follow.
func TestJoining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServed(t)
		for _, test := range []struct {
			err   error
			code  int
			retry string
		}{{feed.ErrLease, 422, ""}, {errors.New("full"), 503, "1"}, {nil, 200, ""}} {
			s.server.Join = func(context.Context, api.FollowerAck) error { return test.err }
			for _, w := range []*httptest.ResponseRecorder{s.stream("after=10", nil, time.Microsecond), s.send("/poll", `{"after":10}`)} {
				frames := strings.Contains(w.Body.String(), "hello")
				if w.Code != test.code || w.Header().Get("Retry-After") != test.retry || frames != (test.err == nil) {
					t.Errorf("%v: %d, retry after %q, %s", test.err, w.Code, w.Header().Get("Retry-After"), w.Body)
				}
			}
		}
		s.server.Join = nil
		s.server.Acked = func(api.Ack) error { return feed.ErrLease }
		if w := s.send("/ack", `{"verifier":"v1","seq":7,"staleness_ms":10000,"when_stale":"refuse"}`); w.Code != 422 {
			t.Errorf("an ack with a lease that is too long: %d", w.Code)
		}
	})
}

// TestServedWithoutAView: without a log everything is 503; a log of unknown age
// has no snapshot and no heartbeats.
func TestServedWithoutAView(t *testing.T) {
	s := newServed(t)
	s.server.AsOf = func() (time.Time, bool) { return time.Time{}, false }
	s.want(s.poll(10, 0), "hello", "jwks")
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		s.server.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w
	}
	if w := get("/snapshot"); w.Code != 503 {
		t.Errorf("snapshot: %d", w.Code)
	}
	s.server.Log = func() *feed.Log { return nil }
	for _, path := range []string{"/feed", "/snapshot"} {
		if w := get(path); w.Code != 503 || w.Header().Get("Retry-After") != "1" {
			t.Errorf("%s: %d, retry after %q", path, w.Code, w.Header().Get("Retry-After"))
		}
	}
}

// TestPollsWait: a poll waits 25 seconds at most, and only while there is
// nothing new.
func TestPollsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServed(t)
		took := func(after int64, wait int) time.Duration {
			began := time.Now()
			s.poll(after, wait)
			return time.Since(began)
		}
		s.append(11, api.FeedRule{Seq: 11})
		for _, test := range []struct {
			after int64
			wait  int
			want  time.Duration
		}{{11, 25, 25 * time.Second}, {11, 1, time.Second}, {11, 0, 0}, {11, -1, 0}, {10, 25, 0}, {99, 25, 0}} {
			if got := took(test.after, test.wait); got != test.want {
				t.Errorf("after %d, wait %d: %v, want %v", test.after, test.wait, got, test.want)
			}
		}
		go func() {
			time.Sleep(2 * time.Second)
			s.log.Beat()
		}()
		if got := took(11, 25); got != 2*time.Second {
			t.Errorf("a beat ends a poll after %v", got)
		}
	})
}

// broken is a response whose reader has gone.
type broken struct {
	http.ResponseWriter
	good   int // bytes that still arrive
	failed int // writes after that
}

func (b *broken) Write(data []byte) (int, error) {
	if b.good -= len(data); b.good < 0 {
		b.failed++
		return 0, errors.New("the reader has gone")
	}
	return b.ResponseWriter.Write(data)
}

// many are rules that do not fit into one member of a snapshot.
func many(n int) (all []api.FeedRule) {
	for i := range n {
		all = append(all, api.FeedRule{Seq: int64(i + 1), Hash: strings.Repeat("x", 900)})
	}
	return all
}

// TestSnapshotForNobody: sending ends when the reader has gone.
func TestSnapshotForNobody(t *testing.T) {
	for _, good := range []int{10, 100_000} {
		s := newServed(t)
		s.rules = many(1000)
		w := &broken{ResponseWriter: httptest.NewRecorder(), good: good}
		s.server.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/snapshot", nil))
		if w.failed != 1 {
			t.Errorf("with room for %d bytes: %d writes to a reader that has gone", good, w.failed)
		}
	}
}

// TestSnapshotsShareTheirRules: the rules are read and compressed once for all
// followers; what came later is added. After a minute, or when the log does not
// continue, they are read again.
func TestSnapshotsShareTheirRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServed(t)
		s.rules = many(500)
		read := 0
		s.server.Rules = func() iter.Seq[api.FeedRule] {
			read++
			return slices.Values(slices.Clone(s.rules))
		}
		want := func(head string, rules, reads int) {
			t.Helper()
			for range 3 {
				w := httptest.NewRecorder()
				s.server.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/snapshot", nil))
				if n := strings.Count(w.Body.String(), "\n") - 1; n != rules || w.Header().Get("ETag") != head || read != reads {
					t.Errorf("%d rules, ETag %s, read %d times; want %d, %s, %d", n, w.Header().Get("ETag"), read, rules, head, reads)
				}
			}
		}
		want(`"10"`, 500, 1)
		s.log.Append(api.FeedRules{From: 10, To: 11, Rules: []api.FeedRule{{Seq: 11}}})
		s.log.Append(api.FeedRules{From: 11, To: 12, Rules: []api.FeedRule{{Seq: 12}}})
		want(`"12"`, 502, 1)
		time.Sleep(time.Minute)
		want(`"12"`, 500, 2)
		s.log.Reset(api.FeedHello{Epoch: 1, Head: 20, Salt: "c2FsdA"})
		want(`"20"`, 500, 3)
	})
}

// TestFramesAreEncodedOnce: all followers of a log get the same bytes.
func TestFramesAreEncodedOnce(t *testing.T) {
	s := newServed(t)
	s.append(11, api.FeedRule{Seq: 11})
	bytesOf := func() *byte {
		log, _, end := s.log.Subscribe()
		defer end()
		text, _ := s.log.Event(log.After(10)[0])
		return &text[0]
	}
	if one, other := bytesOf(), bytesOf(); one != other {
		t.Error("two followers have a frame each")
	}
}

// TestSlowFollower: a follower that lags by 128 parts is dropped and reconnects;
// the log does not wait for it.
func TestSlowFollower(t *testing.T) {
	s := newServed(t)
	_, parts, end := s.log.Subscribe()
	defer end()
	for i := range int64(200) {
		s.log.Append(api.FeedRules{From: 10 + i, To: 11 + i})
	}
	n := 0
	for range parts {
		n++
	}
	if n != 128 {
		t.Errorf("%d parts before the end, want 128", n)
	}
}

// TestBoundedFollowers: a relay has 4,096 seats, and a follower that leaves gives
// its seat back.
func TestBoundedFollowers(t *testing.T) {
	var seats feed.Seats
	var leave func()
	for range feed.MaxFollowers {
		var err error
		if leave, err = seats.Take(""); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := seats.Take(""); err == nil {
		t.Error("one more is let in")
	}
	leave()
	if _, err := seats.Take(""); err != nil {
		t.Error(err)
	}
}

// TestKeySetThatIsNone: what is not JSON is not sent.
func TestKeySetThatIsNone(t *testing.T) {
	s := newServed(t)
	s.log.SetKeySet([]byte("{"))
	s.want(s.poll(10, 0), "hello", "hb 10 0")
	s.log.SetKeySet([]byte("{\n}"))
	if text := s.send("/poll", `{"after":10}`).Body.String(); !strings.Contains(text, `{"type":"jwks","data":{}}`) {
		t.Errorf("a key set of several lines: %s", text)
	}
}

// TestEventsAtTheLimit: an event of the greatest size is read, one byte more is
// not.
func TestEventsAtTheLimit(t *testing.T) {
	for _, more := range []int{0, 1} {
		// The two lines count, and the end of the event.
		data := strings.Repeat("x", feed.MaxEvent-len("event: a")-len("data: ")-1+more)
		event := string(feed.Append(nil, "a", 0, []byte(data)))
		e, err := feed.NewReader(strings.NewReader(event)).Next()
		if more == 0 && (err != nil || len(e.Data) != len(data)) || more > 0 && !errors.Is(err, feed.ErrTooLong) {
			t.Errorf("%d beyond the limit: %d bytes, %v", more, len(e.Data), err)
		}
	}
}

// FuzzReader: whatever the stream is cut into, the events are the same, and all
// prefixes of a good stream have only whole events.
func FuzzReader(f *testing.F) {
	good := string(feed.Append(feed.Append([]byte(": comment\n\n"), "hello", 0, []byte(`{"epoch":1}`)), "rev", 7, []byte("1\n2")))
	for n := range len(good) + 1 {
		f.Add(good[:n])
	}
	f.Fuzz(func(t *testing.T, text string) {
		whole := strings.Count(text, "\n\n") + strings.Count(text, "\n\r\n") + strings.Count(text, "\r\n\n")
		read := func(size int) (events []string) {
			for r := feed.NewReader(&pieces{text, size}); ; {
				e, err := r.Next()
				if err != nil {
					return events
				}
				events = append(events, e.Name+"="+string(e.Data))
			}
		}
		all := read(len(text) + 1)
		if len(all) > whole+strings.Count(text, "\n") || !slices.Equal(all, read(1)) {
			t.Errorf("%q: %q, in single bytes %q", text, all, read(1))
		}
	})
}

// pieces is a text that arrives in pieces of a size.
type pieces struct {
	text string
	size int
}

func (p *pieces) Read(into []byte) (int, error) {
	return strings.NewReader(p.take(min(p.size, len(into)))).Read(into)
}

func (p *pieces) take(n int) string {
	n = min(n, len(p.text))
	taken := p.text[:n]
	p.text = p.text[n:]
	return taken
}
