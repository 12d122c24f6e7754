package webhook_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/background"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/secret"
	"github.com/portaria/portaria/internal/webhook"
	"github.com/portaria/portaria/internal/webhook/message"
)

// panicky panics the first time that somebody takes a lease.
type panicky struct {
	webhook.Store
	done bool
}

func (p *panicky) Lease(ctx context.Context, l webhook.Lease) (webhook.Subscription, bool, error) {
	if !p.done {
		p.done = true
		panic("oops")
	}
	return p.Store.Lease(ctx, l)
}

func (p *panicky) Sign(_ time.Time, typ string, _ []byte) (string, error) { panic("unsignable " + typ) }

func TestAPanicLosesNoEvent(t *testing.T) {
	inBubble(t, func(w *world) {
		panics := background.New(slog.New(slog.NewTextHandler(&w.log, nil)))
		s, err := webhook.New(webhook.Config{
			Store: &panicky{Store: w.store.Webhooks()}, Events: w.store, Tokens: message.Tokens{Issuer: issuer, Signer: signer{w.key}},
			Key: secret.Bytes(strings.Repeat("k", 32)), Log: slog.New(slog.DiscardHandler), Panics: panics, Now: time.Now,
		})
		w.ok(err)
		s.Through(w.receivers)
		h := &receiver{}
		w.subscribes(h, "*")
		want := w.happens(event.SessionEnded, event.PasswordChanged)
		w.run(s)
		wait(time.Minute)
		w.same(h.received(), want)
		w.same(panics.Count(), int64(1))
	})
}

// An event whose signing panics fails as one that cannot be signed: it is tried
// again, and given up in the end.
func TestAPanicInSigningFailsTheDelivery(t *testing.T) {
	inBubble(t, func(w *world) {
		panics := background.New(slog.New(slog.NewTextHandler(&w.log, nil)))
		h := &receiver{format: webhook.SET}
		sub := w.subscribes(h, "*")
		s, err := webhook.New(webhook.Config{
			Store: w.store.Webhooks(), Events: w.store, Tokens: message.Tokens{Issuer: issuer, Signer: &panicky{}},
			Key: secret.Bytes(strings.Repeat("k", 32)), Log: slog.New(slog.DiscardHandler), Panics: panics, Now: time.Now,
		})
		w.ok(err)
		w.happens(event.SessionEnded)
		w.run(s)
		wait(time.Minute)
		if got := w.find(sub).Progress.Failures; got < 1 || panics.Count() < 1 {
			t.Errorf("%d failures, %d panics", got, panics.Count())
		}
	})
}
