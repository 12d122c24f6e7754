package session_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"testing"

	"github.com/portaria/portaria/internal/session"
)

func TestCSRFIsTheSessions(t *testing.T) {
	l, other := signIn(t), signIn(t)
	csrf := l.chain.CSRF(l.first.Session)
	if len(csrf) != 22 || fmt.Sprint(csrf) != "[secret]" {
		t.Errorf("%d characters, prints %v", len(csrf), csrf)
	}
	if l.chain.CSRF(l.refresh(l.first.Token, use(0)).Session) != csrf {
		t.Error("a refresh changes it: other tabs would be locked out")
	}
	if l.chain.CSRF(other.first.Session) == csrf {
		t.Error("two sessions share it")
	}
	salted := l.first.Session
	salted.Salt[0]++
	renamed := l.first.Session
	renamed.ID = other.first.Session.ID
	if l.chain.CSRF(renamed) == csrf {
		t.Error("it does not depend on the session's id")
	}
	key := make([]byte, 32)
	key[31] = 1
	rekeyed, err := session.NewChain(l.store, key, policy)
	if err != nil {
		t.Fatal(err)
	}
	if l.chain.CSRF(salted) == csrf || rekeyed.CSRF(l.first.Session) == csrf {
		t.Error("it can be had without the salt or the key")
	}
}

// TestCSRFIsApartFromRefreshTokens: it is derived under the same key, and what
// pages hold must never be what authenticates a token. Another label would
// strand every page that is open while the service is replaced.
func TestCSRFIsApartFromRefreshTokens(t *testing.T) {
	l := signIn(t)
	s := l.first.Session
	derived := func(label string) string {
		mac := hmac.New(sha256.New, make([]byte, 32)) // the key of signIn
		mac.Write([]byte(label))
		mac.Write(s.Salt[:])
		mac.Write([]byte(s.ID))
		return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
	}
	if got, want := l.chain.CSRF(s).Reveal(), derived("portaria double-submit value of a session"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if l.chain.CSRF(s).Reveal() == derived("") {
		t.Error("it has no label")
	}
}

func TestFindSpendsNothing(t *testing.T) {
	l := signIn(t)
	for range 3 {
		found, err := l.chain.Find(t.Context(), l.first.Token, use(0).At)
		if err != nil || found.ID != l.first.Session.ID {
			t.Fatalf("%s, %v", found.ID, err)
		}
	}
	l.refresh(l.first.Token, use(0))
	for _, c := range []struct {
		token session.Token
		after session.Use
		want  error
	}{
		{"", use(0), session.ErrTokenInvalid},
		{altered(l.first.Token), use(0), session.ErrTokenInvalid},
		{l.first.Token, use(idle), session.ErrExpired},
	} {
		if _, err := l.chain.Find(t.Context(), c.token, c.after.At); !errors.Is(err, c.want) {
			t.Errorf("%v, want %v", err, c.want)
		}
	}
}

// altered is another token of the same shape.
func altered(t session.Token) session.Token {
	last := byte('A')
	if t[len(t)-1] == last {
		last = 'B'
	}
	return t[:len(t)-1] + session.Token(last)
}
