package signin

import (
	"context"
	"errors"
	"fmt"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/password"
)

// finish completes an attempt by a password, and replaces an outdated hash in the
// same step. Of two sign-ins at the same time, one replaces the hash, and the other
// finds a changed account: it proves the password once more, against the new hash.
func (s *Service) finish(ctx context.Context, a Attempt, plan issue.Plan, proof account.Proof, plain password.Plain) (issue.Tokens, error) {
	a.advice = proof.Advice
	tokens, err := s.complete(ctx, a, plan, s.renewed(ctx, proof, plain))
	if !proof.Outdated || !errors.Is(err, account.ErrChanged) {
		return tokens, err
	}
	current, err := s.people.Account(ctx, a.Account.ID)
	if errors.Is(err, account.ErrNotFound) {
		return issue.Tokens{}, fmt.Errorf("%w: %w", account.ErrNotProved, err)
	}
	if err != nil {
		return issue.Tokens{}, err
	}
	if proof, err = s.people.Prove(ctx, current, plain); err != nil {
		return issue.Tokens{}, err
	}
	a.Account, a.advice = proof.Account, proof.Advice
	return s.complete(ctx, a, plan, s.renewed(ctx, proof, plain))
}

// renewed returns a new hash where the old one has outdated parameters. A sign-in
// does not fail because the hasher is too busy for this: the next one renews.
func (s *Service) renewed(ctx context.Context, p account.Proof, plain password.Plain) string {
	if !p.Outdated {
		return ""
	}
	phc, err := s.people.Rehash(ctx, plain)
	if err != nil {
		return ""
	}
	return phc
}
