package session_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/session"
)

// These tests run the chain on the real embedded store; see storetest for
// what every store promises.

const (
	idle     = 7 * 24 * time.Hour
	absolute = 30 * 24 * time.Hour
	grace    = 10 * time.Second
)

var start = time.Date(2030, 1, 2, 3, 4, 5, 678e6, time.UTC)

var policy = session.Policy{Idle: idle, Absolute: absolute, Grace: grace}

// proved is a password proved at a moment.
func proved(at time.Time) session.Proofs {
	return session.Proofs{{Method: session.MethodPassword, At: at}}
}

// terms are those of Portaria's own client, which changes nothing.
var terms = session.Terms{ClientID: "portaria"}

// life is one session under test, with verbs for what happens to it.
type life struct {
	*testing.T
	chain *session.Chain
	store session.Store
	first session.Started
}

// signIn starts a session at start, on a telephone.
func signIn(t *testing.T) life {
	store, accountID := openStore(t)
	chain, err := session.NewChain(store, make([]byte, 32), policy)
	if err != nil {
		t.Fatal(err)
	}
	first, err := chain.Start(accountID, proved(start), terms, use(0))
	if err != nil {
		t.Fatal(err)
	}
	save(t, store, first.Session)
	return life{t, chain, store, first}
}

// use is a request from the telephone so long after the sign-in.
func use(after time.Duration) session.Use {
	return session.Use{At: start.Add(after), Address: "203.0.113.7", UserAgent: "telephone"}
}

func (l life) refresh(tok session.Token, u session.Use) session.Refreshed {
	l.Helper()
	r, err := l.chain.Refresh(context.Background(), tok, terms, u)
	if err != nil {
		l.Fatalf("refresh: %v", err)
	}
	return r
}

func (l life) refuse(want error, tok session.Token, u session.Use) session.Refreshed {
	l.Helper()
	r, err := l.chain.Refresh(context.Background(), tok, terms, u)
	if !errors.Is(err, want) {
		l.Fatalf("refresh: got %v, want %v", err, want)
	}
	if r.Token != "" {
		l.Fatal("a refused refresh answered a token")
	}
	return r
}

func (l life) row() session.Session {
	l.Helper()
	s, err := l.store.Session(context.Background(), l.first.Session.ID)
	if err != nil {
		l.Fatal(err)
	}
	return s
}

func (l life) mustBeAlive(now time.Time) {
	l.Helper()
	if err := l.row().Check(now); err != nil {
		l.Fatalf("session at %v: %v", now.Sub(start), err)
	}
}

func (l life) mustHaveEnded(reason session.Reason) {
	l.Helper()
	if s := l.row(); s.EndedAt.IsZero() || s.EndReason != reason {
		l.Fatalf("ended at %v with reason %q, want %q", s.EndedAt, s.EndReason, reason)
	}
}

func TestTokenIsGoodForOneUse(t *testing.T) {
	l := signIn(t)
	r := l.refresh(l.first.Token, use(time.Minute))
	if r.Token == l.first.Token {
		t.Fatal("the successor is the token itself")
	}
	l.refuse(session.ErrReused, l.first.Token, use(time.Minute+grace+time.Millisecond))
	l.mustHaveEnded(session.ReasonTokenReused)
	l.refuse(session.ErrEnded, r.Token, use(2*time.Minute))
}

func TestParallelTabsGetOneSuccessor(t *testing.T) {
	l := signIn(t)
	const tabs = 24
	got := make([]session.Token, tabs)
	errs := make([]error, tabs)
	var wait sync.WaitGroup
	for i := range tabs {
		wait.Go(func() {
			r, err := l.chain.Refresh(context.Background(), l.first.Token, terms, use(time.Minute))
			got[i], errs[i] = r.Token, err
		})
	}
	wait.Wait()
	for i := range tabs {
		if errs[i] != nil || got[i] != got[0] {
			t.Fatalf("tab %d: error %v, same successor as the first tab: %v", i, errs[i], got[i] == got[0])
		}
	}
	if g := l.row().Generation; g != 1 {
		t.Fatalf("generation is %d after one round of tabs, want 1", g)
	}
	l.refresh(got[0], use(2*time.Minute))
}

func TestGraceWindow(t *testing.T) {
	at := time.Minute
	t.Run("a retry at its very end gets the same successor", func(t *testing.T) {
		l := signIn(t)
		r := l.refresh(l.first.Token, use(at))
		again := l.refresh(l.first.Token, use(at+grace))
		if again.Token != r.Token {
			t.Fatal("the retry got another successor")
		}
	})
	t.Run("one millisecond later it is theft", func(t *testing.T) {
		l := signIn(t)
		l.refresh(l.first.Token, use(at))
		r := l.refuse(session.ErrReused, l.first.Token, use(at+grace+time.Millisecond))
		if r.Event.Kind != session.TokenReused || r.Event.AccountID != l.first.Session.AccountID {
			t.Fatalf("event %+v, want %s", r.Event, session.TokenReused)
		}
		l.mustHaveEnded(session.ReasonTokenReused)
	})
	t.Run("retries do not stretch it", func(t *testing.T) {
		l := signIn(t)
		l.refresh(l.first.Token, use(at))
		l.refresh(l.first.Token, use(at+grace/2))
		l.refuse(session.ErrReused, l.first.Token, use(at+grace+time.Millisecond))
	})
	t.Run("a token whose successor was used is theft even inside it", func(t *testing.T) {
		l := signIn(t)
		r := l.refresh(l.first.Token, use(at))
		l.refresh(r.Token, use(at+time.Second))
		l.refuse(session.ErrReused, l.first.Token, use(at+2*time.Second))
		l.mustHaveEnded(session.ReasonTokenReused)
	})
	t.Run("another user agent gets the same successor, and is reported", func(t *testing.T) {
		l := signIn(t)
		r := l.refresh(l.first.Token, use(at))
		elsewhere := use(at + time.Second)
		elsewhere.UserAgent = "stranger"
		again := l.refresh(l.first.Token, elsewhere)
		if again.Token != r.Token {
			t.Fatal("another user agent got another successor")
		}
		if again.Event.Kind != session.ReplayedElsewhere || again.Event.Use.UserAgent != "stranger" {
			t.Fatalf("event %+v, want %s", again.Event, session.ReplayedElsewhere)
		}
		if same := l.refresh(l.first.Token, use(at+time.Second)); same.Event.Kind != "" {
			t.Fatalf("a retry of the same user agent raised %s", same.Event.Kind)
		}
	})
}

// TestRetryAfterALostAnswer: while the successor was never used, the token before
// it answers it again, also long after the grace window. Theft still shows at the
// second use.
func TestRetryAfterALostAnswer(t *testing.T) {
	at, retry := time.Minute, 5*time.Minute
	patient := session.Terms{ClientID: "portaria", Retry: retry}
	spend := func(l life, tok session.Token, after time.Duration) (session.Refreshed, error) {
		return l.chain.Refresh(t.Context(), tok, patient, use(after))
	}
	l := signIn(t)
	lost := l.refresh(l.first.Token, use(at))
	for _, after := range []time.Duration{grace + time.Millisecond, time.Minute, retry - time.Millisecond} {
		if r, err := spend(l, l.first.Token, at+after); err != nil || r.Token != lost.Token {
			t.Errorf("%v later: %v", after, err)
		}
	}
	r, err := spend(l, lost.Token, at+retry)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := spend(l, l.first.Token, at+retry); !errors.Is(err, session.ErrReused) {
		t.Errorf("the second use, after the successor was used: %v", err)
	}
	l.refuse(session.ErrEnded, r.Token, use(at+retry))

	l = signIn(t)
	l.refresh(l.first.Token, use(at))
	if _, err := spend(l, l.first.Token, at+retry); !errors.Is(err, session.ErrReused) {
		t.Errorf("after the window: %v", err)
	}
}

// TestWindowHasOneClock: the processes' times of day are apart, or are set; the
// clock that they share measures the window.
func TestWindowHasOneClock(t *testing.T) {
	steady := func(wall, passed time.Duration) session.Use {
		u := use(wall)
		u.Steady = start.Add(-time.Hour).Add(passed)
		return u
	}
	for name, skew := range map[string]time.Duration{"none": 0, "ahead": 15 * time.Second, "an hour back": -time.Hour, "a day ahead": 24 * time.Hour} {
		l := signIn(t)
		r := l.refresh(l.first.Token, steady(time.Minute, time.Minute))
		again, err := l.chain.Refresh(t.Context(), l.first.Token, terms, steady(time.Minute+skew, time.Minute+grace))
		if err != nil || again.Token != r.Token {
			t.Errorf("%s: an honest repeat: %v", name, err)
		}
		// Another process has not heard of the clock for some seconds.
		if _, err := l.chain.Refresh(t.Context(), l.first.Token, terms, steady(time.Minute+skew, 50*time.Second)); err != nil {
			t.Errorf("%s: on a process that is behind: %v", name, err)
		}
		l.refuse(session.ErrReused, l.first.Token, steady(time.Minute+skew, time.Minute+grace+time.Millisecond))
	}
	// Without such a clock, a time of day that was set back does not count.
	l := signIn(t)
	l.refresh(l.first.Token, use(time.Minute))
	l.refresh(l.first.Token, use(-time.Hour))
}

// TestAClockSetBackEndsNoSessionSooner: a refresh on a process whose clock is
// behind does not shorten the session.
func TestAClockSetBackEndsNoSessionSooner(t *testing.T) {
	l := signIn(t)
	r := l.refresh(l.first.Token, use(2*time.Hour))
	r = l.refresh(r.Token, use(-24*time.Hour))
	if row := l.row(); row.ExpiresAt.Before(start.Add(2*time.Hour+idle)) || row.UsedAt.Before(start.Add(2*time.Hour)) {
		t.Errorf("used %v, ends %v", row.UsedAt.Sub(start), row.ExpiresAt.Sub(start))
	}
	l.refresh(r.Token, use(2*time.Hour+idle-time.Millisecond))
}

// TestWithoutRotation: the client's proof binds its refresh token, which stays.
func TestWithoutRotation(t *testing.T) {
	fixed := session.Terms{ClientID: "portaria", NoRotation: true}
	l := signIn(t)
	for i := range 5 {
		at := time.Duration(i) * idle / 2
		r, err := l.chain.Refresh(t.Context(), l.first.Token, fixed, use(at))
		if err != nil || r.Token != l.first.Token || r.Session.ExpiresAt != start.Add(at+idle) {
			t.Fatalf("refresh %d: ends after %v, %v", i, r.Session.ExpiresAt.Sub(start), err)
		}
	}
	if s := l.row(); s.Generation != 0 || s.ExpiresAt != start.Add(3*idle) {
		t.Errorf("generation %d, ends after %v", s.Generation, s.ExpiresAt.Sub(start))
	}
	// A token from before rotation was turned off is spent all the same.
	r := l.refresh(l.first.Token, use(2*idle))
	if _, err := l.chain.Refresh(t.Context(), l.first.Token, fixed, use(2*idle+grace+time.Second)); !errors.Is(err, session.ErrReused) {
		t.Errorf("a spent token: %v", err)
	}
	_ = r
}

// TestNothingIsSpentBeforeAllIsReady: what prepare refuses leaves token and
// session as they were.
func TestNothingIsSpentBeforeAllIsReady(t *testing.T) {
	l, not := signIn(t), errors.New("no key")
	refuse := func(session.Refreshed) error { return not }
	for _, after := range []time.Duration{0, time.Hour} {
		if _, err := l.chain.RefreshWith(t.Context(), l.first.Token, terms, use(after), refuse); !errors.Is(err, not) {
			t.Errorf("a first use: %v", err)
		}
	}
	if g := l.row().Generation; g != 0 {
		t.Fatalf("generation %d", g)
	}
	next := l.refresh(l.first.Token, use(time.Hour))
	for _, after := range []time.Duration{time.Hour, 2 * time.Hour} { // a repeat, and theft
		if _, err := l.chain.RefreshWith(t.Context(), l.first.Token, terms, use(after), refuse); !errors.Is(err, not) {
			t.Errorf("%v: %v", after, err)
		}
	}
	l.mustBeAlive(start.Add(2 * time.Hour))
	l.refresh(next.Token, use(2*time.Hour))
}

// TestLookTellsSpentTokens: also those of generations before the last.
func TestLookTellsSpentTokens(t *testing.T) {
	l := signIn(t)
	second := l.refresh(l.first.Token, use(time.Second)).Token
	third := l.refresh(second, use(2*time.Second)).Token
	for i, tok := range []session.Token{l.first.Token, second, third} {
		s, spent, err := l.chain.Look(t.Context(), tok, start.Add(3*time.Second))
		if err != nil || s.ID != l.first.Session.ID || spent != (i < 2) {
			t.Errorf("generation %d: spent %v, %v", i, spent, err)
		}
	}
}

func TestLostResponseIsNoLogout(t *testing.T) {
	l := signIn(t)
	lost := l.refresh(l.first.Token, use(time.Minute)) // committed, but the answer never arrived
	retry := l.refresh(l.first.Token, use(time.Minute+2*time.Second))
	if retry.Token != lost.Token {
		t.Fatal("the retry after a lost response got another successor")
	}
	l.refresh(retry.Token, use(time.Hour))
}

func TestLimits(t *testing.T) {
	t.Run("idle", func(t *testing.T) {
		l := signIn(t)
		l.refuse(session.ErrExpired, l.first.Token, use(idle))
		r := l.refresh(l.first.Token, use(idle-time.Millisecond))
		l.refresh(r.Token, use(2*idle-2*time.Millisecond))
	})
	t.Run("absolute", func(t *testing.T) {
		l := signIn(t)
		tok, at := l.first.Token, time.Duration(0)
		for at+idle/2 < absolute {
			at += idle / 2
			tok = l.refresh(tok, use(at)).Token
		}
		l.mustBeAlive(start.Add(absolute - time.Millisecond))
		l.refuse(session.ErrExpired, tok, use(absolute))
	})
}

func TestThousandRefreshesLeaveOneRow(t *testing.T) {
	l := signIn(t)
	tok := l.first.Token
	for i := range 1000 {
		tok = l.refresh(tok, use(time.Duration(i)*time.Minute)).Token
	}
	page := session.Page{Limit: 10, Now: start.Add(1000 * time.Minute)}
	list, err := l.store.Sessions(context.Background(), page)
	if err != nil || len(list.Sessions) != 1 || list.Sessions[0].Generation != 1000 {
		t.Fatalf("rows %d, error %v; want one row of generation 1000", len(list.Sessions), err)
	}
}

func TestStoreSetBackDoesNotLogOut(t *testing.T) {
	l := signIn(t)
	tok := l.first.Token
	for range 5 {
		tok = l.refresh(tok, use(time.Minute)).Token
	}
	restore(t, l.store, l.row(), 2) // a backup from before the last refreshes
	r := l.refresh(tok, use(time.Hour))
	if r.Event.Kind != session.AheadOfStore {
		t.Fatalf("event %q, want %s", r.Event.Kind, session.AheadOfStore)
	}
	if r.Session.Generation != 6 {
		t.Fatalf("generation %d, want to go on from the token: 6", r.Session.Generation)
	}
	l.refuse(session.ErrReused, tok, use(2*time.Hour))
}

func TestEndedSessionRefusesRefresh(t *testing.T) {
	l := signIn(t)
	end := session.End{ID: l.first.Session.ID, Reason: session.ReasonSignedOut, At: start.Add(time.Minute)}
	if alive, err := l.store.EndSession(context.Background(), end); err != nil || !alive {
		t.Fatalf("end: alive %v, error %v", alive, err)
	}
	l.refuse(session.ErrEnded, l.first.Token, use(2*time.Minute))
	l.mustHaveEnded(session.ReasonSignedOut)
}

func TestTokenIsForItsClient(t *testing.T) {
	l := signIn(t)
	for _, other := range []session.Terms{{ClientID: "shop"}, {}, {ClientID: "PORTARIA"}} {
		for _, at := range []time.Duration{time.Minute, 2 * time.Hour} {
			if _, err := l.chain.Refresh(t.Context(), l.first.Token, other, use(at)); !errors.Is(err, session.ErrTokenInvalid) {
				t.Errorf("%q: %v", other.ClientID, err)
			}
		}
	}
	l.refresh(l.first.Token, use(3*time.Hour)) // nothing was spent, and nothing ended
}

func TestTermsOfTheClient(t *testing.T) {
	store, accountID := openStore(t)
	chain, err := session.NewChain(store, make([]byte, 32), policy)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		what                   string
		terms                  session.Terms
		idle, later, theirLast time.Duration
	}{
		{"the policy's", session.Terms{}, idle, time.Hour + idle, absolute},
		{"shorter", session.Terms{Idle: 2 * time.Hour, Absolute: 150 * time.Minute}, 2 * time.Hour, 150 * time.Minute, 150 * time.Minute},
		{"longer", session.Terms{Idle: 2 * idle, Absolute: 2 * absolute}, 2 * idle, time.Hour + 2*idle, 2 * absolute},
		{"idle alone", session.Terms{Idle: 2 * absolute}, absolute, absolute, absolute},
	} {
		test.terms.ClientID = "shop"
		s, err := chain.Start(accountID, proved(start), test.terms, use(0))
		if err != nil {
			t.Fatal(err)
		}
		save(t, store, s.Session)
		r, err := chain.Refresh(t.Context(), s.Token, test.terms, use(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		first, later := s.Session.ExpiresAt.Sub(start), r.Session.ExpiresAt.Sub(start)
		if last := s.Session.AbsoluteExpiry.Sub(start); first != test.idle || later != test.later || last != test.theirLast {
			t.Errorf("%s: ends after %v, then %v, at the latest %v", test.what, first, later, last)
		}
	}
}
