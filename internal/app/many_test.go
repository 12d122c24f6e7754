package app_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/portaria/portaria/api"
	"github.com/portaria/portaria/internal/app/apptest"
	"github.com/portaria/portaria/internal/config"
	"github.com/portaria/portaria/internal/store/sqlstore"
	"github.com/portaria/portaria/verify"
)

// listener follows by itself, and keeps when it heard of the log last and the
// longest time that it heard nothing.
type listener struct {
	mu       sync.Mutex
	last     time.Time
	silence  time.Duration
	beats    int
	rules    int
	problems []string
}

// listen opens a feed and reads it until ctx ends.
func (e *everywhere) listen(ctx context.Context) *listener {
	e.Helper()
	r, err := http.NewRequestWithContext(ctx, "GET", e.issuer.URL+"/rev/v1/feed", nil)
	if err != nil {
		e.Fatal(err)
	}
	r.SetBasicAuth(readerID, url.QueryEscape(e.reader))
	resp, err := http.DefaultClient.Do(r)
	if err != nil || resp.StatusCode != http.StatusOK {
		e.Fatal(resp, err)
	}
	l := &listener{last: time.Now()}
	go func() {
		defer resp.Body.Close()
		l.hear(resp.Body)
		if ctx.Err() == nil {
			l.problem("dropped")
		}
	}()
	return l
}

func (l *listener) hear(body io.Reader) {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 8<<20)
	for lines.Scan() {
		text := lines.Text()
		l.mu.Lock()
		if strings.HasPrefix(text, "event: hb") {
			now := time.Now()
			l.silence = max(l.silence, now.Sub(l.last))
			l.last = now
			l.beats++
		}
		l.rules += strings.Count(text, `"seq":`)
		l.mu.Unlock()
	}
}

func (l *listener) problem(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.problems = append(l.problems, text)
}

// told is what it has heard so far.
func (l *listener) told() (rules, beats int, silence time.Duration, problems []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rules, l.beats, max(l.silence, time.Since(l.last)), l.problems
}

// steady are those who are there all the time.
type steady []*listener

// beats is how many heartbeats the one who heard fewest has heard.
func (s steady) beats() int {
	least := math.MaxInt
	for _, l := range s {
		_, beats, _, _ := l.told()
		least = min(least, beats)
	}
	return least
}

// unaffected wants that nobody was dropped, or heard nothing for so long that
// it would look elsewhere. It answers the longest silence.
func (s steady) unaffected(t *testing.T) (longest time.Duration) {
	t.Helper()
	for _, l := range s {
		_, _, silence, problems := l.told()
		longest = max(longest, silence)
		if silence > verifierPatience || len(problems) > 0 {
			t.Errorf("one of those who were there heard nothing for %v; %v", silence, problems)
		}
	}
	return longest
}

// crowd starts many verifiers at once, and ends them when all follow.
func (e *everywhere) crowd(many int) {
	e.Helper()
	start, began := e.issuer.Clock.Now(), time.Now()
	now := func() time.Time { return start.Add(time.Since(began)) }
	fleet := make([]*verify.Verifier, many)
	transports := make([]*http.Transport, many)
	var all sync.WaitGroup
	for i := range fleet {
		all.Go(func() {
			transports[i] = &http.Transport{}
			v, err := verify.New(e.Context(), verify.Config{Issuer: e.issuer.URL, Audience: "portaria", Now: now,
				HTTPClient: &http.Client{Transport: transports[i]}, Log: slog.New(slog.DiscardHandler),
				ClientID: readerID, ClientSecret: verify.Secret(e.reader)})
			if err != nil {
				e.Error(err)
				return
			}
			fleet[i] = v
		})
	}
	all.Wait()
	if e.Failed() {
		e.FailNow()
	}
	e.within(time.Minute, "all follow", func() bool {
		return !slices.ContainsFunc(fleet, func(v *verify.Verifier) bool { return v.Stats().Feed != verify.FeedCurrent })
	})
	e.Logf("%d verifiers follow after %v", many, time.Since(began))
	for i, v := range fleet {
		all.Go(v.Close)
		all.Go(transports[i].CloseIdleConnections)
	}
	all.Wait()
}

// TestThousandVerifiersStartAtOnce, again and again, with a log to catch up
// with: all come to follow, and those who are there all the time hear every
// heartbeat.
func TestThousandVerifiersStartAtOnce(t *testing.T) {
	const rules = 300
	log := newLog(t)
	log.write(rules)
	e := newEverywhere(t, log.use)
	var there steady
	for range 20 {
		there = append(there, e.listen(t.Context()))
	}
	ana := e.signUp("ana")
	for range 2 {
		before := there.beats()
		e.crowd(crowded)
		e.eventually("two heartbeats", func() bool { return there.beats() >= before+2 })
	}
	if _, err := e.issuer.As(api.Tokens{AccessToken: ana.token}).Me(t.Context()); err != nil {
		t.Errorf("the issuer: %v", err)
	}
	for _, l := range there {
		if got, _, _, _ := l.told(); got != rules {
			t.Errorf("%d rules of %d", got, rules)
		}
	}
	t.Logf("heartbeats came at most %v apart", there.unaffected(t))
}

// verifierPatience is after what silence a verifier with the usual bound looks
// elsewhere: half of it.
const verifierPatience = 5 * time.Second

// log is that of a Portaria, which another process writes to as well.
type log struct {
	*testing.T
	path string
}

func newLog(t *testing.T) log { return log{t, "sqlite:" + filepath.Join(t.TempDir(), "portaria.db")} }

// write adds rules at once, as nobody could who writes one after the other.
func (l log) write(rules int) {
	l.Helper()
	store, err := sqlstore.Open(l.Context(), l.path, sqlstore.Options{})
	if err == nil {
		err = store.Close() // it has made the tables
	}
	if err != nil {
		l.Fatal(err)
	}
	db, err := sql.Open("sqlite", strings.TrimPrefix(l.path, "sqlite:")+"?_pragma=busy_timeout(10000)&_txlock=immediate")
	if err != nil {
		l.Fatal(err)
	}
	defer db.Close()
	tx, err := db.BeginTx(l.Context(), nil)
	if err != nil {
		l.Fatal(err)
	}
	at := apptest.NewClock().Now().Add(time.Hour)
	_, err = tx.Exec(`WITH RECURSIVE counted (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM counted WHERE i < $1)
		INSERT INTO rules (seq, kind, value, mode, written_at, prune_at)
		SELECT (epoch << 32) + n + i, 't', 'token ' || (n + i), 'hard', $2, $3 FROM counted, revocation_log`,
		rules, at.UnixMilli(), at.Add(time.Hour).UnixMilli())
	if err == nil {
		_, err = tx.Exec("UPDATE revocation_log SET n = n + $1", rules)
	}
	if err = errors.Join(err, tx.Commit()); err != nil {
		l.Fatal(err)
	}
}

// use has a Portaria use it.
func (l log) use(c *config.Config) {
	d, err := config.ParseDatabase(l.path)
	if err != nil {
		l.Fatal(err)
	}
	c.Database = d
}

// deaf opens a feed over a connection of small buffers, and does not read.
func (e *everywhere) deaf() *net.TCPConn {
	e.Helper()
	dialer := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) })
	}}
	conn, err := dialer.DialContext(e.Context(), "tcp", strings.TrimPrefix(e.issuer.URL, "http://"))
	if err != nil {
		e.Fatal(err)
	}
	e.Cleanup(func() { _ = conn.Close() })
	r, err := http.NewRequestWithContext(e.Context(), "GET", e.issuer.URL+"/rev/v1/feed", nil)
	if err != nil {
		e.Fatal(err)
	}
	r.SetBasicAuth(readerID, url.QueryEscape(e.reader))
	if err := r.Write(conn); err != nil {
		e.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

// places follows what a feed says of the log after a place, and wants no gap. It
// ends with the feed, or when it has come to the head.
func (e *everywhere) places(body io.Reader, at, head int64) (to int64, rules int) {
	e.Helper()
	lines := bufio.NewScanner(body)
	for lines.Buffer(nil, 8<<20); at < head && lines.Scan(); {
		text, ok := strings.CutPrefix(lines.Text(), `data: {"from"`)
		if !ok {
			continue
		}
		var part api.FeedRules
		if json.Unmarshal([]byte(`{"from"`+text), &part) != nil {
			return at, rules // torn off
		}
		if part.From != at {
			e.Errorf("from %d after %d", part.From, at)
		}
		at, rules = part.To, rules+len(part.Rules)
	}
	return at, rules
}

const slowRules, slowLater, slowSingle, deafOnes = 9_000, 23_000, 10, 20 // more than the system buffers, and no more than can be resumed then

const slowAll = slowRules + slowLater + slowSingle

// deafPatience is how soon the others must hear. A follower that does not read is
// dropped after ten seconds; if the others had to wait for that, they would hear
// later than this. A machine with other work needs the rest.
const deafPatience = 9 * time.Second

// TestSlowConsumer: who does not read costs little memory, is dropped, and goes
// on where it stopped; the others hear everything at once.
//
// It is not parallel: it measures time, and the other tests use every processor.
func TestSlowConsumer(t *testing.T) {
	log := newLog(t)
	log.write(slowRules)
	e := newEverywhere(t, log.use)
	var there steady
	for range 5 {
		there = append(there, e.listen(t.Context()))
	}
	all := func(rules int) func() bool {
		return func() bool {
			return !slices.ContainsFunc(there, func(l *listener) bool { got, _, _, _ := l.told(); return got != rules })
		}
	}
	began := time.Now()
	e.within(time.Minute, "the others catch up", all(slowRules))
	// On a busy machine everything takes longer, also without the deaf ones.
	patience := max(deafPatience, 6*time.Since(began))
	var slow [deafOnes]*net.TCPConn
	for i := range slow {
		slow[i] = e.deaf()
	}
	log.write(slowLater)
	e.within(patience, "the others hear what there is much of", all(slowRules+slowLater))
	var head int64
	for n := range slowSingle {
		receipt, err := e.issuer.Admin().Revoke(t.Context(), api.Revoke{Target: api.Target{Token: fmt.Sprint("single", n)}}, 0)
		if err != nil {
			t.Fatal(err)
		}
		head = receipt.Seq
		e.within(patience, "the others hear it", all(slowRules+slowLater+n+1))
	}
	held := heapInUse()
	// The one that reads in the end finds that it was left, after ten seconds.
	dropped := there.beats() + 11
	e.within(30*time.Second, "ten seconds", func() bool { return there.beats() >= dropped })
	if each := (held - heapInUse()) / deafOnes; each > 512<<10 {
		t.Errorf("%d KB for each that does not read", each>>10)
	}
	err := errors.Join(slow[0].SetReadBuffer(4<<20), slow[0].SetReadDeadline(time.Now().Add(10*time.Second)))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(slow[0]), nil)
	if err != nil {
		t.Fatal(err)
	}
	at, some := e.places(resp.Body, 0, head)
	if some == 0 || some >= slowAll {
		t.Fatalf("%d rules: the test is about a part of them", some)
	}
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	r, err := http.NewRequestWithContext(ctx, "GET", e.issuer.URL+"/rev/v1/feed?after="+strconv.FormatInt(at, 10), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(readerID, url.QueryEscape(e.reader))
	rest, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer rest.Body.Close()
	if _, more := e.places(rest.Body, at, head); some+more != slowAll {
		t.Errorf("%d rules and then %d, want %d", some, more, slowAll)
	}
	t.Logf("of %d rules %d came before it was left; others: heartbeats at most %v apart", slowAll, some, there.unaffected(t))
}

func heapInUse() int64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}
