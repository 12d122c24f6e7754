package account

import (
	"errors"

	"github.com/portaria/portaria/internal/password"
	"github.com/portaria/portaria/internal/password/policy"
)

// advice returns why a password that is in use should be changed; see
// Account.PasswordAdvice. It asks nobody else, and breaches are not looked up.
func (d *Directory) advice(a Account, plain password.Plain) string {
	err := plain.CheckNew(a.Identifier, a.Canonical)
	if err == nil {
		err = d.policy.Passwords.CheckOffline(plain, a.Identifier, a.Canonical)
	}
	switch {
	case errors.Is(err, password.ErrTooShort):
		return "password_too_short"
	case errors.Is(err, password.ErrIsIdentifier), errors.Is(err, policy.ErrIdentifier):
		return "password_is_identifier"
	case errors.Is(err, policy.ErrWord):
		return "password_refused_word"
	case errors.Is(err, policy.ErrCommon):
		return "password_common"
	}
	return ""
}
