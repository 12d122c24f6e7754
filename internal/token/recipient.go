package token

import (
	"cmp"
	"context"
	"fmt"
	"time"
)

// Recipient is the one audience of a token, and what its verifiers expect. Get
// it from [Issuer.Recipient] before anything is spent for the sake of a token.
type Recipient struct {
	audience string
	service  Service
}

// Recipient finds an audience for which tokens can be minted at now; empty
// stands for the policy's own. What the policy's Services say wins over what is
// registered. Errors: ErrAudience, what the audience's key source says, or what
// Policy.Registered does.
func (i *Issuer) Recipient(ctx context.Context, audience string, now time.Time) (Recipient, error) {
	r := Recipient{audience: cmp.Or(audience, i.policy.Audience)}
	var known bool
	if r.service, known = i.policy.Services[r.audience]; !known && r.audience != i.policy.Audience {
		var err error
		if r.service, err = i.registered(ctx, r.audience); err != nil {
			return Recipient{}, err
		}
	}
	if r.service.EncryptTo == nil {
		return r, nil
	}
	if _, err := r.service.EncryptTo.EncryptionKey(now); err != nil {
		return Recipient{}, fmt.Errorf("find encryption key of %s: %w", r.audience, err)
	}
	return r, nil
}

func (i *Issuer) registered(ctx context.Context, audience string) (Service, error) {
	if i.policy.Registered == nil {
		return Service{}, ErrAudience
	}
	found, err := i.policy.Registered(ctx, audience)
	if err != nil {
		return Service{}, fmt.Errorf("find audience: %w", err)
	}
	if err := found.validate(false); err != nil {
		return Service{}, fmt.Errorf("audience %s: %w", audience, err)
	}
	return found, nil
}

// MintFor is [Issuer.Mint] for a recipient, which becomes the Audience.
func (i *Issuer) MintFor(now time.Time, r Recipient, c Claims) (Token, Claims, error) {
	c.Audience = []string{r.audience}
	return i.mint(now, r.service, i.complete(now, c))
}

// LongestTTL is how long a token minted at now may live: its key is published
// for that long after it has retired. Error: keyring.ErrNoActiveKey.
func (i *Issuer) LongestTTL(now time.Time) (time.Duration, error) {
	key, err := i.ring.Active(now)
	if err != nil {
		return 0, fmt.Errorf("find longest lifetime: %w", err)
	}
	return key.LongestTTL(), nil
}

// Audience is the policy's own.
func (i *Issuer) Audience() string { return i.policy.Audience }
