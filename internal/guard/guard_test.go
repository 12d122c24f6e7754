package guard_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/guard"
)

// house is a guard whose clock the test sets.
type house struct {
	*testing.T
	*guard.Guard
	now time.Time
}

func newHouse(t *testing.T, change func(*guard.Policy)) *house {
	t.Helper()
	h := &house{T: t, now: time.UnixMilli(1_800_000_000_000)}
	p := guard.DefaultPolicy()
	if change != nil {
		change(&p)
	}
	clock := func() time.Time { return h.now }
	g, err := guard.New(p, guard.NewMemory(clock), []byte(strings.Repeat("k", 32)), clock)
	if err != nil {
		t.Fatal(err)
	}
	h.Guard = g
	return h
}

// guess makes a failed attempt and returns what it was refused with.
func (h *house) guess(a guard.Attempt) *guard.Refused {
	h.Helper()
	_, err := h.Begin(h.Context(), a)
	var refused *guard.Refused
	if err != nil && !errors.As(err, &refused) {
		h.Fatal(err)
	}
	return refused
}

// succeed makes an attempt that is right.
func (h *house) succeed(a guard.Attempt) {
	h.Helper()
	r, err := h.Begin(h.Context(), a)
	if err == nil {
		err = r.Succeeded(h.Context())
	}
	if err != nil {
		h.Errorf("an attempt that should succeed: %v", err)
	}
}

// from is the n-th of many addresses in different networks.
func from(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(10 + n>>16), byte(n >> 8), byte(n), 7})
}

func ana(address netip.Addr) guard.Attempt {
	return guard.Attempt{Purpose: "password", Account: "ana", Address: address}
}

// TestGuessesInADay checks the arithmetic of docs/guides/guessing.md: guesses at one
// account that are evaluated in a day, whatever the number of addresses.
func TestGuessesInADay(t *testing.T) {
	for addresses, most := range map[int]int{1: 40, 1000: 40} {
		h := newHouse(t, nil)
		evaluated, n := 0, 0
		for end := h.now.Add(24 * time.Hour); h.now.Before(end); n++ {
			refused := h.guess(ana(from(n % addresses)))
			if refused == nil {
				evaluated++
				continue
			}
			h.now = h.now.Add(refused.Wait)
		}
		if evaluated > most || evaluated < 30 {
			t.Errorf("%d addresses: %d guesses a day, want 30 to %d", addresses, evaluated, most)
		}
	}
}

// TestTheOwnerSignsIn: whatever strangers do, the owner on a known device signs in.
func TestTheOwnerSignsIn(t *testing.T) {
	h := newHouse(t, nil)
	shared := from(1) // an attacker behind the same address as the owner
	owner := ana(shared)
	owner.Device = "laptop"
	for i := range 5000 {
		h.guess(guard.Attempt{Purpose: "password", Account: fmt.Sprint("account ", i%97), Address: shared})
		h.guess(ana(shared))
		h.guess(ana(from(i)))
		if i%50 == 0 {
			h.succeed(owner)
		}
		h.now = h.now.Add(time.Second)
	}
	if refused := h.guess(ana(shared)); refused == nil {
		t.Error("a stranger is not refused")
	}
	// A stolen device token has a budget, too, and it is the device's own.
	evaluated := 0
	for range 100 {
		if h.guess(owner) == nil {
			evaluated++
		}
	}
	if evaluated != 10 {
		t.Errorf("%d guesses with a device token, want 10", evaluated)
	}
	owner.Device = "phone"
	h.succeed(owner)
}

// TestASuccessGivesBackOnlyItself: a guesser with an account of their own must
// not free the address with it.
func TestASuccessGivesBackOnlyItself(t *testing.T) {
	h := newHouse(t, func(p *guard.Policy) {
		p.Address = guard.Address{Failures: 20, Forget: time.Hour}
		p.Accounts.Failures = 1000
	})
	evaluated := 0
	for i := range 100 {
		if h.guess(guard.Attempt{Purpose: "password", Account: fmt.Sprint("victim ", i), Address: from(1)}) == nil {
			evaluated++
		}
		if r, err := h.Begin(t.Context(), guard.Attempt{Purpose: "password", Account: "mallory", Address: from(1)}); err == nil {
			if err := r.Succeeded(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := r.Succeeded(t.Context()); err != nil { // a second call gives nothing back
				t.Fatal(err)
			}
		}
	}
	if evaluated != 20 {
		t.Errorf("%d guesses from one address, want 20", evaluated)
	}
}

func TestNetworks(t *testing.T) {
	h := newHouse(t, func(p *guard.Policy) {
		p.Address, p.Network = guard.Address{Failures: 3, Forget: time.Hour}, guard.Network{Failures: 5, Forget: time.Hour}
	})
	n := 0
	guess := func(address, want string) {
		t.Helper()
		n++
		got := "allowed"
		if r := h.guess(guard.Attempt{Purpose: "password", Account: fmt.Sprint(n), Address: netip.MustParseAddr(address)}); r != nil {
			got = r.Budget
		}
		if got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
	guess("192.0.2.1", "allowed")
	guess("::ffff:192.0.2.1", "allowed") // the same address
	guess("192.0.2.1", "allowed")
	guess("192.0.2.1", "address")
	guess("192.0.2.2", "allowed")
	guess("192.0.2.3", "allowed")
	guess("192.0.2.4", "network")
	guess("192.0.3.4", "allowed")
	guess("2001:db8:1:1::1", "allowed")
	guess("2001:db8:1:1:ffff::1", "allowed") // the same 64 bits
	guess("2001:db8:1:1::2", "allowed")
	guess("2001:db8:1:1::3", "address")
	guess("2001:db8:1:2::3", "allowed")
	guess("2001:db8:1:3::3", "allowed")
	guess("2001:db8:1:4::3", "network")
	guess("fe80::1%eth0", "allowed")
	guess("fe80::1%eth1", "allowed")
	guess("fe80::1%eth2", "allowed")
	guess("fe80::1%eth3", "address") // a zone is not another network
}

// TestSpraying: one password at many accounts from one address.
func TestSpraying(t *testing.T) {
	h := newHouse(t, nil)
	evaluated := 0
	for i := range 10_000 {
		if h.guess(guard.Attempt{Purpose: "password", Account: fmt.Sprint(i), Address: from(1)}) == nil {
			evaluated++
		}
	}
	if want := guard.DefaultPolicy().Accounts.Failures; evaluated != want {
		t.Errorf("%d accounts were tried from one address, want %d", evaluated, want)
	}
}

func TestPressure(t *testing.T) {
	h := newHouse(t, func(p *guard.Policy) { p.Captcha = guard.CaptchaAfterFailure })
	for i := range 1000 { // people who sign in
		h.succeed(guard.Attempt{Purpose: "password", Account: fmt.Sprint(i), Address: from(i)})
	}
	if high, _ := h.Pressure(); high {
		t.Error("an attack is reported while everybody signs in")
	}
	h.now = h.now.Add(time.Hour)
	refusedAt := 0
	for i := range 1000 { // one stolen password each, from as many networks
		if r := h.guess(guard.Attempt{Purpose: "password", Account: fmt.Sprint("x", i), Address: from(i)}); r != nil {
			if !r.Challenge() {
				t.Fatalf("refused for %v, want a challenge", r.Wait)
			}
			refusedAt = i
			break
		}
	}
	if refusedAt != 200 {
		t.Errorf("the first challenge came at attempt %d, want 200", refusedAt)
	}
	if high, changed := h.Pressure(); !high || changed {
		t.Errorf("pressure %t, new %t; want high, and noticed before", high, changed)
	}
	solved := guard.Attempt{Purpose: "password", Account: "y", Address: from(1), Solved: true}
	h.succeed(solved)
	h.now = h.now.Add(15 * time.Minute)
	if high, changed := h.Pressure(); high || !changed {
		t.Errorf("a quarter of an hour later: pressure %t, new %t", high, changed)
	}
}

// TestAThousandAtOnce: of 1,000 guesses at once no more are evaluated than the
// budget has.
func TestAThousandAtOnce(t *testing.T) {
	h := newHouse(t, nil)
	var evaluated atomic.Int64
	var all sync.WaitGroup
	for i := range 1000 {
		all.Go(func() {
			if _, err := h.Begin(context.Background(), ana(from(i))); err == nil {
				evaluated.Add(1)
			}
		})
	}
	all.Wait()
	if evaluated.Load() != 5 {
		t.Errorf("%d guesses were evaluated, want 5", evaluated.Load())
	}
}

// TestSuspension is reported once for each time that it begins.
func TestSuspension(t *testing.T) {
	h := newHouse(t, nil)
	suspended, failed := 0, 0
	for range 20 {
		r, err := h.Begin(t.Context(), ana(from(1)))
		var refused *guard.Refused
		if errors.As(err, &refused) {
			h.now = h.now.Add(refused.Wait)
			continue
		}
		failed++
		if r.Suspends {
			suspended++
			if r.Next < time.Minute || r.Next >= 2*time.Minute {
				t.Errorf("suspended for %v after %d failures, want about a minute", r.Next, failed)
			}
		}
	}
	if suspended != 1 {
		t.Errorf("%d suspensions were reported, want 1", suspended)
	}
}

func TestPolicy(t *testing.T) {
	refuse := func(what string, change func(*guard.Policy)) {
		t.Helper()
		p := guard.DefaultPolicy()
		change(&p)
		if err := p.Validate(); !errors.Is(err, guard.ErrPolicy) {
			t.Errorf("%s: %v, want ErrPolicy", what, err)
		}
	}
	if err := guard.DefaultPolicy().Validate(); err != nil {
		t.Error(err)
	}
	refuse("zero policy", func(p *guard.Policy) { *p = guard.Policy{} })
	refuse("no burst", func(p *guard.Policy) { p.Strangers.Failures = 0 })
	refuse("nothing is forgotten", func(p *guard.Policy) { p.Address.Forget = 0 })
	refuse("first wait above the longest", func(p *guard.Policy) { p.Strangers.FirstWait, p.Strangers.LongestWait = 2, 1 })
	refuse("unknown captcha", func(p *guard.Policy) { p.Captcha = "sometimes" })
	refuse("challenge after nothing", func(p *guard.Policy) { p.Captcha, p.CaptchaAfter = guard.CaptchaAfterFailure, 0 })
	refuse("share above 1", func(p *guard.Policy) { p.Pressure.Percent = 101 })
	if _, err := guard.New(guard.DefaultPolicy(), guard.NewMemory(time.Now), make([]byte, 31), time.Now); err == nil {
		t.Error("a short key is accepted")
	}
}
