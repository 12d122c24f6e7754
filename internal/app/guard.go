package app

import (
	"context"
	"time"

	"github.com/portaria/portaria/internal/app/counting"
	"github.com/portaria/portaria/internal/guard"
	"github.com/portaria/portaria/internal/signin"
)

// deviceSecret names the secret that signs device tokens, and budgetSecret the one
// that hides accounts and addresses in the names of budgets.
const (
	deviceSecret = "device"
	budgetSecret = "guard"
)

// openGuard restores what was counted before the start.
func (a *App) openGuard(ctx context.Context) (signin.Guarding, error) {
	key, err := a.ring.Secret(ctx, budgetSecret)
	if err != nil {
		return signin.Guarding{}, err
	}
	if _, err := a.ring.Secret(ctx, deviceSecret); err != nil { // makes it
		return signin.Guarding{}, err
	}
	o := counting.Options{Policy: a.config.Guard, Key: key, Store: a.store, Steady: a.store.Steady, Log: a.log, Redis: a.config.Redis.Reveal()}
	if a.guard, err = counting.Open(ctx, o); err != nil {
		return signin.Guarding{}, err
	}
	return signin.Guarding{Guard: a.guard, Devices: guard.Devices{Keys: a.deviceKeys, Lifetime: a.config.Guard.Device.Lifetime}}, nil
}

func (a *App) deviceKeys(time.Time) [][]byte {
	var keys [][]byte
	for _, s := range a.generations(deviceSecret)() {
		keys = append(keys, s)
	}
	return keys
}
