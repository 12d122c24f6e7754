package config

import (
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
