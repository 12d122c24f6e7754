package webhook_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/webhook"
	"github.com/portaria/portaria/internal/webhook/push"
)

func TestWantedEventsArriveInOrderAndSigned(t *testing.T) {
	inBubble(t, func(w *world) {
		before := w.happens(event.SessionEnded)
		h, other := &receiver{}, &receiver{}
		sub := w.subscribes(h, "session.*", "key.killed")
		w.subscribes(other, "client.*")
		w.run(w.service)
		var want []string
		for range 60 { // more than is read at a time
			ids := w.happens(event.LoginSucceeded, event.SessionStarted, event.KeyKilled, event.KeyRotated, event.SessionEnded)
			want = append(want, ids[1], ids[2], ids[4])
		}
		wait(2 * time.Second)
		w.same(h.received(), want)
		w.same(other.received(), []string{})
		w.same(h.bad, []string(nil))
		if slices.Contains(h.received(), before[0]) {
			t.Error("an event from before the subscription arrived")
		}
		w.same(h.bodies[2], `{"type":"session.ended","timestamp":"2000-01-01T00:00:00Z","data":{"seq":9,"account_id":"ana","session_id":"s1","reason":"signed_out"}}`)
		head, err := w.store.LastEvent(w.ctx)
		w.ok(err)
		w.same(w.find(sub).Progress, webhook.Progress{Cursor: head})
	})
}

// What is committed is delivered, whenever the process died.
func TestEventsSurviveTheProcess(t *testing.T) {
	inBubble(t, func(w *world) {
		h := &receiver{}
		w.subscribes(h, "*")
		want := w.happens(event.SessionEnded, event.PasswordChanged)
		w.ok(w.store.Close()) // before anything was sent
		w.open()
		w.run(w.service)
		wait(time.Second)
		w.same(h.received(), want)
	})
}

// A process that died with the lease keeps others waiting no longer than it lasts,
// and what it had not acknowledged is sent again with the same id.
func TestAnotherProcessTakesOver(t *testing.T) {
	inBubble(t, func(w *world) {
		h := &receiver{}
		sub := w.subscribes(h, "*")
		now := time.Now()
		_, ours, err := w.store.Webhooks().Lease(w.ctx, webhook.Lease{ID: sub.ID, Holder: "dead", Now: now, Until: now.Add(30 * time.Second)})
		w.ok(err)
		w.same(ours, true)
		want := w.happens(event.SessionEnded)
		w.run(w.service)
		wait(29 * time.Second)
		w.same(h.received(), []string{})
		wait(2 * time.Second)
		w.same(h.received(), want)
	})
}

func TestReceiverDownForAnHour(t *testing.T) {
	inBubble(t, func(w *world) {
		up := time.Now().Add(time.Hour)
		h := &receiver{answer: func(string) int {
			if time.Now().Before(up) {
				return http.StatusServiceUnavailable
			}
			return http.StatusOK
		}}
		sub := w.subscribes(h, "*")
		w.run(w.service)
		var want []string
		for range 30 {
			want = append(want, w.happens(event.SessionStarted, event.SessionEnded)...)
			wait(2 * time.Minute)
		}
		if tries := len(h.received()); tries < 5 || tries > 200 {
			t.Errorf("%d tries in an hour", tries)
		}
		failing := w.find(sub)
		if failing.Failures == 0 || failing.FailingSince.IsZero() || !failing.NextAt.After(failing.FailingSince) {
			t.Errorf("while it is down: %+v", failing.Progress)
		}
		wait(2 * time.Hour)
		got := h.received()
		w.same(got[len(got)-len(want):], want)
		for _, id := range got[:len(got)-len(want)] {
			if id != want[0] {
				t.Errorf("%s was tried before the one before it had arrived", id)
			}
		}
		w.same(h.bad, []string(nil))
		w.same(w.find(sub).Failures, 0)
	})
}

func TestSlowReceiverDelaysNobodyElse(t *testing.T) {
	inBubble(t, func(w *world) {
		slow := &receiver{answer: func(string) int { <-time.After(14 * time.Second); return http.StatusOK }}
		hung := &receiver{answer: func(string) int { <-time.After(time.Hour); return http.StatusOK }}
		quick := &receiver{}
		for _, h := range []*receiver{hung, slow, quick} {
			w.subscribes(h, "*")
		}
		w.run(w.service)
		var want []string
		for range 10 {
			want = append(want, w.happens(event.SessionEnded)...)
			wait(2 * time.Second)
			w.same(quick.received(), want)
		}
		wait(10 * 15 * time.Second)
		w.same(slow.received(), want)
	})
}

func TestAnswerAfterTheTimeoutMeansADuplicate(t *testing.T) {
	inBubble(t, func(w *world) {
		first := true
		h := &receiver{}
		h.answer = func(string) int {
			h.mu.Lock()
			late := first
			first = false
			h.mu.Unlock()
			if late {
				<-time.After(16 * time.Second)
			}
			return http.StatusOK
		}
		sub := w.subscribes(h, "*")
		want := w.happens(event.SessionStarted, event.SessionEnded)
		w.run(w.service)
		wait(time.Minute)
		w.same(h.received(), []string{want[0], want[0], want[1]})
		tries, err := w.store.Webhooks().Attempts(w.ctx, sub.ID, 10)
		w.ok(err)
		last := tries[len(tries)-1]
		w.same([]any{last.EventID, last.Status, last.Failure, last.Duration}, []any{want[0], 0, push.FailTimeout, 15 * time.Second})
		w.same([]bool{tries[0].OK(), tries[1].OK()}, []bool{true, true})
	})
}

// One event that its receiver cannot take stops the others for three days, and
// then no longer.
func TestAnEventIsGivenUpAfterThreeDays(t *testing.T) {
	inBubble(t, func(w *world) {
		w.service.LookEvery(time.Minute)
		var poison string
		healed := false
		h := &receiver{answer: func(id string) int {
			if id == poison && !healed {
				return http.StatusInternalServerError
			}
			return http.StatusOK
		}}
		sub := w.subscribes(h, "*")
		ids := w.happens(event.SessionStarted, event.SessionEnded)
		poison = ids[0]
		w.run(w.service)
		wait(webhook.Patience - time.Minute)
		if slices.Contains(h.received(), ids[1]) {
			t.Fatal("the order was not kept")
		}
		w.same(w.deadLetters(sub), []string{})
		wait(time.Hour + 2*time.Minute)
		w.same(w.deadLetters(sub), ids[:1])
		w.same(h.received()[len(h.received())-1], ids[1])

		again, err := w.service.Redeliver(w.ctx, sub.ID, poison)
		w.ok(err)
		w.same([]any{again.Status, again.Failure}, []any{500, push.FailStatus})
		w.same(w.deadLetters(sub), ids[:1])
		healed = true
		again, err = w.service.Redeliver(w.ctx, sub.ID, poison)
		w.ok(err)
		w.same(again.OK(), true)
		w.same(w.deadLetters(sub), []string{})
		_, err = w.service.Redeliver(w.ctx, sub.ID, poison)
		if !errors.Is(err, webhook.ErrEventGone) {
			t.Error(err)
		}
	})
}

// A receiver that is away for weeks costs each event three days, not three days
// after the one before.
func TestReceiverAwayForAWeek(t *testing.T) {
	inBubble(t, func(w *world) {
		w.service.LookEvery(time.Minute)
		away := true
		h := &receiver{answer: func(string) int {
			if away {
				return http.StatusBadGateway
			}
			return http.StatusOK
		}}
		sub := w.subscribes(h, "*")
		w.run(w.service)
		var ids []string
		for range 7 {
			ids = append(ids, w.happens(event.SessionEnded, event.SessionEnded)...)
			wait(24 * time.Hour)
		}
		h.mu.Lock()
		away, h.got = false, nil
		h.mu.Unlock()
		wait(90 * time.Minute)
		// Those of the last three days arrive; of the others, each had its three.
		w.same(w.deadLetters(sub), ids[:8])
		w.same(h.received(), ids[8:])
	})
}

func TestReceiverThatIsGoneIsLeftAlone(t *testing.T) {
	inBubble(t, func(w *world) {
		w.service.LookEvery(time.Minute)
		status := http.StatusGone
		h := &receiver{answer: func(string) int { return status }}
		sub := w.subscribes(h, "*")
		ids := w.happens(event.SessionStarted, event.SessionEnded)
		w.run(w.service)
		wait(24 * time.Hour)
		w.same(h.received(), ids[:1])
		w.same(w.find(sub).DisabledWhy, webhook.ReasonGone)
		status = http.StatusOK
		w.ok(w.service.Enable(w.ctx, sub.ID))
		wait(time.Second)
		w.same(h.received(), []string{ids[0], ids[0], ids[1]})
		w.ok(w.service.Disable(w.ctx, sub.ID))
		w.happens(event.SessionEnded)
		wait(time.Hour)
		w.same(len(h.received()), 3)
	})
}

func TestReplaySendsTheSameEventsAgain(t *testing.T) {
	inBubble(t, func(w *world) {
		h := &receiver{}
		sub := w.subscribes(h, "*")
		w.run(w.service)
		first := w.happens(event.SessionStarted)
		wait(time.Hour)
		since := time.Now()
		later := w.happens(event.SessionEnded, event.KeyRotated)
		wait(time.Hour)
		cursor, err := w.service.Replay(w.ctx, sub.ID, since)
		w.ok(err)
		w.same(cursor, w.first+1)
		wait(time.Second)
		w.same(h.received(), slices.Concat(first, later, later))
		_, err = w.service.Replay(w.ctx, sub.ID, time.Now().Add(time.Hour))
		w.ok(err)
		wait(time.Minute)
		w.same(len(h.received()), 5)
	})
}

func TestTwoSecretsSignForADay(t *testing.T) {
	inBubble(t, func(w *world) {
		h := &receiver{}
		sub := w.subscribes(h, "*")
		w.run(w.service)
		next, err := w.service.RotateSecret(w.ctx, sub.ID)
		w.ok(err)
		old := h.secret
		for _, known := range []string{old, next.Reveal()} {
			h.secret = known
			w.happens(event.SessionEnded)
			wait(time.Minute)
		}
		w.same([]any{len(h.received()), h.bad, old == next.Reveal()}, []any{2, []string(nil), false})
		wait(24 * time.Hour)
		h.secret = old
		w.happens(event.SessionEnded)
		wait(time.Minute)
		w.same(h.bad, []string{"signature"})
	})
}

func TestRepeatedRotationKeepsTheSecretInUse(t *testing.T) {
	inBubble(t, func(w *world) {
		h := &receiver{}
		sub := w.subscribes(h, "*")
		w.run(w.service)
		for range 9 { // the answers of all of them are lost
			_, err := w.service.RotateSecret(w.ctx, sub.ID)
			w.ok(err)
			wait(time.Hour)
		}
		w.happens(event.SessionEnded)
		wait(time.Minute)
		w.same([]any{len(h.received()), h.bad}, []any{1, []string(nil)})
	})
}

func TestReceiverThatAsksForTimeGetsIt(t *testing.T) {
	inBubble(t, func(w *world) {
		h := &receiver{answer: func(string) int { return http.StatusTooManyRequests }}
		w.subscribes(h, "*")
		w.receivers[h.host] = h
		w.service.Through(asking{w.receivers})
		w.happens(event.SessionEnded)
		w.run(w.service)
		wait(10 * time.Minute)
		w.same(len(h.received()), 1)
		wait(2 * time.Minute)
		w.same(len(h.received()), 2)
	})
}

// asking adds a Retry-After to every answer.
type asking struct{ receivers }

func (a asking) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := a.receivers.RoundTrip(r)
	if err == nil {
		answer.Header.Set("Retry-After", "660")
	}
	return answer, err
}
