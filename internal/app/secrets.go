package app

import "github.com/portaria/portaria/internal/keyring"

// Secrets names the secrets that can be rotated.
func Secrets() []string { return []string{refreshSecret, clientSecret, webhookSecret} }

// generations returns the values of a named secret that count when it is called.
func (a *App) generations(name string) func() []keyring.Secret {
	return func() []keyring.Secret { return a.ring.Generations(name, a.now()) }
}
