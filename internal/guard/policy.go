package guard

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"
)

// Captcha says when strangers must solve a challenge.
type Captcha string

// The values of Captcha. The zero value is the same as CaptchaNever.
const (
	CaptchaNever        Captcha = "never"
	CaptchaAfterFailure Captcha = "after_failure"
	CaptchaAlways       Captcha = "always"
)

// Policy are the budgets. Get a good one from [DefaultPolicy]. The tags make
// fields settings.
type Policy struct {
	Strangers Strangers    `name:"strangers"`
	Device    DeviceBudget `name:"device"`
	Address   Address      `name:"address"`
	Network   Network      `name:"network"`
	Accounts  Accounts     `name:"accounts"`
	Pressure  Pressure     `name:"pressure"`
	// Captcha says when strangers must solve a challenge.
	Captcha Captcha
	// CaptchaAfter is from how many failed attempts on, with CaptchaAfterFailure.
	CaptchaAfter int
}

// Strangers is the budget of an account for all devices that have not signed in
// to it before, together.
type Strangers struct {
	// Failures is how many attempts may fail at one account before strangers must wait. Strangers are all devices that have
	// not signed in to the account before, wherever they are.
	Failures int `name:"failures" default:"5" min:"1" max:"1000"`
	// FirstWait is the first wait; each further failed attempt doubles it.
	FirstWait time.Duration `name:"first_wait" default:"1s" min:"1ms" max:"24h"`
	// LongestWait is where the wait stops growing.
	LongestWait time.Duration `name:"longest_wait" default:"1h" min:"1ms" max:"24h"`
	// Forget is the time in which one failed attempt is forgotten.
	Forget time.Duration `name:"forget" default:"1h" min:"1s" max:"240h"`
	// Suspended is the wait from which an account counts as suspended for strangers, which is an event.
	Suspended time.Duration `name:"suspended" default:"1m" min:"1ms" max:"24h"`
}

func (b Strangers) limit() Limit {
	return Limit{Burst: b.Failures, Every: b.Forget, First: b.FirstWait, Most: b.LongestWait}
}

// DeviceBudget is the budget of one device that has signed in to an account before.
type DeviceBudget struct {
	// Failures is how many attempts of one device may fail at an account that it has signed in to before. Nothing that
	// strangers do counts here, so the owner can always sign in from a known device.
	Failures int `name:"failures" default:"10" min:"1" max:"1000"`
	// Forget is the time in which one failed attempt is forgotten.
	Forget time.Duration `name:"forget" default:"10m" min:"1s" max:"240h"`
	// Lifetime is how long a device is known after its last sign-in.
	Lifetime time.Duration `name:"lifetime" default:"90d" min:"1s" max:"400d"`
}

func (b DeviceBudget) limit() Limit { return Limit{Burst: b.Failures, Every: b.Forget} }

// Address is the budget of an IPv4 address, or of an IPv6 network of 64 bits.
type Address struct {
	// Failures is how many attempts of strangers may fail from one IPv4 address, or one IPv6 network of 64 bits.
	Failures int `name:"failures" default:"100" min:"1" max:"1000000"`
	// Forget is the time in which one failed attempt is forgotten.
	Forget time.Duration `name:"forget" default:"1m" min:"1ms" max:"240h"`
}

func (b Address) limit() Limit { return Limit{Burst: b.Failures, Every: b.Forget} }

// Network is the budget of an IPv4 network of 24 bits, or IPv6 of 48.
type Network struct {
	// Failures is how many attempts of strangers may fail from one IPv4 network of 24 bits, or one IPv6 network of 48 bits.
	Failures int `name:"failures" default:"500" min:"1" max:"1000000"`
	// Forget is the time in which one failed attempt is forgotten.
	Forget time.Duration `name:"forget" default:"5s" min:"1ms" max:"240h"`
}

func (b Network) limit() Limit { return Limit{Burst: b.Failures, Every: b.Forget} }

// Accounts bounds how many accounts one address may try.
type Accounts struct {
	// Failures is at how many different accounts attempts from one address may fail.
	Failures int `name:"failures" default:"100" min:"1" max:"1000000"`
	// Forget is the time in which one of these accounts is forgotten.
	Forget time.Duration `name:"forget" default:"2m" min:"1ms" max:"240h"`
}

func (b Accounts) limit() Limit { return Limit{Burst: b.Failures, Every: b.Forget} }

// Pressure is the limit of the detector of attacks by many addresses on many
// accounts: stolen lists of passwords, tried once each. While it is exceeded,
// strangers are asked for a challenge at their first attempt.
type Pressure struct {
	// Failures is how many attempts of strangers must fail within the window, before an attack by many addresses on many
	// accounts is reported. 0 turns this off.
	Failures int `name:"failures" default:"200" min:"0" max:"1000000"`
	// Percent is which part of all attempts of strangers must fail.
	Percent int `name:"percent" default:"70" min:"0" max:"100"`
	// Window is the time that is looked at.
	Window time.Duration `name:"window" default:"5m" min:"1s" max:"24h"`
}

// DefaultPolicy returns the budgets that docs/guides/guessing.md explains.
func DefaultPolicy() Policy {
	return Policy{
		Strangers: Strangers{Failures: 5, FirstWait: time.Second, LongestWait: time.Hour, Forget: time.Hour, Suspended: time.Minute},
		Device:    DeviceBudget{Failures: 10, Forget: 10 * time.Minute, Lifetime: 90 * 24 * time.Hour},
		Address:   Address{Failures: 100, Forget: time.Minute},
		Network:   Network{Failures: 500, Forget: 5 * time.Second},
		Accounts:  Accounts{Failures: 100, Forget: 2 * time.Minute},
		Pressure:  Pressure{Failures: 200, Percent: 70, Window: 5 * time.Minute},
		Captcha:   CaptchaNever, CaptchaAfter: 3,
	}
}

// ErrPolicy reports a Policy that cannot work.
var ErrPolicy = errors.New("guard policy")

// PolicyError says which settings of a Policy are at fault. It wraps ErrPolicy.
type PolicyError struct{ problems [][2]string }

// Error implements error.
func (e *PolicyError) Error() string {
	texts := make([]string, len(e.problems))
	for i, p := range e.problems {
		texts[i] = p[0] + ": " + p[1]
	}
	return ErrPolicy.Error() + ": " + strings.Join(texts, "; ")
}

// Unwrap returns ErrPolicy.
func (e *PolicyError) Unwrap() error { return ErrPolicy }

// Fields returns each setting at fault with what is wrong with it.
func (e *PolicyError) Fields() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, p := range e.problems {
			if !yield(p[0], p[1]) {
				return
			}
		}
	}
}

// Validate returns a *PolicyError unless the policy can work.
func (p Policy) Validate() error {
	e := &PolicyError{}
	refuse := func(bad bool, field, problem string) {
		if bad {
			e.problems = append(e.problems, [2]string{field, problem})
		}
	}
	for _, l := range []struct {
		name  string
		limit Limit
	}{
		{"strangers", p.Strangers.limit()}, {"device", p.Device.limit()}, {"address", p.Address.limit()},
		{"network", p.Network.limit()}, {"accounts", p.Accounts.limit()},
	} {
		refuse(l.limit.Burst < 1, l.name+"_failures", "must be at least 1")
		refuse(l.limit.Every <= 0, l.name+"_forget", "must be positive")
	}
	refuse(p.Strangers.FirstWait <= 0, "strangers_first_wait", "must be positive")
	refuse(p.Strangers.LongestWait < p.Strangers.FirstWait, "strangers_longest_wait", "must not be below strangers_first_wait")
	refuse(p.Strangers.Suspended <= 0, "strangers_suspended", "must be positive")
	refuse(p.Device.Lifetime <= 0, "device_lifetime", "must be positive")
	refuse(p.Pressure.Failures < 0, "pressure_failures", "must not be negative")
	refuse(p.Pressure.Percent < 0 || p.Pressure.Percent > 100, "pressure_percent", "must be from 0 to 100")
	refuse(p.Pressure.Failures > 0 && p.Pressure.Window <= 0, "pressure_window", "must be positive")
	switch p.Captcha {
	case "", CaptchaNever, CaptchaAfterFailure, CaptchaAlways:
	default:
		refuse(true, "captcha", fmt.Sprintf("must be %s, %s or %s", CaptchaNever, CaptchaAfterFailure, CaptchaAlways))
	}
	refuse(p.Captcha == CaptchaAfterFailure && p.CaptchaAfter < 1, "captcha_after", "must be at least 1")
	if len(e.problems) > 0 {
		return e
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
