package session_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/secret"
	"github.com/portaria/portaria/internal/session"
)

// TestPolicyBounds tries each limit at its value and one unit beyond.
func TestPolicyBounds(t *testing.T) {
	for _, test := range []struct {
		change func(*session.Policy)
		fault  string // what the error names; empty where the policy is good
	}{
		{func(p *session.Policy) {}, ""},
		{func(p *session.Policy) { p.Idle = 0 }, "idle limit"},
		{func(p *session.Policy) { p.Idle = 1 }, ""},
		{func(p *session.Policy) { p.Absolute = p.Idle }, ""},
		{func(p *session.Policy) { p.Absolute = p.Idle - 1 }, "absolute limit"},
		{func(p *session.Policy) { p.Grace = -1 }, "grace"},
		{func(p *session.Policy) { p.Grace = 0 }, ""},
		{func(p *session.Policy) { p.Grace = time.Minute }, ""},
		{func(p *session.Policy) { p.Grace = time.Minute + 1 }, "grace"},
		{func(p *session.Policy) { p.PerAccount = -1 }, "sessions per account"},
		{func(p *session.Policy) { p.PerAccount = 0 }, ""},
		{func(p *session.Policy) { p.PerAccount = 1000 }, ""},
		{func(p *session.Policy) { p.PerAccount = 1001 }, "sessions per account"},
	} {
		p := policy
		test.change(&p)
		err := p.Validate()
		if (err == nil) != (test.fault == "") {
			t.Errorf("%+v: %v", p, err)
		}
		if err != nil && (!strings.Contains(err.Error(), test.fault) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%+v: %v, want a fault of the %s alone", p, err, test.fault)
		}
	}
}

func TestNewChainChecksItsParts(t *testing.T) {
	store, _ := openStore(t)
	for size, ok := range map[int]bool{0: false, 31: false, 32: true, 33: true} {
		if _, err := session.NewChain(store, make([]byte, size), policy); (err == nil) != ok {
			t.Errorf("a key of %d bytes: %v", size, err)
		}
	}
	if _, err := session.NewChain(store, make([]byte, 32), session.Policy{}); err == nil {
		t.Error("a policy without limits was accepted")
	}
	many := policy
	many.PerAccount = 7
	chain, err := session.NewChain(store, make([]byte, 32), many)
	if err != nil || chain.PerAccount() != 7 {
		t.Errorf("%v", err)
	}
}

// TestKeysThatChange: the first key makes tokens and csrf values, and all of them
// are accepted. Without a key, nothing is made and nothing is accepted.
func TestKeysThatChange(t *testing.T) {
	l := signIn(t)
	old, next := make(secret.Bytes, 32), secret.Bytes(strings.Repeat("n", 32))
	with := func(keys ...secret.Bytes) *session.Chain {
		return l.chain.WithKeys(func() []secret.Bytes { return keys })
	}
	renewed, err := with(next, old).Refresh(t.Context(), l.first.Token, terms, use(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	s := renewed.Session
	oldCSRF, nextCSRF := l.chain.CSRF(s), with(next, old).CSRF(s)
	for name, test := range map[string]struct {
		chain     *session.Chain
		old, next bool // whether it accepts what this key made
	}{
		"the old key":     {with(old), true, false},
		"next, then old":  {with(next, old), true, true},
		"old, then next":  {with(old, next), true, true},
		"the next key":    {with(next), false, true},
		"no key any more": {with(), false, false},
	} {
		accepts := func(what string, token session.Token, csrf session.CSRF, want bool) {
			t.Helper()
			if _, _, err := test.chain.Look(t.Context(), token, use(time.Minute).At); (err == nil) != want || err != nil && !errors.Is(err, session.ErrTokenInvalid) {
				t.Errorf("%s: a token of the %s key: %v", name, what, err)
			}
			if got := test.chain.IsCSRF(s, csrf.Reveal()); got != want {
				t.Errorf("%s: a csrf value of the %s key is accepted: %v", name, what, got)
			}
		}
		accepts("old", l.first.Token, oldCSRF, test.old)
		accepts("next", renewed.Token, nextCSRF, test.next)
		if test.chain.IsCSRF(s, "") || test.chain.IsCSRF(s, nextCSRF.Reveal()+"A") {
			t.Errorf("%s: a wrong csrf value is accepted", name)
		}
	}
	if with().CSRF(s) != "" {
		t.Error("a csrf value without a key")
	}
	if _, err := with().Start(s.AccountID, proved(start), terms, use(0)); err == nil {
		t.Error("a session without a key for its token")
	}
}

// TestWindowWhereOneUseHasNoSteadyClock: the times of day count when either of the
// two uses lacks the shared clock.
func TestWindowWhereOneUseHasNoSteadyClock(t *testing.T) {
	at := func(after time.Duration, steady bool) session.Use {
		u := use(after)
		if steady {
			u.Steady = start.Add(time.Hour + after)
		}
		return u
	}
	for _, steadyFirst := range []bool{true, false} {
		l := signIn(t)
		r := l.refresh(l.first.Token, at(time.Minute, steadyFirst))
		if again := l.refresh(l.first.Token, at(time.Minute+grace, !steadyFirst)); again.Token != r.Token {
			t.Error("another successor at the end of the window")
		}
		l.refuse(session.ErrReused, l.first.Token, at(time.Minute+grace+time.Millisecond, !steadyFirst))
	}
}

// TestRefreshReturnsWhatIsStored: stores keep milliseconds.
func TestRefreshReturnsWhatIsStored(t *testing.T) {
	l := signIn(t)
	u := use(time.Minute + 1234567*time.Nanosecond)
	u.Steady, u.Address, u.UserAgent = u.At, "198.51.100.9", "laptop"
	got, row := l.refresh(l.first.Token, u).Session, l.row()
	if !got.UsedAt.Equal(row.UsedAt) || !got.ExpiresAt.Equal(row.ExpiresAt) || !got.RotatedAt.Equal(row.RotatedAt) ||
		got.Generation != row.Generation || got.Address != row.Address || got.UserAgent != row.UserAgent {
		t.Errorf("returned %+v, stored %+v", got, row)
	}
	if row.Address != u.Address || row.UserAgent != u.UserAgent || row.RotatedAt.IsZero() {
		t.Errorf("stored %+v", row)
	}
}

// faulty is a store of which some steps fail.
type faulty struct {
	session.Store
	find, rotate, end, stepUp error
	lose                      int // so many races are lost
	tries                     int
}

func (f *faulty) Session(ctx context.Context, id string) (session.Session, error) {
	if f.find != nil {
		return session.Session{}, f.find
	}
	return f.Store.Session(ctx, id)
}

func (f *faulty) Rotate(ctx context.Context, r session.Rotation) (bool, error) {
	if f.tries++; f.rotate != nil || f.tries <= f.lose {
		return false, f.rotate
	}
	return f.Store.Rotate(ctx, r)
}

func (f *faulty) EndSession(ctx context.Context, e session.End) (bool, error) {
	if f.end != nil {
		return false, f.end
	}
	return f.Store.EndSession(ctx, e)
}

func (f *faulty) StepUp(ctx context.Context, id string, proofs session.Proofs) (bool, error) {
	if f.stepUp != nil {
		return false, f.stepUp
	}
	return f.Store.StepUp(ctx, id, proofs)
}

// TestErrorsOfTheStore reach the caller. None of them is taken for a verdict on
// the token, because the client would throw its token away.
func TestErrorsOfTheStore(t *testing.T) {
	broken := errors.New("no store")
	l := signIn(t)
	chain := func(f *faulty) *session.Chain {
		f.Store = l.store
		c, err := session.NewChain(f, make([]byte, 32), policy)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	fails := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, broken) || errors.Is(err, session.ErrTokenInvalid) || errors.Is(err, session.ErrReused) {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := chain(&faulty{find: broken}).Refresh(t.Context(), l.first.Token, terms, use(0))
	fails("a refresh that cannot read", err)
	_, _, err = chain(&faulty{find: broken}).Look(t.Context(), l.first.Token, start)
	fails("a look that cannot read", err)
	f := &faulty{rotate: broken}
	_, err = chain(f).Refresh(t.Context(), l.first.Token, terms, use(0))
	fails("a refresh that cannot write", err)
	if f.tries != 1 {
		t.Errorf("%d writes after an error", f.tries)
	}
	_, err = chain(&faulty{stepUp: broken}).StepUp(t.Context(), l.first.Session.ID, proved(start))
	fails("a step-up that cannot write", err)
	l.refresh(l.first.Token, use(time.Minute)) // nothing was spent
	_, err = chain(&faulty{end: broken}).Refresh(t.Context(), l.first.Token, terms, use(time.Hour))
	fails("a reused token whose session cannot be ended", err)
	l.mustBeAlive(start.Add(time.Hour))
}

// TestLostRaces: seven races may be lost to other requests, and no more.
func TestLostRaces(t *testing.T) {
	for lose, ok := range map[int]bool{1: true, 7: true, 8: false} {
		l := signIn(t)
		f := &faulty{Store: l.store, lose: lose}
		chain, err := session.NewChain(f, make([]byte, 32), policy)
		if err != nil {
			t.Fatal(err)
		}
		r, err := chain.Refresh(t.Context(), l.first.Token, terms, use(time.Minute))
		if (err == nil) != ok || (r.Token != "") != ok || f.tries != min(lose+1, 8) {
			t.Errorf("%d lost: %v after %d tries", lose, err, f.tries)
		}
	}
}

func TestStepUpMovesTheAuthTime(t *testing.T) {
	l := signIn(t)
	again := start.Add(time.Hour)
	if alive, err := l.chain.StepUp(t.Context(), l.first.Session.ID, proved(again)); err != nil || !alive || !l.row().AuthTime().Equal(again) {
		t.Errorf("alive %v, %v, proved at %v", alive, err, l.row().AuthTime())
	}
	if alive, err := l.chain.StepUp(t.Context(), "11111111-1111-4111-8111-111111111111", proved(again)); err != nil || alive {
		t.Errorf("an unknown session: alive %v, %v", alive, err)
	}
}
