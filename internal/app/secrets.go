package app

import (
	"context"
	"fmt"
	"time"

	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/keyring"
)

// Secrets names the secrets that can be rotated.
func Secrets() []string { return []string{refreshSecret, clientSecret, webhookSecret} }

// generations returns the values of a named secret that count when it is called.
func (a *App) generations(name string) func() []keyring.Secret {
	return func() []keyring.Secret { return a.ring.Generations(name, a.now()) }
}

// RotateSecret makes a new generation of a named secret, and honours the ones
// before it for so long; see [keyring.Ring.RotateSecret]. The audit trail tells
// of it.
func (k *LocalKeys) RotateSecret(ctx context.Context, name string, honour time.Duration, now time.Time) (keyring.SecretRotation, error) {
	done, err := k.Ring.RotateSecret(ctx, name, honour, now)
	if err != nil {
		return done, err
	}
	err = k.store.Append(ctx, []event.Event{{Type: event.SecretRotated, At: now, Reason: name, Detail: map[string]string{
		"generation": fmt.Sprint(done.Generation), "honoured_until": done.Until.Format(time.RFC3339),
	}}})
	if err != nil {
		return done, fmt.Errorf("the secret was rotated, but the audit trail does not tell of it: %w", err)
	}
	return done, nil
}
