package clients

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Proof is a client that has shown who it is. A client assertion is good for one
// use, so its proof is complete only after Spend. Not safe for concurrent use.
type Proof struct {
	Client Client
	// use remembers the assertion; nil for a secret, which can be used again.
	use func(context.Context) error
}

// Spend uses up the client assertion, if there is one. Call it after all that can
// fail for another reason, and before anything that the client asked for happens:
// a client that gets 503 must not find its assertion used. A second
// call does nothing. Errors wrap ErrNotProved when the assertion was used before.
func (p *Proof) Spend(ctx context.Context) error {
	if p == nil || p.use == nil {
		return nil
	}
	err := p.use(ctx)
	switch {
	case errors.Is(err, ErrReplayed):
		return notProved(err)
	case err != nil:
		return fmt.Errorf("remember assertion: %w", err)
	}
	p.use = nil
	return nil
}

// Prove returns the client that proved who it is, and spends its assertion.
// Errors wrap ErrNotProved.
func (p *Prover) Prove(ctx context.Context, s Shown, now time.Time) (Client, error) {
	proof, err := p.Examine(ctx, s, now)
	if err == nil {
		err = proof.Spend(ctx)
	}
	if err != nil {
		return Client{}, err
	}
	return proof.Client, nil
}
