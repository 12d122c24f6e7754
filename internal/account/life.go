package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/portaria/portaria/internal/password"
)

// ErrSignUpClosed says that only administrators create accounts.
var ErrSignUpClosed = errors.New("sign-up closed")

// SignUp creates an account for a person, and returns its id. Errors:
// ErrSignUpClosed, and those of Register.
func (d *Directory) SignUp(ctx context.Context, identifier string, chosen password.Plain, now time.Time) (string, error) {
	if !d.policy.SignUpOpen {
		return "", ErrSignUpClosed
	}
	return d.CreateAccount(ctx, identifier, chosen, now)
}

// CreateAccount creates an account for an administrator, whether or not sign-up is
// open, and returns its id. Errors: those of Register.
func (d *Directory) CreateAccount(ctx context.Context, identifier string, chosen password.Plain, now time.Time) (string, error) {
	a, err := d.Register(ctx, identifier, chosen, now)
	return a.ID, err
}

// Account finds an account by its id. Errors: ErrNotFound.
func (d *Directory) Account(ctx context.Context, id string) (Account, error) {
	a, err := d.store.Account(ctx, id)
	if err != nil {
		return Account{}, fmt.Errorf("find account: %w", err)
	}
	return a, nil
}

// ChangePassword gives an account a password that its owner chose, and ends its
// sessions but the one to keep. a is the account as it was read when the owner was
// proved. Errors: ErrChanged, and those of HashNew.
func (d *Directory) ChangePassword(ctx context.Context, a Account, chosen password.Plain, keepSession string, now time.Time) error {
	phc, err := d.HashNew(ctx, a, chosen)
	if err != nil {
		return err
	}
	_, err = d.store.ChangePassword(ctx, PasswordChange{Account: a, NewHash: phc, KeepSession: keepSession, At: now.Truncate(time.Millisecond)})
	if err != nil {
		return fmt.Errorf("change password: %w", err)
	}
	return nil
}

// setTries bounds how often SetPassword starts again because the account was
// changed meanwhile.
const setTries = 5

// SetPassword gives an account a password that an administrator chose, and ends
// all its sessions in the same step; it returns how many. The account keeps its
// id, and a disabled account stays disabled. Errors: ErrNotFound, ErrChanged, and
// those of HashNew.
func (d *Directory) SetPassword(ctx context.Context, id string, chosen password.Plain, now time.Time) (int, error) {
	a, err := d.Account(ctx, id)
	if err != nil {
		return 0, err
	}
	phc, err := d.HashNew(ctx, a, chosen)
	if err != nil {
		return 0, err
	}
	for range setTries {
		n, err := d.store.ChangePassword(ctx, PasswordChange{Account: a, NewHash: phc, At: now.Truncate(time.Millisecond)})
		if !errors.Is(err, ErrChanged) {
			return n, err
		}
		// Its owner changed a credential, or signed in and had the password hashed
		// anew.
		if a, err = d.Account(ctx, id); err != nil {
			return 0, err
		}
	}
	return 0, fmt.Errorf("set password: %w", ErrChanged)
}

// DisableAccount disables an account and ends its sessions; it returns how many.
// Errors: ErrNotFound.
func (d *Directory) DisableAccount(ctx context.Context, id string, now time.Time) (int, error) {
	return d.store.DisableAccount(ctx, id, now.Truncate(time.Millisecond))
}

// EnableAccount enables a disabled account. Errors: ErrNotFound.
func (d *Directory) EnableAccount(ctx context.Context, id string, now time.Time) error {
	return d.store.EnableAccount(ctx, id, now.Truncate(time.Millisecond))
}

// ForgetDevices ends the device tokens of an account: each of its devices is a
// stranger at the next sign-in. Tokens count in seconds, so those of the present
// second end as well. Errors: ErrNotFound.
func (d *Directory) ForgetDevices(ctx context.Context, id string, now time.Time) error {
	return d.store.ForgetDevices(ctx, id, now.Add(time.Second-1).Truncate(time.Second))
}

// DeleteAccount removes an account and all that belongs to it. Errors: ErrNotFound.
func (d *Directory) DeleteAccount(ctx context.Context, id string, now time.Time) error {
	return d.store.DeleteAccount(ctx, id, now.Truncate(time.Millisecond))
}
