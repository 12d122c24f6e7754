package issue

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/token"
)

// OwnAudience remembers whether a registered client defines the tokens of the service's own
// audience, so that sign-ins and refreshes for it read no client. Only a process with
// other settings can register one. Make it with [OpenOwnAudience]. Safe for concurrent use.
type OwnAudience struct {
	audience string
	find     func(ctx context.Context, audience string) (token.Service, error)
	last     atomic.Pointer[registration]
}

type registration struct {
	service token.Service
	err     error
}

// OpenOwnAudience reads the registration of an audience, if there is one.
func OpenOwnAudience(ctx context.Context, store clients.Finder, audience string) (*OwnAudience, error) {
	o := &OwnAudience{audience: audience, find: Registered(store)}
	return o, o.Read(ctx)
}

// Read reads the registration again. After an error the last one stays in use.
func (o *OwnAudience) Read(ctx context.Context) error {
	service, err := o.find(ctx, o.audience)
	if err != nil && !errors.Is(err, token.ErrAudience) {
		return fmt.Errorf("read client of the own audience: %w", err)
	}
	o.last.Store(&registration{service, err})
	return nil
}

// Registered is [Registered], but reads no client for the own audience.
func (o *OwnAudience) Registered(ctx context.Context, audience string) (token.Service, error) {
	if audience != o.audience {
		return o.find(ctx, audience)
	}
	last := o.last.Load()
	return last.service, last.err
}
