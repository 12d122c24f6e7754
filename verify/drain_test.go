package verify_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portaria/portaria/verify"
)

// TestDrain: verifiers whose server stops reconnect spread over half their
// staleness. Until then rules reach them, none of them becomes stale, and no log
// says that the feed was lost.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		draining := make(chan struct{})
		stops := *w.serve
		stops.Draining = draining
		var log bytes.Buffer
		var mu sync.Mutex
		var again []time.Duration // when verifiers came to the other server
		var drained time.Time
		w.misbehave("feed", func(rw http.ResponseWriter, r *http.Request) {
			select {
			case <-draining:
				mu.Lock()
				again = append(again, time.Since(drained))
				mu.Unlock()
				w.serve.ServeHTTP(rw, r)
			default:
				stops.ServeHTTP(rw, r)
			}
		})
		const count = 100
		config := w.config()
		config.Log = slog.New(slog.NewTextHandler(&locked{to: &log, mu: &mu}, nil))
		verifiers := make([]*verify.Verifier, count)
		for i := range verifiers {
			verifiers[i] = open(t, config)
			defer verifiers[i].Close()
		}
		drained = time.Now()
		close(draining)
		const half = 5 * time.Second
		for i := range int(half / (100 * time.Millisecond)) {
			sid := fmt.Sprint(i)
			token := w.token(t, sid)
			time.Sleep(50 * time.Millisecond)
			w.revoke(sid)
			time.Sleep(50 * time.Millisecond)
			gone := 0
			for _, v := range verifiers {
				if v.Health() != nil {
					t.Fatalf("stale after %v", time.Since(drained))
				}
				if _, err := v.Verify(t.Context(), token); err == nil {
					gone++ // it is just reconnecting
				}
			}
			if gone > count/4 {
				t.Errorf("after %v, %d of %d verifiers have no stream", time.Since(drained), gone, count)
			}
		}
		time.Sleep(2 * time.Second)
		mu.Lock()
		defer mu.Unlock()
		slices.Sort(again)
		if len(again) != count || again[count-1] > half+time.Second {
			t.Errorf("%d of %d reconnected, the last after %v", len(again), count, again[len(again)-1])
		}
		for i := 20; i < len(again); i++ {
			if again[i]-again[i-20] < 100*time.Millisecond {
				t.Errorf("20 verifiers reconnected within %v", again[i]-again[i-20])
			}
		}
		if strings.Contains(log.String(), "lost") {
			t.Errorf("logged:\n%s", log.String())
		}
	})
}

// locked is a log that many verifiers write to.
type locked struct {
	to *bytes.Buffer
	mu *sync.Mutex
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(p)
}

// TestDrainOfARelay: those downstream are asked to reconnect, and the relay itself
// goes on.
func TestDrainOfARelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		near := open(t, w.config())
		defer near.Close()
		relay := near.Feed()
		streams := make(chan time.Time, 10)
		down := newWire(t)
		down.key, down.metadata = w.key, w.metadata
		down.misbehave("feed", func(rw http.ResponseWriter, r *http.Request) {
			streams <- time.Now()
			relay.ServeHTTP(rw, r)
		})
		down.misbehave("snapshot", relay.ServeHTTP)
		far := open(t, down.config())
		defer far.Close()
		<-streams
		near.DrainFeed()
		near.DrainFeed() // a second call does nothing
		began := time.Now()
		if took := (<-streams).Sub(began); took > 6*time.Second {
			t.Errorf("reconnected after %v", took)
		}
		if far.Health() != nil || near.Health() != nil || w.count("feed") != 1 {
			t.Errorf("%v, %v, %d streams of the relay", far.Health(), near.Health(), w.count("feed"))
		}
	})
}

// TestUnknownFrames: a frame of a later version is ignored.
func TestUnknownFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		w.misbehave("feed", func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", "text/event-stream")
			_, _ = rw.Write([]byte(event("later", map[string]int{"a": 1})))
			w.serve.ServeHTTP(rw, r)
		})
		v := open(t, w.config())
		defer v.Close()
		if err := v.Health(); err != nil || w.count("feed") != 1 {
			t.Errorf("%v after %d streams", err, w.count("feed"))
		}
	})
}
