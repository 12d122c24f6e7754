package token

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/portaria/portaria/internal/keyring"
)

// Recipient is the one audience of a token with the settings for it. Get it from
// [Issuer.Recipient] before a step that spends something for a token.
type Recipient struct {
	audience string
	service  Service
}

// Recipient finds an audience for which tokens can be minted at now. An empty name
// means the policy's own audience, and the Issuer's URL means the issuer itself. The
// policy's Services and the registered clients must not contradict each other, because
// a token that has to be encrypted might not be. Errors: ErrAudience, or an error of
// the audience's key source or of Policy.Registered.
func (i *Issuer) Recipient(ctx context.Context, audience string, now time.Time) (Recipient, error) {
	r := Recipient{audience: cmp.Or(audience, i.policy.Audience)}
	if r.audience == i.policy.Issuer {
		return r, nil
	}
	settled, known := i.policy.Services[r.audience]
	known = known || r.audience == i.policy.Audience
	var err error
	switch r.service, err = i.registered(ctx, r.audience); {
	case known && (err == nil && r.service == Service{} || errors.Is(err, ErrAudience)):
		r.service = settled
	case known && err == nil:
		return Recipient{}, fmt.Errorf("audience %s: %w", r.audience, errTwice)
	case err != nil:
		return Recipient{}, err
	}
	if r.service.EncryptTo == nil {
		return r, nil
	}
	if _, err := r.service.EncryptTo.EncryptionKey(now); err != nil {
		return Recipient{}, fmt.Errorf("find encryption key of %s: %w", r.audience, err)
	}
	return r, nil
}

// errTwice can only happen if processes with different settings share one database.
// The start and the registration of a client both reject it.
var errTwice = errors.New("a registered client and the settings both define the tokens of this audience: keep one of them")

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

// Ready returns nil if a token can be signed at now; see [keyring.Ring.Ready]. Call it
// before a step that spends something for a token.
func (i *Issuer) Ready(ctx context.Context, now time.Time) error {
	if _, err := i.ring.Ready(ctx, now); err != nil {
		return fmt.Errorf("prepare token: %w", err)
	}
	return nil
}

// Prepared is a token that can be minted without an error, because all checks are
// done. Get it from [Issuer.Prepare].
type Prepared struct {
	issuer  *Issuer
	key     keyring.Key
	service Service
}

// Prepare rehearses [Issuer.MintFor] before a step that spends something, and keeps
// the keys for [Prepared.Mint] after the step. The Revision need not be known yet.
// Errors are those of Mint and Ready.
func (i *Issuer) Prepare(ctx context.Context, now time.Time, r Recipient, c Claims) (Prepared, error) {
	key, err := i.ring.Ready(ctx, now)
	if err != nil {
		return Prepared{}, fmt.Errorf("prepare token: %w", err)
	}
	d := Prepared{issuer: i, key: key, service: r.service}
	if r.service.EncryptTo != nil {
		// The key of this moment, in case its source loses it during the step.
		to, err := r.service.EncryptTo.EncryptionKey(now)
		if err != nil {
			return Prepared{}, fmt.Errorf("prepare token: find encryption key: %w", err)
		}
		d.service.EncryptTo = fixedKey{to}
	}
	c.Audience, c.Revision = []string{r.audience}, longestRevision
	return d, i.rehearse(key, now, d.service, i.complete(now, c))
}

// longestRevision is the longest revision in a token: positions in the log are less
// than 2^53.
const longestRevision = 1<<53 - 1

// Mint signs the token after the step. c are the claims of Prepare with the Revision
// that the step returned.
func (d Prepared) Mint(now time.Time, r Recipient, c Claims) (Token, Claims, error) {
	c.Audience = []string{r.audience}
	return d.issuer.mintWith(d.key, now, d.service, d.issuer.complete(now, c))
}

// LongestTTL returns how long a token minted at now may live: the time for which its
// key stays published after it has retired. Error: keyring.ErrNoActiveKey.
func (i *Issuer) LongestTTL(now time.Time) (time.Duration, error) {
	key, err := i.ring.Active(now)
	if err != nil {
		return 0, fmt.Errorf("find longest lifetime: %w", err)
	}
	return key.LongestTTL(), nil
}

// Profile is the form of the tokens, and Encrypted reports whether only their
// service can read them.
func (r Recipient) Profile() Profile { return r.service.Profile }

// Encrypted: see Profile.
func (r Recipient) Encrypted() bool { return r.service.EncryptTo != nil }

// Self is the audience of tokens for the issuer itself: its URL. No service has
// it, so no service can use the tokens that it receives against the issuer.
func (i *Issuer) Self() string { return i.policy.Issuer }

// Audience is the policy's own.
func (i *Issuer) Audience() string { return i.policy.Audience }
