package webhook_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/store/sqlstore"
)

// TestAnIdleServiceReadsOnceInFiveSeconds, also with a subscription that wants none
// of the events so far. A notice of the event log makes it deliver at once.
func TestAnIdleServiceReadsOnceInFiveSeconds(t *testing.T) {
	inBubble(t, func(w *world) {
		var reads atomic.Int64
		w.ok(w.store.Close())
		var err error
		w.store, err = sqlstore.Open(w.ctx, w.url, sqlstore.Options{Reads: func(context.Context, string) { reads.Add(1) }})
		w.ok(err)
		w.service = w.process(w.store)
		h := &receiver{}
		w.subscribes(h, string(event.SessionEnded))
		w.happens(event.SessionStarted)
		w.run(w.service)
		go func() {
			for range w.store.EventNotifications(w.ctx) {
				w.service.Wake()
			}
		}()
		<-time.After(10 * time.Second) // the events before are read
		before := reads.Load()
		<-time.After(time.Minute)
		if n := reads.Load() - before; n > 12 || n < 11 {
			w.Errorf("%d reads in an idle minute, want one in five seconds", n)
		}
		ids := w.happens(event.SessionEnded)
		<-time.After(time.Millisecond)
		w.same(h.received(), ids)
	})
}
