package signin_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/clients"
	"github.com/portaria/portaria/internal/event"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/password"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/signin"
	"github.com/portaria/portaria/internal/token"
)

// events lists what was written down of these types.
func (h house) events(types ...event.Type) (list []event.Event) {
	h.Helper()
	page, err := h.store.Events(h.Context(), 0, event.Filter{Types: types}, 100)
	must(h, err)
	for _, e := range page.Events {
		e.Seq, e.ID = 0, ""
		list = append(list, e)
	}
	return list
}

func TestFailedSignInsAreWrittenDown(t *testing.T) {
	h := open(t, cost(8, 1), nil, week)
	id, closed := h.signUp(ana), h.signUp("closed@example.com")
	in := h.sessionOf(h.signIn(first))
	_, err := h.DisableAccount(t.Context(), closed, start)
	must(t, err)
	portal := issue.Request{Client: clients.Client{ID: "portal", Kind: clients.App}}
	for _, test := range []struct {
		who, text string
		request   issue.Request
	}{{ana, other, portal}, {"nobody@example.com", first, issue.Request{}}, {"closed@example.com", first, issue.Request{}}} {
		if _, err := h.Password(t.Context(), test.who, typed(t, test.text), test.request, use(0)); !errors.Is(err, account.ErrNotProved) {
			t.Errorf("%s: %v", test.who, err)
		}
	}
	if _, err := h.StepUp(t.Context(), in, typed(t, other), issue.Request{}, start); !errors.Is(err, account.ErrNotProved) {
		t.Errorf("step-up: %v", err)
	}
	from := event.Event{Type: event.LoginFailed, At: start, Address: "203.0.113.7", UserAgent: "telephone"}
	wrong, unknown, disabled := from, from, from
	wrong.AccountID, wrong.ClientID, wrong.Reason = id, "portal", "wrong_password"
	unknown.ClientID, unknown.Reason = issue.ClientID, "unknown_account"
	disabled.AccountID, disabled.ClientID, disabled.Reason = closed, issue.ClientID, "account_disabled"
	stepUp := event.Event{Type: event.LoginFailed, At: start, AccountID: id, SessionID: in.ID, ClientID: issue.ClientID, Reason: "wrong_password"}
	if diff := cmp.Diff([]event.Event{wrong, unknown, disabled, stepUp}, h.events(event.LoginFailed)); diff != "" {
		t.Error(diff)
	}
}

// lossy takes no events.
type lossy struct{}

func (lossy) Append(context.Context, []event.Event) error { return errStore }

// TestEventsThatAreLostAreErrors: nothing happens that the audit trail cannot tell.
func TestEventsThatAreLostAreErrors(t *testing.T) {
	h := openWith(t, cost(8, 1), nil, week, func(c *parts) { c.Events = lossy{} })
	h.signUp(ana)
	h.refuse(errStore, other)
	got := h.signIn(first)
	next, _, err := h.Refresh(t.Context(), got.Refresh, issue.Request{}, use(time.Minute))
	must(t, err) // of which there is nothing to tell
	elsewhere := use(time.Minute + time.Second)
	elsewhere.UserAgent = "stranger"
	out, seen, err := h.Refresh(t.Context(), got.Refresh, issue.Request{}, elsewhere)
	if !errors.Is(err, errStore) || out.Access != "" || out.Refresh != "" || seen.Kind != session.ReplayedElsewhere {
		t.Errorf("%+v, %v", seen, err)
	}
	_, _, err = h.Refresh(t.Context(), next.Refresh, issue.Request{}, use(time.Hour))
	must(t, err)
}

func TestWhatARefreshShowsIsWrittenDown(t *testing.T) {
	h := open(t, cost(8, 1), nil, week)
	id := h.signUp(ana)
	got := h.signIn(first)
	next, _, err := h.Refresh(t.Context(), got.Refresh, issue.Request{}, use(time.Minute))
	must(t, err)
	elsewhere := use(time.Minute + time.Second)
	elsewhere.UserAgent = "stranger"
	_, _, err = h.Refresh(t.Context(), got.Refresh, issue.Request{}, elsewhere)
	must(t, err)
	s := h.sessionOf(got)
	_, err = h.store.Rotate(t.Context(), session.Rotation{ID: s.ID, From: 1, To: 0, Use: use(0), ExpiresAt: s.ExpiresAt}) // a backup
	must(t, err)
	_, seen, err := h.Refresh(t.Context(), next.Refresh, issue.Request{}, use(time.Hour))
	if err != nil || seen.Kind != session.AheadOfStore {
		t.Errorf("%+v, %v", seen, err)
	}
	want := []event.Event{
		{Type: event.SessionReplayed, At: elsewhere.At, AccountID: id, SessionID: s.ID, Address: "203.0.113.7", UserAgent: "stranger"},
		{Type: event.SessionAhead, At: start.Add(time.Hour), AccountID: id, SessionID: s.ID, Address: "203.0.113.7", UserAgent: "telephone"},
	}
	if diff := cmp.Diff(want, h.events(event.SessionReplayed, event.SessionAhead)); diff != "" {
		t.Error(diff)
	}
}

func TestStepUp(t *testing.T) {
	h := open(t, cost(8, 1), nil, week)
	h.signUp(ana)
	got := h.signIn(first)
	in, later := h.sessionOf(got), start.Add(time.Hour+time.Microsecond)
	up, err := h.StepUp(t.Context(), in, typed(t, first), issue.Request{}, later)
	must(t, err)
	claims, err := h.read(up.Access.Reveal(), later)
	must(t, err)
	if !claims.Fresh() || !up.Fresh || claims.AuthTime().Unix() != later.Unix() || up.Refresh != "" || up.SessionID != in.ID {
		t.Errorf("fresh %v, proved at %v", claims.Fresh(), claims.AuthTime())
	}
	if proved := h.sessionOf(got).AuthTime(); !proved.Equal(later.Truncate(time.Millisecond)) {
		t.Errorf("the session was proved at %v", proved)
	}
	// What cannot be issued changes nothing.
	if out, err := h.StepUp(t.Context(), in, typed(t, first), issue.Request{Audience: endless}, later.Add(time.Hour)); !errors.Is(err, token.ErrTooLarge) || out.Access != "" {
		t.Errorf("a token that is too large: %v", err)
	}
	if proved := h.sessionOf(got).AuthTime(); !proved.Equal(later.Truncate(time.Millisecond)) {
		t.Errorf("the session was proved at %v for nothing", proved)
	}
	next, _, err := h.Refresh(t.Context(), got.Refresh, issue.Request{}, session.Use{At: later})
	must(t, err)
	if claims, err := h.read(next.Access.Reveal(), later); err != nil || claims.Fresh() || next.Fresh || claims.AuthTime().Unix() != later.Unix() {
		t.Errorf("after the refresh: fresh %v, proved at %v, %v", claims.Fresh(), claims.AuthTime(), err)
	}
}

// TestNothingIsStartedForATokenThatIsTooLarge: neither a session nor a successor.
func TestNothingIsStartedForATokenThatIsTooLarge(t *testing.T) {
	h := open(t, cost(8, 1), nil, week)
	h.signUp(ana)
	got := h.signIn(first)
	wide := issue.Request{Audience: endless}
	if out, err := h.Password(t.Context(), ana, typed(t, first), wide, use(0)); !errors.Is(err, token.ErrTooLarge) || out.Refresh != "" {
		t.Errorf("sign in: %v", err)
	}
	if all := h.events(event.SessionStarted); len(all) != 1 {
		t.Errorf("%d sessions of one sign-in", len(all))
	}
	if out, _, err := h.Refresh(t.Context(), got.Refresh, wide, use(0)); !errors.Is(err, token.ErrTooLarge) || out.Refresh != "" {
		t.Errorf("refresh: %v", err)
	}
	if g := h.sessionOf(got).Generation; g != 0 {
		t.Errorf("generation %d", g)
	}
}

func TestSignUpCanBeClosed(t *testing.T) {
	h := openWith(t, cost(8, 1), nil, week, func(c *parts) { c.People.SignUpOpen = false })
	if _, err := h.SignUp(t.Context(), ana, typed(t, first), use(0)); !errors.Is(err, account.ErrSignUpClosed) {
		t.Errorf("got %v", err)
	}
	h.refuse(account.ErrNotProved, first)
	_, err := h.CreateAccount(t.Context(), ana, typed(t, first), start)
	must(t, err)
	h.signIn(first)
}

// TestSessionsPerAccount: a sign-in beyond the limit ends the session that was not
// used for longest.
func TestSessionsPerAccount(t *testing.T) {
	policy := week
	policy.PerAccount = 2
	h := open(t, cost(8, 1), nil, policy)
	h.signUp(ana)
	var all []issue.Tokens
	for i := range 3 {
		got, err := h.Password(t.Context(), ana, typed(t, first), issue.Request{}, use(time.Duration(i)*time.Minute))
		must(t, err)
		all = append(all, got)
		if ended := !h.sessionOf(all[0]).EndedAt.IsZero(); ended != (i == 2) {
			t.Errorf("after %d sign-ins, the first has ended: %v", i+1, ended)
		}
	}
	for _, got := range all[1:] {
		must(t, h.sessionOf(got).Check(start.Add(3*time.Minute)))
	}
}

func TestChangePassword(t *testing.T) {
	h := open(t, cost(8, 1), nil, week)
	h.signUp(ana)
	own, another := h.signIn(first), h.signIn(first)
	change := func(current, chosen string, want error) {
		t.Helper()
		c := signin.Change{Session: h.sessionOf(own), Current: typed(t, current), New: typed(t, chosen), At: start.Add(time.Minute)}
		if err := h.ChangePassword(t.Context(), c); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	change(other, "a third horse battery", account.ErrNotProved)
	change(first, "short", password.ErrTooShort)
	must(t, h.sessionOf(another).Check(start)) // nothing has happened
	change(first, other, nil)
	h.refuse(account.ErrNotProved, first)
	h.signIn(other)
	must(t, h.sessionOf(own).Check(start.Add(time.Hour)))
	if s := h.sessionOf(another); !s.EndedAt.Equal(start.Add(time.Minute)) || s.EndReason != session.ReasonPasswordChanged {
		t.Errorf("the other session ended at %v, %s", s.EndedAt, s.EndReason)
	}
}

// contested is a store under which an account changes so many times, or whose
// steps fail.
type contested struct {
	account.Store
	sessions issue.Store
	changes  int
	fail     error
}

func (c *contested) ChangePassword(ctx context.Context, p account.PasswordChange) (int, error) {
	if c.fail != nil {
		return 0, c.fail
	}
	if c.changes > 0 {
		c.changes--
		return 0, account.ErrChanged
	}
	return c.Store.ChangePassword(ctx, p)
}

func (c *contested) StartSession(ctx context.Context, s issue.Start) (int64, error) {
	if c.fail != nil {
		return 0, c.fail
	}
	return c.sessions.StartSession(ctx, s)
}

func TestSetPassword(t *testing.T) {
	store := &contested{}
	h := openWith(t, cost(8, 1), nil, week, func(c *parts) {
		store.Store, store.sessions = c.Accounts, c.Sessions
		c.Accounts, c.Sessions = store, store
	})
	id := h.signUp(ana)
	h.signIn(first)
	h.signIn(first)
	set := func(id, chosen string, changes, sessions int, want error) {
		t.Helper()
		store.changes = changes
		if n, err := h.SetPassword(t.Context(), id, typed(t, chosen), start); !errors.Is(err, want) || n != sessions {
			t.Errorf("%d changes meanwhile: %d sessions, %v, want %d, %v", changes, n, err, sessions, want)
		}
	}
	set("11111111-1111-4111-8111-111111111111", other, 0, 0, account.ErrNotFound)
	set(id, "short", 0, 0, password.ErrTooShort)
	set(id, other, 5, 0, account.ErrChanged)
	h.signIn(first)
	set(id, other, 4, 3, nil)
	h.refuse(account.ErrNotProved, first)
	h.signIn(other)
	store.fail = errStore
	set(id, first, 0, 0, errStore)
	if _, err := h.Password(t.Context(), ana, typed(t, other), issue.Request{}, use(0)); !errors.Is(err, errStore) || errors.Is(err, account.ErrNotProved) {
		t.Errorf("a session that could not be stored: %v", err)
	}
	store.fail = account.ErrChanged
	h.refuse(account.ErrNotProved, other)
	err := h.ChangePassword(t.Context(), signin.Change{Current: typed(t, other), New: typed(t, first), At: start,
		Session: session.Session{AccountID: id}})
	if !errors.Is(err, account.ErrChanged) {
		t.Errorf("a change that lost: %v", err)
	}
}

func TestCookieSession(t *testing.T) {
	h := open(t, cost(8, 1), nil, week)
	h.signUp(ana)
	got, err := h.Password(t.Context(), ana, typed(t, first), issue.Request{Cookie: true}, use(0))
	must(t, err)
	if got.CSRF == "" || claim(t, got.Access, "csrf") != got.CSRF.Reveal() {
		t.Errorf("csrf %v", claim(t, got.Access, "csrf"))
	}
	if plain := h.signIn(first); plain.CSRF != "" || claim(t, plain.Access, "csrf") != nil {
		t.Error("a csrf value without a cookie")
	}
	for name, test := range map[string]struct {
		refresh session.Token
		csrf    string
		want    error
	}{
		"its own":     {got.Refresh, got.CSRF.Reveal(), nil},
		"none":        {got.Refresh, "", issue.ErrCrossSite},
		"another's":   {got.Refresh, "3cWY0TQ6KZm0bNjLvt_pUQ", issue.ErrCrossSite},
		"no token":    {"", got.CSRF.Reveal(), session.ErrTokenInvalid},
		"a false one": {got.Refresh[:len(got.Refresh)-1], got.CSRF.Reveal(), session.ErrTokenInvalid},
	} {
		s, err := h.CookieSession(t.Context(), test.refresh, test.csrf, start)
		if !errors.Is(err, test.want) || (s.ID == got.SessionID) != (test.want == nil) {
			t.Errorf("%s: session %q, %v", name, s.ID, err)
		}
	}
}

// TestProofsOfClients: a client assertion is used up by a guess and by a success,
// and by nothing that lets the client come back with it.
func TestProofsOfClients(t *testing.T) {
	h := open(t, cost(8, 1), nil, week)
	h.signUp(ana)
	key, err := jose.Generate(jose.ES256)
	must(t, err)
	portal := clients.Client{ID: "portal", Name: "portal", Kind: clients.App, PublicKey: string(key.PublicJWK()), CreatedAt: start}
	billing := clients.Client{ID: "billing", Name: "billing", Kind: clients.Service, PublicKey: string(key.PublicJWK()), CreatedAt: start}
	must(t, h.store.CreateClient(t.Context(), portal))
	must(t, h.store.CreateClient(t.Context(), billing))
	prover := clients.NewProver(h.store, clients.Key("0123456789abcdef0123456789abcdef"), issuer)
	serial := 'a'
	show := func(id string) clients.Shown {
		serial++
		payload, err := json.Marshal(map[string]any{"iss": id, "sub": id, "aud": issuer, "exp": start.Add(time.Minute).Unix(), "jti": string(serial)})
		must(t, err)
		input := jose.Encode([]byte(`{"alg":"ES256"}`)) + "." + jose.Encode(payload)
		signature, err := key.Sign(input)
		must(t, err)
		return clients.Shown{Assertion: clients.Plain(input + "." + jose.Encode(signature))}
	}
	// try runs a flow with the proof of an assertion, which another request may
	// have used since it was examined.
	try := func(name string, c clients.Client, replayed bool, want error, used bool, flow func(issue.Request) error) {
		t.Helper()
		shown := show(c.ID)
		proof, err := prover.Examine(t.Context(), shown, start)
		must(t, err)
		if replayed {
			_, err := prover.Prove(t.Context(), shown, start)
			must(t, err)
		}
		if err := flow(issue.Request{Client: c, Proof: proof}); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		if _, err := prover.Prove(t.Context(), shown, start); errors.Is(err, clients.ErrReplayed) != used {
			t.Errorf("%s: the assertion again: %v", name, err)
		}
	}
	var got issue.Tokens
	signIn := func(ctx context.Context, text string) func(issue.Request) error {
		return func(w issue.Request) (err error) {
			got, err = h.Password(ctx, ana, typed(t, text), w, use(0))
			return err
		}
	}
	refresh := func(w issue.Request) error { _, _, err := h.Refresh(t.Context(), got.Refresh, w, use(0)); return err }
	inItsName := func(scope string) func(issue.Request) error {
		return func(w issue.Request) error { _, err := h.ClientCredentials(t.Context(), w, scope, start); return err }
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	try("a guess", portal, false, account.ErrNotProved, true, signIn(t.Context(), other))
	try("no turn for the hash", portal, false, context.Canceled, false, signIn(gone, first))
	try("a replay", portal, true, clients.ErrReplayed, true, signIn(t.Context(), first))
	if n := len(h.events(event.SessionStarted)); n != 0 {
		t.Errorf("%d sessions of a replay", n)
	}
	try("a sign-in", portal, false, nil, true, signIn(t.Context(), first))
	try("a replay at the refresh", portal, true, clients.ErrReplayed, true, refresh)
	if g := h.sessionOf(got).Generation; g != 0 {
		t.Errorf("generation %d after a replay", g)
	}
	try("a refresh", portal, false, nil, true, refresh)
	try("a token of its own", billing, false, nil, true, inItsName(""))
	try("a scope that it has not", billing, false, issue.ErrScope, false, inItsName("a"))
	try("a replay for a token of its own", billing, true, clients.ErrReplayed, true, inItsName(""))
}

func TestBoundsOfTheRefreshRetry(t *testing.T) {
	for retry, ok := range map[time.Duration]bool{-1: false, 0: true, 1: true} {
		if err := (issue.Policy{AccessTTL: time.Minute, RefreshRetry: retry}).Validate(); (err == nil) != ok {
			t.Errorf("%v: %v", retry, err)
		}
	}
}
