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

// How often services are asked for their keys: as docs/config.md says, and
// sooner when one did not answer.
const (
	fetchEvery  = 5 * time.Minute
	fetchSooner = 15 * time.Second
)

// follow gives the policy a source for every key that a service publishes.
// Upkeep begins with asking them: a service that is down, or slow, does not
// keep this one from starting.
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

// FetchKeySets asks all services that publish their encryption keys for them,
// at the same time, and answers when to ask again. [App.Upkeep] does it from
// time to time.
func (a *App) FetchKeySets(ctx context.Context) time.Duration {
	var all sync.WaitGroup
	next := make(chan time.Duration, len(a.recipients))
	for audience, set := range a.recipients {
		all.Go(func() {
			wish := fetchSooner
			a.panics.Try(ctx, "encryption key of "+audience, func() { wish = a.fetch(ctx, audience, set) })
			next <- wish
		})
	}
	all.Wait()
	close(next)
	soonest := fetchEvery
	for wish := range next {
		soonest = min(soonest, wish)
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

// checkSizes finds a max_token_size that is too small at start. Where the key
// to encrypt to is fetched, [App.fetch] does.
func checkSizes(tokens *token.Issuer, policy token.Policy, now time.Time) error {
	for _, audience := range append([]string{policy.Audience}, slices.Sorted(maps.Keys(policy.Services))...) {
		if err := checkSize(tokens, audience, now); err != nil {
			return err
		}
	}
	return nil
}

// checkSize mints for an audience what a sign-in would, so that it is not
// whoever signs in first who finds that it does not fit.
func checkSize(tokens *token.Issuer, audience string, now time.Time) error {
	id := uuid.Nil.String()
	sample := token.Claims{Subject: id, SessionID: id, ClientID: issue.ClientID, Audience: []string{audience},
		AMR: []string{"pwd"}, AuthTime: now, Fresh: true}
	if _, _, err := tokens.Mint(now, sample); errors.Is(err, token.ErrClaims) {
		return fmt.Errorf("max_token_size is too small for the audience %s: %w", audience, err)
	}
	return nil
}
