package session_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/portaria/portaria/internal/account"
	"github.com/portaria/portaria/internal/issue"
	"github.com/portaria/portaria/internal/session"
	"github.com/portaria/portaria/internal/store/sqlstore"
)

// openStore gives an empty store with one account in it.
func openStore(t testing.TB) (*sqlstore.Store, string) {
	t.Helper()
	ctx := context.Background()
	store, err := sqlstore.Open(ctx, "sqlite:"+t.TempDir()+"/test.db", sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	a, err := account.New("ana@example.com", start)
	if err != nil {
		t.Fatal(err)
	}
	a.PasswordHash = "$hash"
	if err := store.CreateAccount(ctx, a); err != nil {
		t.Fatal(err)
	}
	return store, a.ID
}

func save(t testing.TB, store *sqlstore.Store, s session.Session) {
	t.Helper()
	if _, err := store.StartSession(context.Background(), issue.Start{Session: s, Account: account.Account{ID: s.AccountID, PasswordHash: "$hash"}}); err != nil {
		t.Fatal(err)
	}
}

// restore sets a session back to an earlier generation.
func restore(t testing.TB, store session.Store, s session.Session, generation int64) {
	t.Helper()
	back := session.Rotation{ID: s.ID, From: s.Generation, To: generation, Use: use(0), ExpiresAt: s.ExpiresAt}
	if won, err := store.Rotate(context.Background(), back); err != nil || !won {
		t.Fatalf("restore: won %v, error %v", won, err)
	}
}

func TestForgedTokensAreInvalid(t *testing.T) {
	l := signIn(t)
	good := l.first.Token.Reveal()
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(good, "prt_"))
	if err != nil {
		t.Fatal(err)
	}
	spell := func(b []byte) string { return "prt_" + base64.RawURLEncoding.EncodeToString(b) }
	flip := func(i int) string {
		b := append([]byte(nil), raw...)
		b[i] ^= 1
		return spell(b)
	}
	stranger := uuid.New()
	forged := map[string]string{
		"empty":                 "",
		"prefix only":           "prt_",
		"no prefix":             strings.TrimPrefix(good, "prt_"),
		"prefix in upper case":  "PRT_" + good[4:],
		"session id changed":    flip(0),
		"generation raised":     flip(21),
		"generation far ahead":  flip(16),
		"tag changed, first":    flip(22),
		"tag changed, last":     flip(len(raw) - 1),
		"tag of zeros":          spell(append(append([]byte(nil), raw[:22]...), make([]byte, 32)...)),
		"unknown session":       spell(append(append([]byte(nil), stranger[:]...), raw[16:]...)),
		"cut by one":            good[:len(good)-1],
		"one more":              good + "A",
		"line feed inside":      good[:40] + "\n" + good[41:],
		"carriage return added": good + "\r",
		"space before":          " " + good,
		"standard alphabet":     strings.NewReplacer("-", "+", "_", "/").Replace(good[4:]),
		"padding":               good + "=",
		"NUL":                   good[:50] + "\x00" + good[51:],
		"an access token":       "eyJhbGciOiJFUzI1NiJ9.e30.c2ln",
		"ten megabytes":         strings.Repeat("A", 10<<20),
	}
	for name, text := range forged {
		t.Run(name, func(t *testing.T) {
			_, err := l.chain.Refresh(context.Background(), session.Token(text), terms, use(time.Minute))
			if !errors.Is(err, session.ErrTokenInvalid) {
				t.Fatalf("got %v, want %v", err, session.ErrTokenInvalid)
			}
		})
	}
	l.refresh(l.first.Token, use(time.Minute)) // none of it hurt the session
}

func TestTokenIsTiedToKeyAndSession(t *testing.T) {
	l := signIn(t)
	otherKey, err := session.NewChain(l.store, []byte(strings.Repeat("k", 32)), policy)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := otherKey.Refresh(context.Background(), l.first.Token, terms, use(0)); !errors.Is(err, session.ErrTokenInvalid) {
		t.Fatalf("another server's key: got %v", err)
	}
	// The salt: the same id and generation in another row, as after a backup
	// that was put together from two.
	store, accountID := openStore(t)
	chain, err := session.NewChain(store, make([]byte, 32), policy)
	if err != nil {
		t.Fatal(err)
	}
	other := l.first.Session
	other.AccountID, other.Salt = accountID, [16]byte{1}
	save(t, store, other)
	if _, err := chain.Refresh(context.Background(), l.first.Token, terms, use(0)); !errors.Is(err, session.ErrTokenInvalid) {
		t.Fatalf("the token of a row with another salt: got %v", err)
	}
	again, err := l.chain.Start(l.first.Session.AccountID, proved(start), terms, use(0))
	if err != nil {
		t.Fatal(err)
	}
	if again.Session.Salt == l.first.Session.Salt || again.Token == l.first.Token {
		t.Fatal("two sign-ins share salt or token")
	}
	l.refresh(l.first.Token, use(0))
}

func TestTokenPrintsAsSecret(t *testing.T) {
	l := signIn(t)
	encoded, _ := json.Marshal(map[string]any{"t": l.first.Token})
	var logged strings.Builder
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "token", l.first.Token)
	printed := fmt.Sprintf("%v %s %q %x %+v %#v %d", l.first.Token, l.first.Token, l.first.Token, l.first.Token,
		l.first, &l.first, l.first.Token)
	for _, text := range []string{string(encoded), logged.String(), printed} {
		if strings.Contains(text, l.first.Token.Reveal()) || strings.Contains(text, "prt_") ||
			strings.Contains(text, fmt.Sprintf("%x", l.first.Token.Reveal())) {
			t.Fatalf("the token shows in %s", text)
		}
	}
}

func TestPolicyRefusesTheUnsafe(t *testing.T) {
	refused := map[string]session.Policy{
		"zero":                    {},
		"no idle limit":           {Absolute: absolute},
		"absolute below idle":     {Idle: 2 * time.Hour, Absolute: time.Hour},
		"negative grace":          {Idle: idle, Absolute: absolute, Grace: -1},
		"grace to work in":        {Idle: idle, Absolute: absolute, Grace: session.MaxGrace + 1},
		"negative absolute limit": {Idle: idle, Absolute: -absolute},
	}
	for name, p := range refused {
		if err := p.Validate(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := policy.Validate(); err != nil {
		t.Errorf("the default: %v", err)
	}
	store, _ := openStore(t)
	if _, err := session.NewChain(store, make([]byte, 31), policy); err == nil {
		t.Error("a key of 31 bytes was accepted")
	}
}

// FuzzRefresh feeds anything to the parser of refresh tokens: it must answer
// ErrTokenInvalid or find the very token it made, in its only spelling.
func FuzzRefresh(f *testing.F) {
	store, accountID := openStore(f)
	chain, err := session.NewChain(store, make([]byte, 32), policy)
	if err != nil {
		f.Fatal(err)
	}
	first, err := chain.Start(accountID, proved(start), terms, use(0))
	if err != nil {
		f.Fatal(err)
	}
	save(f, store, first.Session)
	for n := range first.Token { // every prefix, and the whole below
		f.Add(first.Token.Reveal()[:n])
	}
	f.Add(first.Token.Reveal())
	f.Add("prt_" + strings.Repeat("A", 72))
	f.Add(first.Token.Reveal() + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		_, err := chain.Refresh(context.Background(), session.Token(text), terms, use(0))
		if err == nil && text != first.Token.Reveal() {
			t.Fatalf("accepted %q", text)
		}
		if err != nil && !errors.Is(err, session.ErrTokenInvalid) {
			t.Fatalf("got %v", err)
		}
	})
}
