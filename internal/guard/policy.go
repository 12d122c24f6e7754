package guard

import (
	"errors"
	"fmt"
	"time"
)

// Captcha says when strangers must solve a challenge.
type Captcha string

// The values of Captcha. The zero value is CaptchaNever, because without a
// challenge nobody could sign in.
const (
	CaptchaNever        Captcha = "never"
	CaptchaAfterFailure Captcha = "after_failure"
	CaptchaAlways       Captcha = "always"
)

// Policy are the budgets. Get a good one from [DefaultPolicy].
type Policy struct {
	// Strangers is the budget of an account for all devices that have not signed
	// in to it before, together.
	Strangers Limit
	// Device is the budget of one device that has signed in to an account before.
	Device Limit
	// Address is the budget of an IPv4 address, or of an IPv6 network of 64 bits.
	Address Limit
	// Network is the budget of an IPv4 network of 24 bits, or IPv6 of 48.
	Network Limit
	// Accounts bounds how many accounts one address may try.
	Accounts Limit
	// Captcha says when strangers must solve a challenge.
	Captcha Captcha
	// CaptchaAfter is from how many failed attempts on, with CaptchaAfterFailure.
	CaptchaAfter int
	// Suspended is from which wait on an account counts as suspended for
	// strangers, which is an event.
	Suspended time.Duration
	// Pressure finds attacks that stay within all other budgets.
	Pressure Pressure
}

// Pressure is the limit of the detector of attacks by many addresses on many
// accounts: stolen lists of passwords, tried once each. While it is exceeded,
// strangers are asked for a challenge at their first attempt.
type Pressure struct {
	// Failures is how many attempts must fail within Window. Zero turns the
	// detector off.
	Failures int
	// Share is which part of all attempts of strangers must fail, from 0 to 1.
	Share float64
	// Window is the time that is looked at.
	Window time.Duration
}

// DefaultPolicy returns the budgets that docs/guides/guessing.md explains.
func DefaultPolicy() Policy {
	return Policy{
		Strangers:    Limit{Burst: 5, Every: time.Hour, First: time.Second, Most: time.Hour},
		Device:       Limit{Burst: 10, Every: 10 * time.Minute},
		Address:      Limit{Burst: 50, Every: time.Minute},
		Network:      Limit{Burst: 500, Every: 5 * time.Second},
		Accounts:     Limit{Burst: 30, Every: 2 * time.Minute},
		Captcha:      CaptchaNever,
		CaptchaAfter: 3,
		Suspended:    time.Minute,
		Pressure:     Pressure{Failures: 200, Share: 0.7, Window: 5 * time.Minute},
	}
}

// ErrPolicy reports a Policy that cannot work.
var ErrPolicy = errors.New("guard policy")

// Validate returns an error that wraps ErrPolicy and names the part at fault.
func (p Policy) Validate() error {
	for name, l := range map[string]Limit{
		"strangers": p.Strangers, "device": p.Device, "address": p.Address, "network": p.Network, "accounts": p.Accounts,
	} {
		if err := l.Validate(); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrPolicy, name, err)
		}
	}
	switch {
	case p.Captcha != CaptchaNever && p.Captcha != CaptchaAfterFailure && p.Captcha != CaptchaAlways:
		return fmt.Errorf("%w: captcha must be %s, %s or %s", ErrPolicy, CaptchaNever, CaptchaAfterFailure, CaptchaAlways)
	case p.Captcha == CaptchaAfterFailure && p.CaptchaAfter < 1:
		return fmt.Errorf("%w: a challenge after %d failed attempts: at least 1", ErrPolicy, p.CaptchaAfter)
	case p.Suspended <= 0:
		return fmt.Errorf("%w: suspended must be a positive wait", ErrPolicy)
	case p.Pressure.Failures < 0 || p.Pressure.Share < 0 || p.Pressure.Share > 1 || p.Pressure.Failures > 0 && p.Pressure.Window <= 0:
		return fmt.Errorf("%w: pressure needs a share from 0 to 1 and a positive window", ErrPolicy)
	}
	return nil
}

// challenge returns the level of failed attempts from which a stranger must
// solve a challenge; zero for never.
func (p Policy) challenge() int {
	if p.Captcha == CaptchaAfterFailure {
		return p.CaptchaAfter
	}
	return 0
}
