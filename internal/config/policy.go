package config

import (
	"time"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/login"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/token"
)

// Session returns how long sessions live.
func (c Config) Session() session.Policy {
	return session.Policy{Idle: c.RefreshTTL, Absolute: c.SessionTTL, Grace: c.RefreshGrace, PerAccount: c.SessionsPerAccount}
}

// Login returns what may be done without an administrator.
func (c Config) Login() login.Policy {
	p := login.Policy{SignUpOpen: c.SignUpOpen(), AccessTTL: c.AccessTTL, RefreshRetry: c.RefreshRetry}
	if c.RefreshGrace == 0 { // no token is ever to be good twice
		p.RefreshRetry = 0
	}
	return p
}

// Token returns what access tokens say. None can be
// minted for a service whose key is published at a URL, until the caller gives
// the policy a source that fetches it.
func (c Config) Token(issuer string) token.Policy {
	return token.Policy{
		Issuer:   issuer,
		Audience: c.Audience,
		TTL:      c.AccessTTL,
		MaxSize:  c.MaxTokenSize,
		Services: c.services(),
	}
}

// SettlesAudience reports whether the settings say what tokens for an audience
// look like, so that no registered client can.
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
		return noKey{} // it is to be fetched
	}
	return source
}

// noKey stands where a key is not known.
type noKey struct{}

func (noKey) EncryptionKey(time.Time) (jose.Key, error) {
	return jose.Key{}, token.ErrNoEncryptionKey
}

// Keys returns how signing keys are made and follow each other, for tokens
// that live no longer than this.
func (c Config) Keys(longest time.Duration) keyring.Policy {
	return keyring.Policy{
		Algorithm:    jose.Algorithm(c.KeyAlgorithm),
		LongestTTL:   max(c.AccessTTL, longest),
		RotateEvery:  c.KeyRotation,
		KeySetMaxAge: c.KeySetMaxAge,
	}
}
