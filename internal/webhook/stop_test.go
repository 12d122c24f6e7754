package webhook_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/webhook"
)

// What was acknowledged while the process was told to stop is not sent again;
// what was not, is.
func TestStoppingLosesNothing(t *testing.T) {
	inBubble(t, func(w *world) {
		h := &receiver{answer: func(string) int { <-time.After(5 * time.Second); return http.StatusOK }}
		sub := w.subscribes(h, "*")
		ids := w.happens(event.SessionStarted, event.SessionEnded)
		stop := w.run(w.service)
		wait(7 * time.Second)
		stop()
		w.same(w.find(sub).Progress, webhook.Progress{Cursor: w.first + 1})
		w.service = w.process(w.store)
		w.run(w.service) // the lease was given back
		wait(6 * time.Second)
		w.same(h.received(), []string{ids[0], ids[1], ids[1]})
		wait(time.Minute)
		w.same(w.find(sub).Cursor, w.first+2)
	})
}

// What was acknowledged at the very moment of stopping is noted.
func TestLastWordIsHeard(t *testing.T) {
	inBubble(t, func(w *world) {
		h := &receiver{}
		sub := w.subscribes(h, "*")
		w.happens(event.SessionEnded)
		ctx, stop := context.WithCancel(w.ctx)
		w.service.Through(lastWord{w.receivers, stop})
		w.service.Round(ctx)
		w.same(w.find(sub).Cursor, w.first+1)
	})
}

// lastWord stops the service when a receiver has answered.
type lastWord struct {
	receivers
	stop func()
}

func (l lastWord) RoundTrip(r *http.Request) (*http.Response, error) {
	defer l.stop()
	return l.receivers.RoundTrip(r)
}

// Events that are replayed are older than three days, and get three days all the same.
func TestReplayedEventsAreTriedForAsLong(t *testing.T) {
	inBubble(t, func(w *world) {
		w.service.LookEvery(time.Minute)
		broken := false
		h := &receiver{answer: func(string) int {
			if broken {
				return http.StatusInternalServerError
			}
			return http.StatusOK
		}}
		sub := w.subscribes(h, "*")
		wait(time.Minute)
		since := time.Now()
		ids := w.happens(event.SessionStarted, event.SessionEnded, event.KeyRotated)
		w.run(w.service)
		wait(10 * 24 * time.Hour)
		broken = true
		_, err := w.service.Replay(w.ctx, sub.ID, since)
		w.ok(err)
		wait(webhook.Patience - time.Minute)
		w.same(w.deadLetters(sub), []string{})
		// Once the patience is over, the others, which are as old, follow at once.
		wait(time.Hour + 2*time.Minute)
		w.same(w.deadLetters(sub), ids)
	})
}

func TestNewsWakesTheDelivery(t *testing.T) {
	inBubble(t, func(w *world) {
		h := &receiver{}
		w.subscribes(h, "*")
		w.run(w.service)
		wait(1500 * time.Millisecond)
		ids := w.happens(event.SessionEnded)
		w.service.Wake()
		synctest.Wait()
		for range 100 { // the database's own goroutines have their turn
			if len(h.received()) > 0 {
				break
			}
			wait(time.Microsecond)
		}
		w.same(h.received(), ids)
		if since := time.Since(h.times[0]); since > time.Millisecond {
			t.Errorf("it took %s", since)
		}
	})
}

func TestOperatorHearsOfFailures(t *testing.T) {
	inBubble(t, func(w *world) {
		w.service.LookEvery(time.Minute)
		h := &receiver{answer: func(string) int { return http.StatusTeapot }}
		w.subscribes(h, "*")
		w.happens(event.SessionEnded)
		stop := w.run(w.service)
		wait(webhook.Patience + 2*time.Hour)
		stop()
		if log := w.log.String(); strings.Count(log, "webhook delivery failed") != 1 || strings.Count(log, "webhook delivery abandoned") != 1 {
			t.Errorf("log:\n%s", log)
		}
	})
}
