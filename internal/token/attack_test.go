package token_test

import (
	"errors"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/jose/josetest"
	"github.com/portaria/portaria/internal/token"
)

// quickly is how long any answer may take.
const quickly = time.Millisecond

// TestAttacks: none is accepted, none as expired but the one that is nothing
// else, and each is answered within a millisecond. The best of several tries
// counts: a busy machine is no fault of ours.
func TestAttacks(t *testing.T) {
	h := newHouse(t)
	for _, profile := range []token.Profile{token.AccessToken, token.PlainJWT, token.Flask} {
		h.attack(t, profile)
	}
}

func (h house) attack(t *testing.T, profile token.Profile) {
	p := policy()
	p.Services = map[string]token.Service{p.Audience: {Profile: profile}}
	verifier, err := token.NewVerifier(h.ring, p)
	if err != nil {
		t.Fatal(err)
	}
	target := h.target(t, profile)
	if _, err := verifier.Verify(josetest.Good(t, target), start); err != nil {
		t.Fatalf("%s: the control is refused: %v", profile, err)
	}
	names := map[string]bool{}
	for _, attack := range josetest.Attacks() {
		names[attack.Name] = true
		compact := attack.Make(t, target)
		best := time.Hour
		for range 20 {
			began := time.Now()
			_, err := verifier.Verify(compact, start)
			best = min(best, time.Since(began))
			if expired := errors.Is(err, token.ErrExpired); err == nil || expired != (attack.Name == "expired") {
				t.Fatalf("%s, %s: %v, want it refused", profile, attack.Name, err)
			}
			if best < quickly {
				break
			}
		}
		if best >= quickly {
			t.Errorf("%s, %s: answered after %v", profile, attack.Name, best)
		}
	}
	if len(names) < 60 {
		t.Errorf("%d attacks, want 60 at least", len(names))
	}
	t.Logf("%s: %d attacks", profile, len(names))
}

func (h house) target(t *testing.T, profile token.Profile) josetest.Target {
	t.Helper()
	key, err := h.ring.Active(start)
	if err != nil {
		t.Fatal(err)
	}
	target := josetest.Target{Signer: key.Key, Type: "JWT", Now: start, Claims: map[string]any{
		"iss": "https://id.example", "sub": "u1", "aud": "https://api.example", "iat": start.Unix(), "exp": start.Add(ttl).Unix(),
	}}
	switch profile {
	case token.AccessToken:
		target.Type = "at+jwt"
	case token.Flask:
		target.Claims["type"] = "access"
	}
	return target
}
