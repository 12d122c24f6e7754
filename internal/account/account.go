// Package account keeps the people who can sign in: their identifiers, credentials, links
// and attributes, from sign-up to deletion.
package account

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
)

// Errors of this package.
var (
	// ErrNotFound reports that there is no account with this id or identifier.
	ErrNotFound = errors.New("account not found")
	// ErrIdentifierTaken says that another account has this identifier,
	// compared in canonical form.
	ErrIdentifierTaken = errors.New("identifier taken")
	// ErrChanged says that the account's credentials changed between reading them
	// and the step that depends on them, or that the account was disabled or
	// deleted.
	ErrChanged = errors.New("account changed meanwhile")
	// ErrPresent says that an account to import exists already, with the same id and
	// identifier.
	ErrPresent = errors.New("account is present")
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
	// VerifiedAt is when the owner of the account proved to have the address that
	// Identifier names; zero for never.
	VerifiedAt time.Time
	// Attributes are what administrators keep about the account.
	Attributes Attributes
	// CredentialsVersion rises with every change of a credential. A step that
	// depends on credentials that were read before compares it.
	CredentialsVersion int64
	// PasswordHash is a PHC string; empty for an account without a password.
	PasswordHash string
	CreatedAt    time.Time
	// PasswordChangedAt is the moment the owner last chose a password. A
	// rehash with newer parameters does not move it.
	PasswordChangedAt time.Time
	// DevicesSince is the time before which device tokens are not accepted; zero if
	// they were never ended on request. A new password ends them as well.
	DevicesSince time.Time
	// PasswordAdvice says why the password should be changed, as the code of the
	// problem that a new password like it would have; empty if it should not. It is
	// of the last sign-in.
	PasswordAdvice string
	// DisabledAt is zero while the account may be used.
	DisabledAt time.Time
}

// Kind returns what Identifier is.
func (a Account) Kind() IdentifierKind { return KindOf(a.Canonical) }

// Disabled reports whether the account may not sign in.
func (a Account) Disabled() bool { return !a.DisabledAt.IsZero() }

// Page asks for the accounts that follow After, newest first.
type Page struct {
	// After is the last account already seen; its zero value starts at the
	// newest.
	After Position
	// Limit is the greatest number of accounts to return.
	Limit int
}

// Position is where an account is in the order of pages.
type Position struct {
	CreatedAt time.Time
	ID        string
}

// Store keeps accounts. Each method is one atomic step, in which the rules and
// events are written that follow from it.
type Store interface {
	CredentialStore
	LinkStore
	// CreateAccount adds the account with its primary identifier, and its password
	// if it has one; ErrIdentifierTaken when its canonical identifier exists.
	CreateAccount(ctx context.Context, a Account) error
	// ImportAccounts adds accounts as CreateAccount does, all in one step. It returns a
	// result for each: nil, ErrPresent, ErrIDTaken or ErrIdentifierTaken. These do not
	// keep the others from being added. dry only returns what it would do.
	ImportAccounts(ctx context.Context, list []Account, at time.Time, dry bool) ([]error, error)
	// AccountByIdentifier finds an account by the canonical form of any of its
	// identifiers; ErrNotFound. The account has its primary identifier.
	AccountByIdentifier(ctx context.Context, canonical string) (Account, error)
	// Account finds by ID; ErrNotFound.
	Account(ctx context.Context, id string) (Account, error)
	// Accounts lists a page, newest first.
	Accounts(ctx context.Context, p Page) ([]Account, error)
	// DisableAccount disables the account and ends its sessions; it returns how
	// many. ErrNotFound. Disabling twice keeps the first moment.
	DisableAccount(ctx context.Context, id string, now time.Time) (int, error)
	// EnableAccount enables a disabled account; ErrNotFound. Enabling an enabled
	// account is no error.
	EnableAccount(ctx context.Context, id string, now time.Time) error
	// DeleteAccount removes the account with its identifiers, credentials, links
	// and sessions; ErrNotFound.
	DeleteAccount(ctx context.Context, id string, now time.Time) error
	// ForgetDevices ends the device tokens of the account that are older than now;
	// ErrNotFound.
	ForgetDevices(ctx context.Context, id string, now time.Time) error
	// SetAttributes replaces the attributes of the account; ErrAttributes and
	// ErrNotFound. When they differ, the same step writes a soft revocation rule
	// about the account, because its access tokens may say what is no longer true.
	SetAttributes(ctx context.Context, id string, attributes Attributes, now time.Time) error
}

// New makes an account of what the person typed. It has no password yet.
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
