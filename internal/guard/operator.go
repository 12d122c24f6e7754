package guard

import (
	"context"
	"fmt"
	"net/netip"
	"time"
)

// Subject is what an operator asks about: an account or an address.
type Subject struct {
	// Purpose and Account are those of [Attempt]; Account is empty for an address.
	Purpose, Account string
	Address          netip.Addr
}

// Budget is the state of one budget.
type Budget struct {
	// Kind is "account", "address", "network" or "accounts".
	Kind string
	// Failed is how many attempts count as failed now, and Burst how many may fail
	// without a wait.
	Failed float64
	Burst  int
	// Wait is how long the next attempt of a stranger must wait.
	Wait time.Duration
}

// of returns the budgets of a subject. Those of devices are not among them: nobody
// but the device itself can name it.
func (g *Guard) of(s Subject) (charges []Charge, kinds []string) {
	if s.Account != "" {
		return []Charge{{Key: g.name("account", s.Purpose, s.Account), Limit: g.policy.Strangers.limit()}}, []string{"account"}
	}
	address, network := networks(s.Address)
	return []Charge{
		{Key: g.name("address", address), Limit: g.policy.Address.limit()},
		{Key: g.name("network", network), Limit: g.policy.Network.limit()},
		{Key: g.name("accounts", address), Limit: g.policy.Accounts.limit()},
	}, []string{"address", "network", "accounts"}
}

// Budgets returns the budgets of an account, or those of an address: its own, that of
// its network, and that of the accounts it has tried. Errors: those of the counters.
func (g *Guard) Budgets(ctx context.Context, s Subject) ([]Budget, error) {
	charges, kinds := g.of(s)
	failed, waits, err := g.counters.Levels(ctx, charges)
	if err != nil {
		return nil, fmt.Errorf("read budgets: %w", err)
	}
	budgets := make([]Budget, len(charges))
	for i, c := range charges {
		budgets[i] = Budget{Kind: kinds[i], Failed: failed[i], Burst: c.Limit.Burst, Wait: waits[i]}
	}
	return budgets, nil
}

// Clear forgets all failed attempts of an account, or of an address and the network
// around it. Errors: those of the counters, which may then still have some.
func (g *Guard) Clear(ctx context.Context, s Subject) error {
	charges, _ := g.of(s)
	keys := make([]string, len(charges))
	for i, c := range charges {
		keys[i] = c.Key
	}
	if err := g.counters.Clear(ctx, keys); err != nil {
		return fmt.Errorf("clear budgets: %w", err)
	}
	return nil
}
