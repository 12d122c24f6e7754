package token_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portaria/portaria/internal/keyring"
	"github.com/portaria/portaria/internal/keyring/masterkey"
	"github.com/portaria/portaria/internal/token"
	"github.com/portaria/portaria/verify"
)

// keys is as much of a key store as one ring with one process needs.
type keys struct {
	keyring.Store
	records []keyring.Record
}

func (k *keys) Keys(context.Context) ([]keyring.Record, error) { return k.records, nil }

func (k *keys) Secrets(context.Context) ([]keyring.SealedSecret, error) { return nil, nil }

func (k *keys) AddKey(_ context.Context, r keyring.Record) error {
	k.records = append(k.records, r)
	return nil
}

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const ttl = 15 * time.Minute

func policy() token.Policy {
	return token.Policy{Issuer: "https://id.example", Audience: "https://api.example", TTL: ttl}
}

func openRing(t testing.TB, p keyring.Policy) (*keyring.Ring, *keys) {
	t.Helper()
	store := &keys{}
	return store.open(t, p, start), store
}

// open opens a ring on the keys, as a process that starts at now does.
func (k *keys) open(t testing.TB, p keyring.Policy, now time.Time) *keyring.Ring {
	t.Helper()
	master, err := masterkey.Parse([]byte("/wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4="))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keyring.Open(t.Context(), k, master, p, now)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// house is an issuer, and what its verifiers know of it.
type house struct {
	ring   *keyring.Ring
	store  *keys
	issuer *token.Issuer
	policy token.Policy
}

func newHouse(t testing.TB) house { return newHouseWith(t, func(*token.Policy) {}) }

// verify reads a token as a service of the policy's audience does, and returns
// the claims that it must have been minted from.
func (h house) verify(t testing.TB, compact string, now time.Time) (token.Claims, error) {
	t.Helper()
	v, err := verify.New(t.Context(), verify.Config{
		Issuer: h.policy.Issuer, Audience: h.policy.Audience, Profile: verify.Profile(h.policy.Services[h.policy.Audience].Profile),
		KeySet: h.ring.KeySet(now).JSON, Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := v.Verify(t.Context(), compact)
	if err != nil {
		return token.Claims{}, err
	}
	text := func(name string) (s string) {
		if raw, ok := c.Raw(name); ok {
			err = json.Unmarshal(raw, &s)
		}
		return s
	}
	return token.Claims{
		Issuer: c.Issuer(), Subject: c.Subject(), Audience: c.Audience(), IssuedAt: c.IssuedAt(), NotBefore: c.NotBefore(),
		ExpiresAt: c.ExpiresAt(), ID: c.ID(), ClientID: c.ClientID(), SessionID: c.SessionID(), Root: c.Root(), ACR: c.ACR(), Scope: c.Scope(),
		AuthTime: c.AuthTime(), AMR: c.AMR(), Fresh: c.Fresh(), Revision: c.Revision(), Type: text("type"), CSRF: text("csrf"),
	}, err
}

func someone() token.Claims {
	return token.Claims{
		Subject: "7e1a7c5e-9f0b-4f0e-8d68-0d1f1c9c2a11", ClientID: "portaria", SessionID: "Zm9vYmFyYmF6cXV4MTIzNA", Root: "b1946ac9", ACR: "aal1",
		Scope: "account orders:read", AuthTime: start.Add(-time.Hour), AMR: []string{"pwd"}, Fresh: true, Revision: 41,
	}
}

func TestMintThenVerify(t *testing.T) {
	h := newHouse(t)
	minted, claims, err := h.issuer.Mint(start.Add(300*time.Millisecond), someone())
	if err != nil {
		t.Fatal(err)
	}
	for _, age := range []time.Duration{0, time.Minute, ttl + 9*time.Second} {
		got, err := h.verify(t, minted.Reveal(), start.Add(age))
		if err != nil {
			t.Fatalf("after %v: %v", age, err)
		}
		if diff := cmp.Diff(claims, got); diff != "" {
			t.Errorf("claims after %v (-minted +verified):\n%s", age, diff)
		}
	}
	want := someone()
	want.Issuer, want.Audience, want.ID = "https://id.example", []string{"https://api.example"}, claims.ID
	want.IssuedAt, want.NotBefore, want.ExpiresAt = start, start.Add(-5*time.Second), start.Add(ttl)
	if diff := cmp.Diff(want, claims); diff != "" {
		t.Errorf("minted claims (-want +got):\n%s", diff)
	}
	if _, err := h.verify(t, minted.Reveal(), start.Add(ttl+10*time.Second)); !errors.Is(err, verify.ErrExpired) {
		t.Errorf("after its lifetime: %v, want ErrExpired", err)
	}
}
