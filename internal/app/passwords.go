package app

import (
	"fmt"
	"slices"
	"time"

	"github.com/portaria/portaria/internal/outbound"
	"github.com/portaria/portaria/internal/password/breach"
	"github.com/portaria/portaria/internal/password/policy"
)

// breachTimeout is how long a person who chooses a password waits for the service
// of breaches.
const breachTimeout = 2 * time.Second

// openPasswords makes what checks new passwords.
func (a *App) openPasswords(issuer string) (policy.Checker, error) {
	settings := a.config.Passwords
	var breaches []policy.Breaches
	if settings.BreachFile != "" {
		file, err := breach.Open(settings.BreachFile)
		if err != nil {
			return policy.Checker{}, fmt.Errorf("password_breach_file: %w", err)
		}
		a.breached = file
		breaches = append(breaches, file)
	}
	if settings.Breaches == policy.BreachesOpen || settings.Breaches == policy.BreachesClosed {
		client, err := outbound.New(outbound.Config{
			// The operator chose the address.
			Reach: outbound.OperatorsChoice(), Roots: a.roots, EnvironmentProxy: true, Timeout: breachTimeout, MaxBody: breach.MaxBody, KeepAlive: true,
		})
		if err != nil {
			return policy.Checker{}, err
		}
		breaches = append(breaches, breach.Online{
			URL: settings.BreachURL, Client: client, Closed: settings.Breaches == policy.BreachesClosed,
			Report: func(err error) { a.log.Warn("password not compared with breaches", "reason", err) },
		})
	}
	return policy.New(slices.Concat(settings.Words, policy.ServiceWords(issuer)), breaches...), nil
}
