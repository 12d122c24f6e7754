package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/store/sqlstore"
	"github.com/portaria/portaria/internal/testdb"
	"github.com/portaria/portaria/internal/webhook"
	"github.com/portaria/portaria/internal/webhook/message"
)

func TestSecurityEventTokensArePushed(t *testing.T) {
	inBubble(t, func(w *world) {
		h := &receiver{format: webhook.SET, answer: func(string) int { return http.StatusAccepted }}
		sub := w.subscribes(h, "*")
		ids := w.happens(event.SessionEnded, event.PasswordChanged)
		w.service.Round(w.ctx)
		w.same(len(h.bodies), 2)
		w.same(h.secret, "")
		w.same(w.find(sub).Cursor, w.first+2)
		w.same(w.opened(h.bodies[0]), `{"iss":"https://login.example.org","aud":"orders","iat":946684800,"jti":"`+ids[0]+`","toe":946684800,`+
			`"sub_id":{"format":"complex","user":{"format":"iss_sub","iss":"https://login.example.org","sub":"ana"},"session":{"format":"opaque","id":"s1"}},`+
			`"events":{"https://schemas.openid.net/secevent/caep/event-type/session-revoked":{"event_timestamp":946684800,"initiating_entity":"system","reason_admin":{"en":"signed_out"}}}}`)
		_, err := w.service.RotateSecret(w.ctx, sub.ID)
		w.fails(err, webhook.ErrFormat)
	})
}

func TestReceiverPolls(t *testing.T) {
	inBubble(t, func(w *world) {
		sub := w.subscribes(&receiver{format: webhook.Poll}, "session.*")
		var ids []string
		for range 3 {
			ids = append(ids, w.happens(event.LoginSucceeded, event.SessionEnded)[1])
		}
		all := webhook.Ask{Max: -1}
		w.polls(sub, all, false, ids...)
		w.polls(sub, all, false, ids...) // nothing was acknowledged
		w.polls(sub, webhook.Ask{Max: 2}, true, ids[:2]...)
		w.polls(sub, webhook.Ask{Max: -1, Ack: ids[1:2]}, false, ids...) // not before the first
		w.polls(sub, webhook.Ask{Max: 0, Ack: ids[:1]}, true)
		w.polls(sub, all, false, ids[1:]...)
		w.polls(sub, webhook.Ask{Max: -1, Ack: ids[2:], Errors: map[string]string{ids[1]: "invalid_key"}, Immediately: true}, false)
		w.same(w.deadLetters(sub), ids[1:2])
		w.same(w.find(sub).Cursor, w.first+6)
		w.service.Round(w.ctx) // nothing is pushed to it
		_, err := w.service.Redeliver(w.ctx, sub.ID, ids[1])
		w.fails(err, webhook.ErrFormat)
	})
}

func TestPollWaitsForNews(t *testing.T) {
	inBubble(t, func(w *world) {
		sub := w.subscribes(&receiver{format: webhook.Poll}, "session.*")
		stop := w.run(w.service)
		began := time.Now()
		w.polls(sub, webhook.Ask{Max: -1, Immediately: true}, false)
		w.same(time.Since(began), time.Duration(0))
		w.polls(sub, webhook.Ask{Max: -1}, false)
		w.same(time.Since(began), webhook.PollWait)

		began = time.Now()
		happened := make(chan string, 1)
		time.AfterFunc(5*time.Second, func() { w.happens(event.KeyRotated); happened <- w.happens(event.SessionEnded)[0] })
		answer, err := w.service.Poll(w.ctx, sub.ID, "orders", webhook.Ask{Max: -1})
		w.ok(err)
		id := <-happened
		w.same(slices.Collect(maps.Keys(answer.Sets)), []string{id})
		if waited := time.Since(began); waited > 7*time.Second {
			t.Errorf("news after %s", waited)
		}

		ctx, cancel := context.WithTimeout(w.ctx, time.Second)
		defer cancel()
		_, err = w.service.Poll(ctx, sub.ID, "orders", webhook.Ask{Max: -1, Ack: []string{id}})
		w.fails(err, context.DeadlineExceeded)
		stop()
	})
}

func TestNobodyPollsForOthers(t *testing.T) {
	inBubble(t, func(w *world) {
		sub := w.subscribes(&receiver{format: webhook.Poll}, "*")
		pushed := w.subscribes(&receiver{}, "*")
		w.happens(event.SessionEnded)
		ask := webhook.Ask{Max: -1, Immediately: true}
		_, err := w.service.Poll(w.ctx, sub.ID, "invoices", ask)
		w.fails(err, webhook.ErrNotFound)
		_, err = w.service.Poll(w.ctx, pushed.ID, "orders", ask)
		w.fails(err, webhook.ErrFormat)
		w.ok(w.service.Disable(w.ctx, sub.ID))
		_, err = w.service.Poll(w.ctx, sub.ID, "orders", ask)
		w.fails(err, webhook.ErrNotFound)
	})
}

func TestManyEventsArePolledInParts(t *testing.T) {
	inBubble(t, func(w *world) {
		sub := w.subscribes(&receiver{format: webhook.Poll}, "*")
		var ids []string
		for range 50 {
			ids = append(ids, w.happens(event.SessionStarted, event.SessionEnded, event.KeyRotated, event.KeyKilled, event.AccountCreated)...)
		}
		var got []string
		ask := webhook.Ask{Max: -1, Immediately: true}
		for {
			answer, err := w.service.Poll(w.ctx, sub.ID, "orders", ask)
			w.ok(err)
			ask.Ack = slices.Sorted(maps.Keys(answer.Sets))
			got = append(got, ask.Ack...)
			w.same(answer.More, len(got) < len(ids))
			if len(ask.Ack) == 0 {
				break
			}
		}
		w.same(got, ids)
	})
}

// Two issuers on one database deliver each event once between them, in order.
func TestTwoProcessesOnOneDatabase(t *testing.T) {
	databases := map[string]string{
		"SQLite":     "sqlite:" + filepath.Join(t.TempDir(), "portaria.db"),
		"PostgreSQL": testdb.Postgres(t),
	}
	for name, url := range databases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, url)
			store, err := sqlstore.Open(t.Context(), url, sqlstore.Options{})
			w.ok(err)
			t.Cleanup(func() { _ = store.Close() })
			other := w.process(store)
			all := []*receiver{{}, {}, {}}
			for _, h := range all {
				w.subscribes(h, "*")
			}
			var want []string
			for range 10 {
				want = append(want, w.happens(event.SessionStarted, event.SessionEnded)...)
				var both sync.WaitGroup
				both.Go(func() { w.service.Round(w.ctx) })
				both.Go(func() { other.Round(w.ctx) })
				both.Wait()
			}
			w.service.Round(w.ctx)
			for _, h := range all {
				w.same(h.received(), want)
				w.same(h.bad, []string(nil))
			}
		})
	}
}

func TestSymmetricKeysSignNoEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "sqlite:"+filepath.Join(t.TempDir(), "portaria.db"))
		w.service.Tokens.Signer = refusing{}
		for _, format := range []webhook.Format{webhook.SET, webhook.Poll} {
			sub := webhook.Subscription{ClientID: "orders", Format: format, Types: []string{"*"}}
			if format == webhook.SET {
				sub.URL = "https://example.com/"
			}
			_, _, err := w.service.Create(w.ctx, sub)
			w.fails(err, message.ErrUnsignable)
		}
	})
}

type refusing struct{}

func (refusing) Sign(time.Time, string, []byte) (string, error) { return "", message.ErrUnsignable }

func TestNewNeedsEverything(t *testing.T) {
	if _, err := webhook.New(webhook.Config{}); err == nil {
		t.Error("nothing at all is enough")
	}
}

// polls wants these tokens.
func (w *world) polls(sub webhook.Subscription, ask webhook.Ask, more bool, want ...string) {
	w.Helper()
	answer, err := w.service.Poll(w.ctx, sub.ID, "orders", ask)
	w.ok(err)
	w.same(slices.Sorted(maps.Keys(answer.Sets)), want)
	w.same(answer.More, more)
	for id, token := range answer.Sets {
		var claims struct{ JTI string }
		w.ok(json.Unmarshal([]byte(w.opened(token)), &claims))
		w.same(claims.JTI, id)
	}
}

// opened verifies a token and answers its claims.
func (w *world) opened(token string) string {
	w.Helper()
	c, err := jose.Split(token)
	w.ok(err)
	signature, err := jose.Decode(c.Signature)
	w.ok(err)
	w.ok(w.key.Public().Verify(c.Input, signature))
	header, err := jose.Decode(c.Header)
	w.ok(err)
	w.same(string(header), `{"alg":"ES256","typ":"secevent+jwt"}`)
	claims, err := jose.Decode(c.Payload)
	w.ok(err)
	return string(claims)
}

func (w *world) fails(err, want error) {
	w.Helper()
	if !errors.Is(err, want) {
		w.Fatalf("got error %v, want %v", err, want)
	}
}
