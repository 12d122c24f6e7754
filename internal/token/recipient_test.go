package token_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/portaria/portaria/internal/jose"
	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/token"
)

// registry is what is registered, and who was looked up there.
type registry struct {
	services map[string]token.Service
	broken   error
	asked    []string
}

func (r *registry) find(_ context.Context, audience string) (token.Service, error) {
	r.asked = append(r.asked, audience)
	if r.broken != nil {
		return token.Service{}, r.broken
	}
	service, known := r.services[audience]
	if !known {
		return token.Service{}, token.ErrAudience
	}
	return service, nil
}

// mintFor answers the "typ" of the token and its audience.
func (h house) mintFor(t *testing.T, audience string) (typ, aud string) {
	t.Helper()
	r, err := h.issuer.Recipient(t.Context(), audience, start)
	if err != nil {
		t.Fatalf("%s: %v", audience, err)
	}
	minted, c, err := h.issuer.MintFor(start, r, someone())
	if err != nil {
		t.Fatalf("%s: %v", audience, err)
	}
	parts, err := jose.Split(minted.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	header, err := jose.ParseHeader(parts.Header)
	if err != nil {
		t.Fatal(err)
	}
	return header.Type, c.Audience[0]
}

func TestRegisteredRecipients(t *testing.T) {
	r := &registry{services: map[string]token.Service{
		"stock": {Profile: token.PlainJWT}, "orders": {}, "odd": {Profile: "odd"},
		"locked": {EncryptTo: silent{}}, "twice": {EncryptTo: silent{}}, "formed": {Profile: token.PlainJWT},
	}}
	h := newHouseWith(t, func(p *token.Policy) {
		p.Services = map[string]token.Service{"orders": {Profile: token.Flask}, "alone": {Profile: token.PlainJWT}, "twice": {}, "formed": {}}
		p.Registered = r.find
	})
	for audience, want := range map[string]string{"stock": "JWT", "orders": "JWT", "alone": "JWT", own: "at+jwt", "": "at+jwt"} {
		typ, aud := h.mintFor(t, audience)
		if audience == "" {
			audience = own
		}
		if typ != want || aud != audience {
			t.Errorf("%s: typ %s, aud %s", audience, typ, aud)
		}
	}
	refuse := func(audience string, want error) {
		t.Helper()
		if _, err := h.issuer.Recipient(t.Context(), audience, start); err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", audience, err, want)
		}
	}
	refuse("nobody", token.ErrAudience)
	refuse("locked", token.ErrNoEncryptionKey)
	for _, contradiction := range []string{"odd", "twice", "formed", own} { // a mistake of ours, no wrong audience
		r.services[own] = token.Service{Profile: token.PlainJWT}
		refuse(contradiction, nil)
		if _, err := h.issuer.Recipient(t.Context(), contradiction, start); errors.Is(err, token.ErrAudience) {
			t.Errorf("%s: %v", contradiction, err)
		}
	}
	r.broken = errors.New("no database")
	refuse("stock", r.broken)
	refuse("alone", r.broken) // who knows what is registered
}

func TestIssuerLongestTTL(t *testing.T) {
	if got, err := newHouse(t).issuer.LongestTTL(start); err != nil || got != time.Hour {
		t.Errorf("%v, %v", got, err)
	}
	h := newHouse(t)
	if _, err := h.issuer.LongestTTL(start.Add(-time.Hour)); !errors.Is(err, keyring.ErrNoActiveKey) {
		t.Errorf("before its first key: %v", err)
	}
}

// TestARehearsalRefusesWhatMintingWould: a step must not be done for a token that
// is then too large, nor be refused for one that is not.
func TestARehearsalRefusesWhatMintingWould(t *testing.T) {
	const limit = 1000
	for name, signed := range map[string]bool{"the key has not signed": false, "the key has signed": true} {
		t.Run(name, func(t *testing.T) {
			fits, tooLarge := 0, 0
			for length := 150; length < 400; length++ {
				h := newHouseWith(t, func(p *token.Policy) { p.MaxSize = limit })
				r, err := h.issuer.Recipient(t.Context(), own, start)
				if err != nil {
					t.Fatal(err)
				}
				if signed {
					if _, _, err := h.issuer.Mint(start, someone()); err != nil {
						t.Fatal(err)
					}
				}
				c := someone()
				c.Scope, c.Revision = strings.Repeat("x", length), 1<<53-1
				_, prepared := h.issuer.Prepare(t.Context(), start, r, c)
				_, _, minted := h.issuer.MintFor(start, r, c)
				if errors.Is(prepared, token.ErrTooLarge) != errors.Is(minted, token.ErrTooLarge) {
					t.Fatalf("a scope of %d bytes: rehearsed %v, minted %v", length, prepared, minted)
				}
				if minted == nil {
					fits++
				} else {
					tooLarge++
				}
			}
			if fits == 0 || tooLarge == 0 {
				t.Errorf("%d tokens were small enough, %d were not: want both", fits, tooLarge)
			}
		})
	}
}
