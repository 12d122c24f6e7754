package app

import (
	"context"
	"fmt"
	"time"

	"github.com/portaria/portaria/internal/httpapi"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/token"
	"github.com/portaria/portaria/verify"
)

// ownCache is how many verified tokens the service keeps for its own routes:
// each of them reads the session as well, so that there is little to gain.
const ownCache = 10_000

// ownVerifier verifies tokens for Portaria's own audience, as any service does,
// but for the keys: those come out of the ring and not over HTTP.
func (a *App) ownVerifier(ctx context.Context, p token.Policy) (*verify.Verifier, error) {
	leeway := a.config.Leeway
	if leeway == 0 {
		leeway = -1 // none; to verify, zero is the default
	}
	v, err := verify.New(ctx, verify.Config{
		Issuer:       p.Issuer,
		Audience:     p.Audience,
		Profile:      verify.Profile(p.Services[p.Audience].Profile),
		ManualKeys:   true,
		Places:       httpapi.Places(),
		Leeway:       leeway,
		CacheEntries: ownCache,
		Now:          a.now,
	})
	if err != nil {
		return nil, fmt.Errorf("set up verifier: %w", err)
	}
	return v, nil
}

// handOverKeys has the service accept what the ring publishes now, and nothing
// else: what was killed is refused from here on.
func (a *App) handOverKeys(now time.Time) error {
	var secrets [][]byte
	for _, k := range a.ring.Keys() {
		if k.Record().Purpose == keyring.Signing && k.State(now).Published() && k.Algorithm().Symmetric() {
			secrets = append(secrets, k.RevealJWK())
		}
	}
	if err := a.verifier.SetKeySet(a.ring.KeySet(now).JSON, jose.KeySetJSON(secrets)); err != nil {
		return fmt.Errorf("hand keys to the verifier: %w", err)
	}
	return nil
}
