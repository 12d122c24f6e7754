package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/portaria/portaria/internal/password"
	"github.com/portaria/portaria/internal/password/policy"
)

// ErrNotProved says that the account was not proved: it does not exist, the
// password is wrong, or it is disabled. Callers must not learn which.
var ErrNotProved = errors.New("account not proved")

// Policy is what people may do without an administrator.
type Policy struct {
	// SignUpOpen permits everyone to create an account.
	SignUpOpen bool
	// Passwords checks new passwords. The zero value knows the embedded list alone.
	Passwords policy.Checker
}

// Directory registers accounts, checks their passwords, and changes them.
type Directory struct {
	store  Store
	hasher *password.Hasher
	policy Policy
}

// NewDirectory joins the store of accounts and the hasher of passwords.
func NewDirectory(store Store, hasher *password.Hasher, policy Policy) *Directory {
	return &Directory{store, hasher, policy}
}

// Register adds an account. Errors: those of Canonical, of password.Plain.CheckNew
// and of the hasher; ErrIdentifierTaken.
func (d *Directory) Register(ctx context.Context, identifier string, chosen password.Plain, now time.Time) (Account, error) {
	a, err := New(identifier, now)
	if err != nil {
		return Account{}, err
	}
	// Asked first only to save a hash: CreateAccount decides.
	switch _, err := d.store.AccountByIdentifier(ctx, a.Canonical); {
	case err == nil:
		return Account{}, ErrIdentifierTaken
	case !errors.Is(err, ErrNotFound):
		return Account{}, fmt.Errorf("find account: %w", err)
	}
	if a.PasswordHash, err = d.HashNew(ctx, a, chosen); err != nil {
		return Account{}, err
	}
	if err := d.store.CreateAccount(ctx, a); err != nil {
		return Account{}, fmt.Errorf("create account: %w", err)
	}
	return a, nil
}

// HashNew hashes a password that the account's owner chose, if the policy
// allows it.
func (d *Directory) HashNew(ctx context.Context, a Account, chosen password.Plain) (string, error) {
	if err := d.allow(ctx, a, chosen); err != nil {
		return "", err
	}
	return d.Rehash(ctx, chosen)
}

// CheckNew returns why a password must not be chosen for an account with this
// identifier, which need not exist and may be empty. Errors: those of
// password.Plain.CheckNew and policy.Checker.Check.
func (d *Directory) CheckNew(ctx context.Context, identifier string, chosen password.Plain) error {
	return d.allow(ctx, Account{Identifier: identifier, Canonical: identifier}, chosen)
}

// KnowsBreaches reports whether new passwords are compared with breached ones.
func (d *Directory) KnowsBreaches() bool { return d.policy.Passwords.KnowsBreaches() }

func (d *Directory) allow(ctx context.Context, a Account, chosen password.Plain) error {
	if err := chosen.CheckNew(a.Identifier, a.Canonical); err != nil {
		return err
	}
	return d.policy.Passwords.Check(ctx, chosen, a.Identifier, a.Canonical)
}

// Rehash hashes a password that is in use already. It does not apply the policy for new
// ones, which must not lock people out.
func (d *Directory) Rehash(ctx context.Context, plain password.Plain) (string, error) {
	phc, err := d.hasher.Hash(ctx, plain)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return phc, nil
}

// Proof is an account whose password was just checked.
type Proof struct {
	Account Account
	// Outdated says that the hash has old parameters and is to be replaced.
	Outdated bool
	// Advice is the new value of Account.PasswordAdvice.
	Advice string
}

// Find returns the account with this identifier, and a name for it that is the
// same for every spelling and every identifier of one account. An unknown
// identifier is not an error: the account then has no ID, and the name belongs to
// no account.
func (d *Directory) Find(ctx context.Context, identifier string) (a Account, name string, err error) {
	canonical, _, err := Comparable(identifier)
	if err != nil {
		return Account{}, "invalid:" + identifier, nil
	}
	a, err = d.store.AccountByIdentifier(ctx, canonical)
	switch {
	case errors.Is(err, ErrNotFound):
		return Account{}, "unknown:" + canonical, nil
	case err != nil:
		return Account{}, "", fmt.Errorf("find account: %w", err)
	}
	return a, Name(a.ID), nil
}

// Name is what Find returns for an account with this ID.
func Name(id string) string { return "account:" + id }

// Prove checks a password against an account, as Find returned it. All the ways
// to fail cost the same work and give the same ErrNotProved.
func (d *Directory) Prove(ctx context.Context, a Account, plain password.Plain) (Proof, error) {
	if a.ID == "" {
		// Hash even when the account does not exist: otherwise the shorter time
		// shows an attacker which identifiers exist.
		return Proof{}, notProved(d.hasher.Decoy(ctx, plain), "unknown account")
	}
	if a.PasswordHash == "" {
		// The same work as for a wrong password.
		return Proof{Account: a}, notProved(d.hasher.Decoy(ctx, plain), "account has no password")
	}
	if a.Disabled() {
		return Proof{Account: a}, notProved(d.hasher.Refuse(ctx, plain, a.PasswordHash), "account disabled")
	}
	outdated, err := d.hasher.Verify(ctx, plain, a.PasswordHash)
	if err != nil {
		return Proof{Account: a}, notProved(err, "wrong password")
	}
	return Proof{a, outdated, d.advice(a, plain)}, nil
}

// notProved keeps "too busy to hash" apart from "wrong": only the second says
// something about the account.
func notProved(err error, reason string) error {
	if errors.Is(err, password.ErrMismatch) {
		return fmt.Errorf("%w: %s", ErrNotProved, reason)
	}
	return fmt.Errorf("check password: %w", err)
}
