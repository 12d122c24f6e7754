package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/recipient"
	"github.com/portaria/portaria/internal/token"
)

// How often key sets of services are fetched: as docs/config.md says, and sooner after a
// failure.
const (
	fetchEvery  = 5 * time.Minute
	fetchSooner = 15 * time.Second
)

// follow gives the policy a source for each key that a service publishes. Upkeep fetches
// them, so a service that is offline or slow does not delay the start.
func (a *App) follow(policy token.Policy) error {
	a.recipients = map[string]*recipient.KeySet{}
	client, err := recipient.NewClient(a.roots)
	if err != nil {
		return err
	}
	for audience, key := range a.config.AudienceEncryption {
		if key.URL == "" {
			continue
		}
		set := recipient.New(key.URL, client)
		a.recipients[audience] = set
		service := policy.Services[audience]
		service.EncryptTo = set
		policy.Services[audience] = service
	}
	return nil
}

// FetchKeySets fetches the key sets of all services that publish their encryption key, at
// the same time. It returns how long to wait before the next call. [App.Upkeep] calls it.
func (a *App) FetchKeySets(ctx context.Context) time.Duration {
	var all sync.WaitGroup
	next := make(chan time.Duration, len(a.recipients))
	for audience, set := range a.recipients {
		all.Go(func() {
			delay := fetchSooner
			a.panics.Try(ctx, "encryption key of "+audience, func() { delay = a.fetch(ctx, audience, set) })
			next <- delay
		})
	}
	all.Wait()
	close(next)
	soonest := fetchEvery
	for delay := range next {
		soonest = min(soonest, delay)
	}
	return soonest
}

func (a *App) fetch(ctx context.Context, audience string, set *recipient.KeySet) time.Duration {
	changed, err := set.Fetch(ctx)
	key, unknown := set.EncryptionKey(a.now())
	switch {
	case err != nil && ctx.Err() == nil:
		a.log.WarnContext(ctx, "cannot fetch encryption key", "audience", audience, "error", err, "tokens_wait", unknown != nil)
	case changed:
		a.log.InfoContext(ctx, "encryption key of a service changed", "audience", audience, "kid", key.Kid(), "alg", string(key.Algorithm()))
		if err := a.fits(audience); err != nil {
			a.log.ErrorContext(ctx, "encrypted tokens for this audience are too large", "audience", audience, "error", err)
		}
	}
	if err != nil {
		return fetchSooner
	}
	return fetchEvery
}

// checkSizes returns an error at the start if max_token_size is too small for an audience.
// For keys that are fetched, [App.fetch] checks.
func checkSizes(tokens *token.Issuer, policy token.Policy, now time.Time) error {
	for _, audience := range append([]string{policy.Audience}, slices.Sorted(maps.Keys(policy.Services))...) {
		if err := checkSize(tokens, audience, now); err != nil {
			return err
		}
	}
	return nil
}

// checkSize mints a token like that of a sign-in, so that a size that is too small shows up
// before the first sign-in.
func checkSize(tokens *token.Issuer, audience string, now time.Time) error {
	id := uuid.Nil.String()
	sample := token.Claims{Subject: id, SessionID: id, ClientID: issue.ClientID, Audience: []string{audience},
		AMR: []string{"pwd"}, AuthTime: now, Fresh: true}
	if _, _, err := tokens.Mint(now, sample); errors.Is(err, token.ErrClaims) {
		return fmt.Errorf("max_token_size is too small for the audience %s: %w", audience, err)
	}
	return nil
}
