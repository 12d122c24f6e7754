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
	return session.Policy{Idle: c.RefreshTTL, Absolute: c.SessionTTL, Grace: c.RefreshGrace}
}

// Login returns what may be done without an administrator.
func (c Config) Login() login.Policy {
	return login.Policy{SignUpOpen: c.SignUpOpen(), AccessTTL: c.AccessTTL}
}

// Token returns what access tokens say, and how they are checked.
func (c Config) Token(issuer string) token.Policy {
	return token.Policy{Issuer: issuer, Audience: c.Audience, TTL: c.AccessTTL, Leeway: c.Leeway}
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
