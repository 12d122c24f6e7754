package app

import "github.com/portaria/portaria/internal/keyring"

// Secrets returns the names of the secrets that can be rotated.
func Secrets() []string { return []string{refreshSecret, clientSecret, webhookSecret, deviceSecret} }

// generations returns a function that returns the values of a secret in use at the call.
func (a *App) generations(name string) func() []keyring.Secret {
	return func() []keyring.Secret { return a.ring.Generations(name, a.now()) }
}
