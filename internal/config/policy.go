package config

import (
	"time"

	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/token"
)

// Session returns how long sessions live.
func (c Config) Session() session.Policy {
	return session.Policy{Idle: c.RefreshTTL, Absolute: c.SessionTTL, Grace: c.RefreshGrace, PerAccount: c.SessionsPerAccount}
}

// Issue returns how long what is issued to people is good for.
func (c Config) Issue() issue.Policy {
	p := issue.Policy{AccessTTL: c.AccessTTL, RefreshRetry: c.RefreshRetry}
	if c.RefreshGrace == 0 { // no refresh token may be used twice
		p.RefreshRetry = 0
	}
	return p
}

// Token returns what access tokens contain. For a service whose key is published
// at a URL, no token can be issued until the caller sets a source that fetches it.
func (c Config) Token(issuer string) token.Policy {
	return token.Policy{
		Issuer:   issuer,
		Audience: c.Audience,
		TTL:      c.AccessTTL,
		MaxSize:  c.MaxTokenSize,
		Services: c.services(),
	}
}

// SettlesAudience reports whether the settings define the form of tokens for an
// audience. No registered client may then define it as well.
func (c Config) SettlesAudience(audience string) bool {
	_, profile := c.AudienceProfiles[audience]
	_, key := c.AudienceEncryption[audience]
	return audience == c.Audience || profile || key
}

func (c Config) services() map[string]token.Service {
	services := map[string]token.Service{}
	for audience, profile := range c.AudienceProfiles {
		services[audience] = token.Service{Profile: profile}
	}
	for audience, key := range c.AudienceEncryption {
		services[audience] = token.Service{Profile: c.AudienceProfiles[audience], EncryptTo: key.source()}
	}
	return services
}

func (k ServiceKey) source() token.KeySource {
	source, err := token.ParseEncryptionKey([]byte(k.JWK))
	if err != nil {
		return noKey{} // it is fetched later
	}
	return source
}

// noKey is the source of a key that is not known yet.
type noKey struct{}

func (noKey) EncryptionKey(time.Time) (jose.Key, error) {
	return jose.Key{}, token.ErrNoEncryptionKey
}

// Keys returns how signing keys are created and rotated, for tokens with at most
// the given lifetime.
func (c Config) Keys(longest time.Duration) keyring.Policy {
	return keyring.Policy{
		Algorithm:    jose.Algorithm(c.KeyAlgorithm),
		LongestTTL:   max(c.AccessTTL, longest),
		RotateEvery:  c.KeyRotation,
		KeySetMaxAge: c.KeySetMaxAge,
	}
}
