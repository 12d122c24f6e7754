// Package account keeps the people who can sign in: how they are called and
// what proves that they are who they say.
package account

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
)

// Errors of this package. They say what is so, never which stranger asked.
var (
	// ErrNotFound says that there is no such account.
	ErrNotFound = errors.New("account not found")
	// ErrIdentifierTaken says that another account has this identifier,
	// compared in canonical form.
	ErrIdentifierTaken = errors.New("identifier taken")
)

// Account is one person who can sign in.
type Account struct {
	// ID is a random UUID (version 4): never sequential, never an e-mail
	// address, so it can stand in tokens as sub.
	ID string
	// Identifier is the e-mail address or user name as its owner wrote it.
	// It is for showing only; Canonical decides equality.
	Identifier string
	// Canonical is the form in which identifiers are compared.
	Canonical string
	// PasswordHash is a PHC string.
	PasswordHash string
	CreatedAt    time.Time
	// PasswordChangedAt is the moment the owner last chose a password. A
	// rehash with newer parameters does not move it.
	PasswordChangedAt time.Time
	// DisabledAt is zero while the account may be used.
	DisabledAt time.Time
}

// Disabled reports whether the account is barred from signing in.
func (a Account) Disabled() bool { return !a.DisabledAt.IsZero() }

// Page asks for the accounts that follow After, newest first.
type Page struct {
	// After is the last account already seen; its zero value starts at the
	// newest.
	After Position
	// Limit is the greatest number of accounts to answer.
	Limit int
}

// Position is an account's place in the order of pages.
type Position struct {
	CreatedAt time.Time
	ID        string
}

// Store keeps accounts. Each method is one atomic step.
type Store interface {
	// CreateAccount adds the account; ErrIdentifierTaken when its canonical
	// identifier exists.
	CreateAccount(ctx context.Context, a Account) error
	// AccountByIdentifier finds by canonical identifier; ErrNotFound.
	AccountByIdentifier(ctx context.Context, canonical string) (Account, error)
	// Account finds by ID; ErrNotFound.
	Account(ctx context.Context, id string) (Account, error)
	// Accounts lists a page, newest first.
	Accounts(ctx context.Context, p Page) ([]Account, error)
	// EnableAccount lifts a ban; ErrNotFound. Enabling an enabled account
	// is no error.
	EnableAccount(ctx context.Context, id string, now time.Time) error
}

// New makes an account of what the person typed; it has no password yet.
func New(identifier string, now time.Time) (Account, error) {
	canonical, err := Canonical(identifier)
	if err != nil {
		return Account{}, err
	}
	now = now.Truncate(time.Millisecond) // what stores keep
	return Account{
		ID:                uuid.NewString(),
		Identifier:        Display(identifier),
		Canonical:         canonical,
		CreatedAt:         now,
		PasswordChangedAt: now,
	}, nil
}
