package config

import "github.com/portaria/portaria/internal/session"

// Session returns how long sessions live.
func (c Config) Session() session.Policy {
	return session.Policy{Idle: c.RefreshTTL, Absolute: c.SessionTTL, Grace: c.RefreshGrace}
}
