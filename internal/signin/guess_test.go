package signin_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/guard"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/signin"
)

// street is a house whose guard has the default budgets, at a time that stands.
func street(t *testing.T) house {
	t.Helper()
	h := openWith(t, cost(8, 1), nil, week, func(p *parts) {
		p.Guard = guarded(t, guard.DefaultPolicy(), func() time.Time { return start })
	})
	h.signUp(ana)
	return h
}

// from is a use by the n-th of many addresses, in networks of their own.
func from(n int) session.Use {
	u := use(0)
	u.Address = fmt.Sprintf("10.%d.%d.7", n>>8, n&255)
	return u
}

func (h house) try(identifier, typing string, u session.Use, shown ...string) (signin.Signed, error) {
	h.Helper()
	return h.Service.Password(h.Context(), signin.Try{Identifier: identifier, Password: typed(h.T, typing), Devices: shown}, issue.Request{}, u)
}

// TestGuessesAreBounded: of 1,000 wrong passwords at once, from as many addresses
// and in every spelling of the name, no more are checked than the budget has.
func TestGuessesAreBounded(t *testing.T) {
	h := street(t)
	for name, spellings := range map[string][]string{
		"an account": {ana, "ANA@example.com", " ana@example.com ", "Ana@Example.Com"}, "nobody": {"bia@example.com", "BIA@example.com"},
	} {
		var checked, refused atomic.Int64
		var all sync.WaitGroup
		for i := range 1000 {
			all.Go(func() {
				_, err := h.try(spellings[i%len(spellings)], other, from(i))
				var wait *guard.Refused
				switch {
				case errors.Is(err, account.ErrNotProved):
					checked.Add(1)
				case errors.As(err, &wait) && wait.RetryAfter() > 0:
					refused.Add(1)
				default:
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		all.Wait()
		if checked.Load() != 5 || refused.Load() != 995 {
			t.Errorf("%s: %d guesses were checked and %d refused, want 5 and 995", name, checked.Load(), refused.Load())
		}
	}
	// The right password is refused as well, or the answer would say that it is right.
	if _, err := h.try(ana, first, from(2000)); !errors.Is(err, guard.ErrTooMany) {
		t.Errorf("the right password of a stranger: %v", err)
	}
}

// TestAKnownDeviceSignsIn while strangers may not, and its own guesses are bounded.
func TestAKnownDeviceSignsIn(t *testing.T) {
	h := street(t)
	signed, err := h.try(ana, first, from(1))
	must(t, err)
	if signed.Device == "" || signed.Replaced != "" {
		t.Fatalf("a first sign-in: device token %q instead of %q", signed.Device, signed.Replaced)
	}
	for i := range 50 {
		_, _ = h.try(ana, other, from(i))
	}
	again, err := h.try(ana, first, from(1), "not a device token", signed.Device)
	if err != nil || again.Replaced != signed.Device {
		t.Errorf("the owner's device: %v, device token %q replaced", err, again.Replaced)
	}
	checked := 0
	for range 50 {
		if _, err := h.try(ana, other, from(1), signed.Device); errors.Is(err, account.ErrNotProved) {
			checked++
		}
	}
	if checked != 10 {
		t.Errorf("%d guesses with a device token were checked, want 10", checked)
	}
	h.signUp("bia@example.com")
	for i := range 10 {
		_, _ = h.try("bia@example.com", other, from(i+100), signed.Device)
	}
	if _, err := h.try("bia@example.com", other, from(200), signed.Device); !errors.Is(err, guard.ErrTooMany) {
		t.Errorf("a device token of another account: %v", err)
	}
}

// TestMarksEndWithThePassword, but that of the device that changed it is renewed.
func TestMarksEndWithThePassword(t *testing.T) {
	h := street(t)
	mine, err := h.try(ana, first, from(1))
	must(t, err)
	later := start.Add(time.Hour)
	must(t, h.Service.ChangePassword(t.Context(), signin.Change{Session: h.sessionOf(mine.Tokens), Current: typed(t, first), New: typed(t, other), At: later}))
	for i := range 6 {
		_, _ = h.try(ana, first, from(i))
	}
	u := from(1)
	u.At = later
	if _, err := h.try(ana, other, u, mine.Device); !errors.Is(err, guard.ErrTooMany) {
		t.Errorf("with a device token from before the change: %v", err)
	}
	token, replaced, err := h.Renew(account.Account{ID: h.sessionOf(mine.Tokens).AccountID}, []string{"x", mine.Device}, later)
	if err != nil || replaced != mine.Device {
		t.Fatalf("renewed: %q instead of %q, %v", token, replaced, err)
	}
	if _, err := h.try(ana, other, u, token); err != nil {
		t.Errorf("with the renewed device token: %v", err)
	}
	if token, _, err := h.Renew(account.Account{ID: "somebody else"}, []string{mine.Device}, later); token != "" || err != nil {
		t.Errorf("a device token for another account: %q, %v", token, err)
	}
}

// TestStepUpsHaveGuessesOfTheirOwn: strangers do not spend those of a session.
func TestStepUpsHaveGuessesOfTheirOwn(t *testing.T) {
	h := street(t)
	mine, err := h.try(ana, first, from(1))
	must(t, err)
	for i := range 50 {
		_, _ = h.try(ana, other, from(i))
	}
	in := h.sessionOf(mine.Tokens)
	if _, err := h.StepUp(t.Context(), in, typed(t, first), issue.Request{}, start); err != nil {
		t.Errorf("while strangers guess: %v", err)
	}
	checked := 0
	for range 50 {
		if _, err := h.StepUp(t.Context(), in, typed(t, other), issue.Request{}, start); errors.Is(err, account.ErrNotProved) {
			checked++
		}
	}
	if checked != 10 {
		t.Errorf("%d guesses of a session were checked, want 10", checked)
	}
}

// TestForgottenDevicesAreStrangers, from the moment of the request on.
func TestForgottenDevicesAreStrangers(t *testing.T) {
	h := street(t)
	mine, err := h.try(ana, first, from(1))
	must(t, err)
	owner := h.sessionOf(mine.Tokens).AccountID
	must(t, h.people.ForgetDevices(t.Context(), owner, start))
	for i := range 6 {
		_, _ = h.try(ana, other, from(i))
	}
	if _, err := h.try(ana, first, from(1), mine.Device); !errors.Is(err, guard.ErrTooMany) {
		t.Errorf("with a forgotten device: %v", err)
	}
	found, err := h.people.Account(t.Context(), owner)
	must(t, err)
	if token, _, err := h.Renew(found, []string{mine.Device}, start.Add(time.Minute)); token != "" || err != nil {
		t.Errorf("a forgotten device got %q, %v", token, err)
	}
}

// TestSignUpsAreNoWayToFindOut who has an account.
func TestSignUpsAreNoWayToFindOut(t *testing.T) {
	h := street(t)
	taken := 0
	for range 200 {
		if _, err := h.Service.SignUp(t.Context(), ana, typed(t, other), from(1)); errors.Is(err, account.ErrIdentifierTaken) {
			taken++
		}
	}
	if taken != 100 {
		t.Errorf("%d sign-ups said that the name is taken, want 100", taken)
	}
	for i := range 60 {
		if _, err := h.Service.SignUp(t.Context(), fmt.Sprintf("new%d@example.com", i), typed(t, other), from(2)); err != nil {
			t.Fatalf("sign-up %d from one address: %v", i, err)
		}
	}
}

// TestSuspensionIsAnEvent, once, also for a name that nobody has.
func TestSuspensionIsAnEvent(t *testing.T) {
	now := start
	h := openWith(t, cost(8, 1), nil, week, func(p *parts) {
		p.Guard = guarded(t, guard.DefaultPolicy(), func() time.Time { return now })
	})
	h.signUp(ana)
	for range 30 {
		_, err := h.try(ana, other, from(1))
		var wait *guard.Refused
		if errors.As(err, &wait) {
			now = now.Add(wait.Wait)
		}
	}
	if list := h.events(event.LoginSuspended); len(list) != 1 || list[0].AccountID == "" || list[0].Detail["wait"] != "1m4s" {
		t.Errorf("events: %+v", list)
	}
}
