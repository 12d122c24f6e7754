package signin_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/guard"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/keyring/masterkey"
	"github.com/portaria/portaria/internal/password"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/signin"
	"github.com/portaria/portaria/internal/store/sqlstore"
	"github.com/portaria/portaria/internal/token"
	"github.com/portaria/portaria/verify"
)

const (
	ana   = "ana@example.com"
	first = "correct horse battery"
	other = "another horse battery"
)

var start = time.Date(2030, 1, 2, 3, 4, 5, 678e6, time.UTC)

// house is the flows on a real store, with real keys and real hashes.
type house struct {
	*testing.T
	*signin.Service
	issuing
	people
	store  *sqlstore.Store
	keySet []byte
	policy session.Policy
}

// issuing is issue.Service under another name, because house embeds two services.
type issuing = *issue.Service

// people is embedded one level deeper than signin.Service, whose ChangePassword
// is meant.
type people struct{ *account.Directory }

// parts are what a house is built of.
type parts struct {
	Sessions issue.Store
	Accounts account.Store
	Events   issue.Events
	Chain    *session.Chain
	Tokens   *token.Issuer
	Guard    signin.Guarding
	People   account.Policy
	Policy   issue.Policy
}

// cost is a password policy for tests: so much memory, so many iterations.
func cost(kib, iterations uint32) password.Policy {
	p := password.DefaultPolicy()
	p.MemoryKiB, p.Iterations, p.InsecureCheapHashes = kib, iterations, true
	return p
}

// open builds a house whose password hashes cost this much, on the store of
// another house or on a new one.
func open(t *testing.T, passwords password.Policy, on *sqlstore.Store, policy session.Policy) house {
	t.Helper()
	return openWith(t, passwords, on, policy, func(*parts) {})
}

// openWith is open with a change of the parts.
func openWith(t *testing.T, passwords password.Policy, on *sqlstore.Store, policy session.Policy, change func(*parts)) house {
	t.Helper()
	ctx := t.Context()
	if on == nil {
		var err error
		on, err = sqlstore.Open(ctx, "sqlite:"+t.TempDir()+"/test.db", sqlstore.Options{})
		must(t, err)
		t.Cleanup(func() { _ = on.Close() })
	}
	master, err := masterkey.Parse([]byte("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="))
	must(t, err)
	ring, err := keyring.Open(ctx, on.Keyring(), master, keyring.Policy{LongestTTL: time.Hour}, start)
	must(t, err)
	tokenPolicy := token.Policy{
		Issuer: "https://auth.example.com", Audience: "shop", TTL: 15 * time.Minute,
		Services: map[string]token.Service{"orders": {Profile: token.PlainJWT}, "locked": {EncryptTo: noKey{}}, "stock": {}, endless: {}},
	}
	issuer, err := token.NewIssuer(ring, tokenPolicy)
	must(t, err)
	hasher, err := password.New(passwords, password.Options{})
	must(t, err)
	t.Cleanup(func() { _ = hasher.Close() })
	chain, err := session.NewChain(on, make([]byte, 32), policy)
	must(t, err)
	parts := parts{Sessions: on, Accounts: on, Events: on, Chain: chain, Tokens: issuer,
		Guard: unguarded(t), People: account.Policy{SignUpOpen: true}, Policy: issue.Policy{AccessTTL: 15 * time.Minute}}
	change(&parts)
	issuing, err := issue.New(issue.Config{
		Store: parts.Sessions, Chain: parts.Chain, Tokens: parts.Tokens, Events: parts.Events, Policy: parts.Policy,
	})
	must(t, err)
	directory := account.NewDirectory(parts.Accounts, hasher, parts.People)
	return house{t, signin.New(directory, issuing, parts.Events, parts.Guard), issuing, people{directory}, on, ring.KeySet(start).JSON, policy}
}

// Password signs in as a stranger, and leaves out the device token of the device.
func (h house) Password(ctx context.Context, identifier string, plain password.Plain, request issue.Request, use session.Use) (issue.Tokens, error) {
	signed, err := h.Service.Password(ctx, signin.Try{Identifier: identifier, Password: plain}, request, use)
	return signed.Tokens, err
}

// unguarded are budgets that no test spends by accident.
func unguarded(t *testing.T) signin.Guarding {
	t.Helper()
	p := guard.DefaultPolicy()
	p.Strangers.Failures, p.Device.Failures, p.Address.Failures, p.Network.Failures, p.Accounts.Failures = 1e6, 1e6, 1e6, 1e6, 1e6
	return guarded(t, p, time.Now)
}

// guarded are the budgets of a policy, at a time that now tells.
func guarded(t *testing.T, p guard.Policy, now func() time.Time) signin.Guarding {
	t.Helper()
	g, err := guard.New(p, guard.NewMemory(now), make([]byte, 32), now)
	must(t, err)
	keys := func(time.Time) [][]byte { return [][]byte{make([]byte, 32)} }
	return signin.Guarding{Guard: g, Devices: guard.Devices{Keys: keys, Lifetime: p.Device.Lifetime}}
}

// read verifies an access token for the flows' own audience.
func (h house) read(access string, now time.Time) (verify.Claims, error) {
	h.Helper()
	v, err := verify.New(h.Context(), verify.Config{Issuer: "https://auth.example.com", Audience: "shop", KeySet: h.keySet,
		Now: func() time.Time { return now }})
	must(h, err)
	return v.Verify(h.Context(), access)
}

// endless is an audience so long that no token for it can be minted.
var endless = strings.Repeat("x", 4096)

// noKey is a service whose key is not known yet.
type noKey struct{}

func (noKey) EncryptionKey(time.Time) (jose.Key, error) {
	return jose.Key{}, token.ErrNoEncryptionKey
}

var week = session.Policy{Idle: 7 * 24 * time.Hour, Absolute: 30 * 24 * time.Hour, Grace: 10 * time.Second}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func typed(t testing.TB, text string) password.Plain {
	t.Helper()
	p, err := password.Typed(text)
	must(t, err)
	return p
}

func use(after time.Duration) session.Use {
	return session.Use{At: start.Add(after), Address: "203.0.113.7", UserAgent: "telephone"}
}

func (h house) signUp(identifier string) string {
	h.Helper()
	id, err := h.SignUp(h.Context(), identifier, typed(h, first), use(0))
	must(h, err)
	return id
}

func (h house) signIn(text string) issue.Tokens {
	h.Helper()
	got, err := h.Password(h.Context(), ana, typed(h, text), issue.Request{}, use(0))
	must(h, err)
	return got
}

func (h house) refuse(want error, text string) {
	h.Helper()
	if _, err := h.Password(h.Context(), ana, typed(h, text), issue.Request{}, use(0)); !errors.Is(err, want) {
		h.Fatalf("sign in: got %v, want %v", err, want)
	}
}

func (h house) account() account.Account {
	h.Helper()
	a, err := h.store.AccountByIdentifier(h.Context(), ana)
	must(h, err)
	return a
}

func (h house) sessionOf(t issue.Tokens) session.Session {
	h.Helper()
	s, err := h.store.Session(h.Context(), t.SessionID)
	must(h, err)
	return s
}

func TestSignInTellsNobodyWhy(t *testing.T) {
	h := open(t, cost(8, 1), nil, week)
	h.refuse(account.ErrNotProved, first)
	id := h.signUp(ana)
	h.signIn(first)
	h.refuse(account.ErrNotProved, other)
	_, err := h.DisableAccount(t.Context(), id, start)
	must(t, err)
	h.refuse(account.ErrNotProved, first)
}

func TestIdentifierIsTakenInEverySpelling(t *testing.T) {
	h := open(t, cost(8, 1), nil, week)
	h.signUp(ana)
	for _, again := range []string{ana, "ANA@EXAMPLE.COM", " ana@example.com "} {
		if _, err := h.SignUp(t.Context(), again, typed(t, first), use(0)); !errors.Is(err, account.ErrIdentifierTaken) {
			t.Errorf("%q: got %v", again, err)
		}
	}
}

func TestOutdatedHashIsRenewedAtSignIn(t *testing.T) {
	old := open(t, cost(8, 1), nil, week)
	old.signUp(ana)
	before := old.account()

	renewing := open(t, cost(8, 2), old.store, week)
	renewing.refuse(account.ErrNotProved, other)
	if renewing.account().PasswordHash != before.PasswordHash {
		t.Fatal("a wrong password renewed the hash")
	}
	renewing.signIn(first)
	after := renewing.account()
	if !strings.Contains(after.PasswordHash, "t=2") || !after.PasswordChangedAt.Equal(before.PasswordChangedAt) {
		t.Fatalf("hash %.30s…, changed at %v", after.PasswordHash, after.PasswordChangedAt)
	}
	renewing.signIn(first)
	if renewing.account().PasswordHash != after.PasswordHash {
		t.Fatal("a current hash was renewed")
	}
}

// A change of password that falls between checking a password and starting
// the session must win: the session would outlive "end all sessions".
func TestChangeBetweenCheckAndStart(t *testing.T) {
	h := open(t, cost(8, 1), nil, week)
	h.signUp(ana)
	verified := h.account()
	keep := h.signIn(first)
	must(t, h.ChangePassword(t.Context(), signin.Change{
		Session: h.sessionOf(keep), Current: typed(t, first), New: typed(t, other), At: start.Add(time.Second),
	}))
	late := h.sessionOf(keep)
	late.ID = "7b0b9b0e-8c1f-4b5e-9a53-0c5f1f1f1f1f"
	_, err := h.store.StartSession(t.Context(), issue.Start{Session: late, Account: verified})
	if !errors.Is(err, account.ErrChanged) {
		t.Fatalf("got %v, want %v", err, account.ErrChanged)
	}
}

func TestOnlyOneOfTwoPasswordChangesWins(t *testing.T) {
	h := open(t, cost(8, 1), nil, week)
	h.signUp(ana)
	in := h.sessionOf(h.signIn(first))
	change := account.PasswordChange{Account: h.account(), NewHash: "$new", KeepSession: in.ID, At: start}
	_, err := h.store.ChangePassword(t.Context(), change)
	must(t, err)
	if _, err := h.store.ChangePassword(t.Context(), change); !errors.Is(err, account.ErrChanged) {
		t.Fatalf("second change: got %v", err)
	}
}

func TestAccessTokenSaysWhatTheSessionIs(t *testing.T) {
	h := open(t, cost(8, 1), nil, week)
	id := h.signUp(ana)
	got := h.signIn(first)
	claims, err := h.read(got.Access.Reveal(), start)
	must(t, err)
	if claims.Subject() != id || claims.SessionID() != got.SessionID || claims.ClientID() != issue.ClientID ||
		!claims.Fresh() || !claims.AuthTime().Equal(start.Truncate(time.Second)) || len(claims.AMR()) != 1 || claims.AMR()[0] != "pwd" {
		t.Fatalf("claims of %s: %+v", claims.Subject(), claims)
	}
}

// TestAudiences: a refused audience costs nothing. Above all it spends no
// refresh token: whoever came back with it would look like a thief.
func TestAudiences(t *testing.T) {
	h := open(t, cost(8, 1), nil, week)
	h.signUp(ana)
	got := h.signIn(first)
	for audience, want := range map[string]error{"strangers": token.ErrAudience, "locked": token.ErrNoEncryptionKey} {
		if _, err := h.Password(t.Context(), ana, typed(t, other), issue.Request{Audience: audience}, use(0)); !errors.Is(err, want) {
			t.Errorf("sign in for %s: %v, want %v", audience, err, want)
		}
		if _, _, err := h.Refresh(t.Context(), got.Refresh, issue.Request{Audience: audience}, use(0)); !errors.Is(err, want) {
			t.Errorf("refresh for %s: %v, want %v", audience, err, want)
		}
	}
	next, event, err := h.Refresh(t.Context(), got.Refresh, issue.Request{Audience: "orders"}, use(time.Hour))
	if err != nil || event.Kind != "" {
		t.Fatalf("the refused refreshes have spent the token: %v, %+v", err, event)
	}
	if _, err := h.read(next.Access.Reveal(), start.Add(time.Hour)); !errors.Is(err, verify.ErrInvalid) {
		t.Errorf("a token for another audience is good here: %v", err)
	}
	if _, _, err := h.Refresh(t.Context(), next.Refresh, issue.Request{Audience: "shop"}, use(time.Hour)); err != nil {
		t.Errorf("its own audience by name: %v", err)
	}
}

func TestAccessTokenDoesNotOutliveItsSession(t *testing.T) {
	short := session.Policy{Idle: 20 * time.Minute, Absolute: 20 * time.Minute}
	h := open(t, cost(8, 1), nil, short)
	h.signUp(ana)
	got := h.signIn(first)
	tests := []struct{ after, expiresIn time.Duration }{
		{5 * time.Minute, 15 * time.Minute},
		{6 * time.Minute, 14 * time.Minute},
		{20*time.Minute - time.Millisecond, time.Second},
	}
	for _, test := range tests {
		next, _, err := h.Refresh(t.Context(), got.Refresh, issue.Request{}, use(test.after))
		must(t, err)
		if next.ExpiresIn.Round(time.Second) != test.expiresIn {
			t.Errorf("after %v: expires in %v, want %v", test.after, next.ExpiresIn, test.expiresIn)
		}
		got = next
	}
}

func TestStepUpNeedsALivingSession(t *testing.T) {
	h := open(t, cost(8, 1), nil, week)
	h.signUp(ana)
	in := h.sessionOf(h.signIn(first))
	_, err := h.store.EndSession(t.Context(), session.End{ID: in.ID, Reason: session.ReasonSignedOut, At: start})
	must(t, err)
	// in was read before the end, as a request in flight has it.
	if _, err := h.StepUp(t.Context(), in, typed(t, first), issue.Request{}, start); !errors.Is(err, session.ErrEnded) {
		t.Fatalf("got %v, want %v", err, session.ErrEnded)
	}
}

func TestBusyHasherSaysNothingAboutTheAccount(t *testing.T) {
	h := open(t, cost(8, 1), nil, week)
	h.signUp(ana)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, who := range []string{ana, "nobody@example.com"} {
		if _, err := h.Password(ctx, who, typed(t, first), issue.Request{}, use(0)); err == nil || errors.Is(err, account.ErrNotProved) {
			t.Errorf("%s: got %v, want the context's error", who, err)
		}
	}
}

func TestPolicyBoundsTheLifetime(t *testing.T) {
	for _, ttl := range []time.Duration{0, -time.Second, issue.MinAccessTTL - 1, issue.MaxAccessTTL + 1} {
		if err := (issue.Policy{AccessTTL: ttl}).Validate(); err == nil {
			t.Errorf("%v was accepted", ttl)
		}
	}
	if err := (issue.Policy{AccessTTL: 15 * time.Minute}).Validate(); err != nil {
		t.Error(err)
	}
}

// The memory that Argon2id takes is the work it does, to the byte and on
// every machine; time would only say how busy this one is. No kind of refusal
// may be had for less.
func TestRefusalsDoTheSameWork(t *testing.T) {
	old := open(t, cost(3<<10, 1), nil, week)
	old.signUp("old@example.com")
	h := open(t, cost(8<<10, 1), old.store, week)
	h.signUp(ana)
	disabled := h.signUp("disabled@example.com")
	_, err := h.DisableAccount(t.Context(), disabled, start)
	must(t, err)
	work := func(identifier, text string) int64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := h.Password(t.Context(), identifier, typed(t, text), issue.Request{}, use(0))
		runtime.ReadMemStats(&after)
		if !errors.Is(err, account.ErrNotProved) {
			t.Fatalf("%s: got %v", identifier, err)
		}
		return int64(after.TotalAlloc - before.TotalAlloc)
	}
	wrong := work(ana, other)
	if wrong < 8<<20 {
		t.Fatalf("a hash took %d bytes: this test no longer measures it", wrong)
	}
	for who, text := range map[string]string{
		"nobody@example.com": first, "no identifier at all": first, "disabled@example.com": first, "old@example.com": other,
	} {
		if took := work(who, text); max(took-wrong, wrong-took) > 1<<20 {
			t.Errorf("refusing %s took %d bytes of work, a wrong password %d", who, took, wrong)
		}
	}
}
