package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/keyring"
)

// openClients syncs the registered clients with the settings.
func (a *App) openClients(ctx context.Context) (*clients.Directory, error) {
	key, err := a.ring.Secret(ctx, clientSecret)
	if err != nil {
		return nil, err
	}
	a.clients = clients.NewDirectory(clients.Config{Store: a.store, Key: key, Keys: a.generations(clientSecret), Promise: a.promise, Settled: a.config.SettlesAudience})
	if err := a.SyncClients(ctx, a.config.Clients); err != nil {
		return nil, err
	}
	if err := a.clients.Check(ctx); err != nil {
		return nil, fmt.Errorf("compare registered clients with the settings: %w", err)
	}
	return a.clients, a.promiseClients(ctx)
}

// SyncClients makes the registered clients those of the settings. A client that
// is no longer in the settings is disabled. An invalid client changes nothing.
func (a *App) SyncClients(ctx context.Context, described []clients.Described) error {
	disabled, err := a.clients.Describe(ctx, described, a.now())
	for _, id := range disabled {
		a.log.WarnContext(ctx, "client disabled: no longer in the settings", "client_id", id)
	}
	if err != nil {
		return fmt.Errorf("sync clients with the settings: %w", err)
	}
	return nil
}

// warnOfAudiences logs clients with audiences for which no tokens are issued: a name is
// misspelt, or a service was removed. It does not stop the start.
func (a *App) warnOfAudiences(ctx context.Context, directory *clients.Directory, flows *issue.Service) error {
	for c, err := range directory.All(ctx) {
		if err != nil {
			return fmt.Errorf("list clients: %w", err)
		}
		if unknown := flows.Unknown(ctx, c.Audiences, a.now()); unknown != nil && !c.Disabled() {
			a.log.WarnContext(ctx, "client registered with audiences for which no tokens are issued", "client_id", c.ID, "audiences", unknown)
		}
	}
	return nil
}

// promise makes sure that keys stay published long enough for tokens with this lifetime.
func (a *App) promise(ctx context.Context, ttl time.Duration) error {
	err := a.ring.Promise(ctx, max(ttl, clients.ServiceAccessTTL), a.now())
	if errors.Is(err, keyring.ErrTooLong) {
		return clients.Faults{{Field: "access_ttl", Detail: "tokens with this lifetime need too many published keys: make it shorter, or make the setting key_rotation longer"}}
	}
	return err
}

// promiseClients calls promise for all clients, those of other processes included.
func (a *App) promiseClients(ctx context.Context) error {
	longest, err := a.store.LongestTTL(ctx)
	if err != nil {
		return err
	}
	return a.promise(ctx, longest)
}
