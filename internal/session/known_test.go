package session

import (
	"testing"

	"github.com/portaria/portaria/internal/secret"
)

// Refresh tokens and csrf values outlive the process and its version. These
// were computed from the description of the format alone.
func TestKnownTokens(t *testing.T) {
	key := make(secret.Bytes, 32)
	for i := range key {
		key[i] = byte(i)
	}
	s := Session{ID: "00112233-4455-6677-8899-aabbccddeeff", Generation: 7}
	for i := range s.Salt {
		s.Salt[i] = byte(100 + i)
	}
	c := &Chain{keys: func() []secret.Bytes { return []secret.Bytes{key} }}
	const token = "prt_ABEiM0RVZneImaq7zN3u_wAAAAAABx7gWnln4kSggUWqkZsyKZCfsPv0jV9zYysS9RkujKq2"
	if got, err := c.derive(s, 7); err != nil || got.Reveal() != token {
		t.Errorf("token %s, %v", got.Reveal(), err)
	}
	known, err := parse(token)
	if err != nil || known.id != s.ID || known.generation != 7 || !c.genuine(known, s) {
		t.Errorf("read back: %v %v", known, err)
	}
	if got := c.CSRF(s).Reveal(); got != "3cWY0TQ6KZm0bNjLvt_pUQ" {
		t.Errorf("csrf value %s", got)
	}
}

// Every prefix of a good token is refused, and panics nowhere.
func TestPrefixesOfATokenAreRefused(t *testing.T) {
	const token = "prt_ABEiM0RVZneImaq7zN3u_wAAAAAABx7gWnln4kSggUWqkZsyKZCfsPv0jV9zYysS9RkujKq2"
	for n := range token {
		if _, err := parse(Token(token[:n])); err != ErrTokenInvalid {
			t.Errorf("%q: %v", token[:n], err)
		}
	}
	if _, err := parse(token + "A"); err != ErrTokenInvalid {
		t.Errorf("one character more: %v", err)
	}
	// The decoder skips line feeds: the length fits, what it decodes to does not.
	if _, err := parse(Token(token[:len(token)-4] + "\n\n\n\n")); err != ErrTokenInvalid {
		t.Errorf("line feeds at the end: %v", err)
	}
}
