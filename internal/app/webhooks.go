package app

import (
	"context"
	"encoding/json"
	"time"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/webhook"
	"github.com/portaria/portaria/internal/webhook/message"
	"github.com/portaria/portaria/internal/webhook/push"
)

// webhookSecret names the secret from which the secrets of webhooks are derived.
const webhookSecret = "webhook"

// keepDeadLetters is how long a dead letter can be redelivered.
const keepDeadLetters = 30 * 24 * time.Hour

func (a *App) openWebhooks(ctx context.Context, issuer string) error {
	key, err := a.ring.Secret(ctx, webhookSecret)
	if err != nil {
		return err
	}
	a.webhooks, err = webhook.New(webhook.Config{
		Store:  a.store.Webhooks(),
		Events: a.store,
		Tokens: message.Tokens{Issuer: issuer, Signer: eventSigner{a.ring}},
		Key:    key,
		Keys:   a.generations(webhookSecret),
		Push:   push.Policy{InsecureLoopback: a.config.InsecureWebhooks, Networks: a.config.Egress(), Roots: a.roots},
		Log:    a.log,
		Panics: a.panics,
		Now:    a.now,
	})
	return err
}

// DeliverWebhooks delivers the due events and returns. [App.Upkeep] delivers continuously.
func (a *App) DeliverWebhooks(ctx context.Context) { a.webhooks.Round(ctx) }

func (a *App) pruneDeadLetters(ctx context.Context) {
	n, err := a.store.Webhooks().PruneDeadLetters(ctx, a.passed().Add(-keepDeadLetters))
	switch {
	case err != nil && ctx.Err() == nil:
		a.log.ErrorContext(ctx, "cannot delete old dead letters", "error", err)
	case n > 0:
		a.log.InfoContext(ctx, "deleted old dead letters", "events", n)
	}
}

// eventSigner signs security event tokens with the active signing key, so that receivers
// find it in the published key set.
type eventSigner struct{ ring *keyring.Ring }

// Sign implements [message.Signer].
func (s eventSigner) Sign(now time.Time, typ string, claims []byte) (string, error) {
	key, err := s.ring.Active(now)
	if err != nil {
		return "", err
	}
	if key.Algorithm().Symmetric() {
		return "", message.ErrUnsignable
	}
	header, err := json.Marshal(map[string]string{"alg": string(key.Algorithm()), "kid": key.Kid(), "typ": typ})
	if err != nil {
		return "", err
	}
	input := jose.Encode(header) + "." + jose.Encode(claims)
	signature, err := key.Sign(input)
	if err != nil {
		return "", err
	}
	return input + "." + jose.Encode(signature), nil
}
