package signin

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/guard"
	"github.com/portaria/portaria/internal/password"
	"github.com/portaria/portaria/internal/session"
)

// Guard decides which guesses may be made. A *guard.Guard is one.
type Guard interface {
	Begin(ctx context.Context, a guard.Attempt) (*guard.Reservation, error)
}

// Guarding is what makes guessing slow. Both parts are required.
type Guarding struct {
	Guard   Guard
	Devices guard.Devices
}

// PurposePassword is the purpose of the attempts that are counted here, for
// operators who look at a budget or clear it.
const PurposePassword = "password"

// MaxDeviceTokens bounds how many device tokens one device may show.
const MaxDeviceTokens = 4

// device returns the device that one of the device tokens is of, and that device token. The device tokens
// of an account end when its password changes.
func (g Guarding) device(a account.Account, shown []string, now time.Time) (guard.Device, string) {
	for _, token := range shown[:min(len(shown), MaxDeviceTokens)] {
		if device, known := g.Devices.Check(token, a.ID, later(a.PasswordChangedAt, a.DevicesSince), now); known {
			return device, token
		}
	}
	return guard.Device{}, ""
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Renew returns a new device token for a device after its account's password has changed,
// which ended the device token that it showed, and that device token. Device tokens of other
// accounts get none, and neither do those that were ended on request.
func (s *Service) Renew(owner account.Account, shown []string, now time.Time) (token, replaced string, err error) {
	owner.PasswordChangedAt = time.Time{}
	device, replaced := s.guard.device(owner, shown, now)
	if replaced == "" {
		return "", "", nil
	}
	token, err = s.guard.Devices.Token(owner.ID, device.ID, now)
	return token, replaced, err
}

// DeviceLifetime is how long a device token is good.
func (s *Service) DeviceLifetime() time.Duration { return s.guard.Devices.Lifetime }

// guess checks a password. The attempt is counted before any work is done, and
// given back when the password is right, or when nothing was learned.
func (s *Service) guess(ctx context.Context, a Attempt, at guard.Attempt, plain password.Plain) (account.Proof, error) {
	at.Purpose = PurposePassword
	ctx = password.For(ctx, password.Caller{Network: password.NetworkOf(at.Address), Known: at.Device != ""})
	reserved, err := s.guard.Guard.Begin(ctx, at)
	if err != nil {
		return account.Proof{}, err
	}
	proof, err := s.people.Prove(ctx, a.Account, plain)
	if err != nil && errors.Is(err, account.ErrNotProved) {
		return account.Proof{}, s.failed(ctx, a, reserved, err)
	}
	// An attempt that cannot be given back stays counted. That must not fail a
	// sign-in, also when the client has hung up.
	_ = reserved.Succeeded(context.WithoutCancel(ctx))
	return proof, err
}

// SignUp creates an account for a person. An identifier that is taken counts as a
// failed attempt of the address: a sign-up must not be a way to find out who has
// an account. Errors: *guard.Refused, and those of account.Directory.SignUp.
func (s *Service) SignUp(ctx context.Context, identifier string, chosen password.Plain, use session.Use) (string, error) {
	reserved, err := s.guard.Guard.Begin(ctx, guard.Attempt{Purpose: "sign_up", Address: address(use)})
	if err != nil {
		return "", err
	}
	id, err := s.people.SignUp(password.For(ctx, password.Caller{Network: password.NetworkOf(address(use))}), identifier, chosen, use.At)
	if !errors.Is(err, account.ErrIdentifierTaken) {
		_ = reserved.Succeeded(context.WithoutCancel(ctx))
	}
	return id, err
}

// address reads the address of a caller. One that is not known is the zero
// value, which has a budget of its own.
func address(use session.Use) netip.Addr {
	a, err := netip.ParseAddr(use.Address)
	if err != nil {
		return netip.Addr{}
	}
	return a
}
